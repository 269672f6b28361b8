import type { Archive } from '../../lock/schema.ts'
import { snapshotUrls } from './snapshot-urls.ts'

/**
 * Where an archive's files may lie, to try one after the other: the live mirrors, then the snapshot service as of a
 * locked Release file's date. What comes from any of them is to be verified against a digest.
 *
 * @param date of the Release file that named what is looked for.
 */
export function archiveUrls(
  archive: Archive,
  date: Date,
  sources: { debian: Readonly<Record<string, readonly string[]>>; snapshot?: string | undefined },
): string[] {
  const old = sources.snapshot === undefined ? [] : snapshotUrls(sources.snapshot, archive, date)
  return [...(sources.debian[archive] ?? []), ...old]
}

import type { Archive } from '../../lock/schema.ts'

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

/** Hours after a Release file's date at which a snapshot of it was likely taken: several are taken each day. */
const HOURS = [6, 12, 24, 48, 1, 96]

/**
 * Where a snapshot service has an archive as it was when a Release file was current: roots to try one after the
 * other. The service leads a time to its last snapshot before, and takes one some hours after each publication, so
 * what it answers is verified against a digest.
 *
 * @param service root of a service laid out as Debian's: `SERVICE/archive/NAME/YYYYMMDDTHHMMSSZ/`.
 * @example
 * ```ts
 * snapshotUrls('https://snapshot.example.org', 'debian', new Date('2025-08-09T09:16:30Z'))[0]
 * // 'https://snapshot.example.org/archive/debian/20250809T151630Z'
 * ```
 */
export function snapshotUrls(service: string, archive: Archive, date: Date): string[] {
  return HOURS.map((hours) => {
    const time = new Date(date.getTime() + hours * 3_600_000)
      .toISOString()
      .replace(/\.\d+/, '')
      .replace(/[:-]/g, '')
    return `${service.replace(/\/+$/, '')}/archive/${archive}/${time}`
  })
}

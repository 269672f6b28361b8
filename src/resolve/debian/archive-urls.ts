import { type Archive, DebianArchive } from '../../lock/schema.ts'

/** Where Debian's archives may be had on this machine. */
export interface ArchiveSources {
  /** Roots of each archive's mirrors, the preferred one first. */
  debian: Readonly<Record<string, readonly string[]>>
  snapshot?: string | undefined
  oldReleases?: string | undefined
}

/**
 * Where an archive's files may lie, to try one after the other: the live mirrors, then the snapshot service as of a
 * locked Release file's date, then the archive of old releases. What comes from any of them is to be verified against a
 * digest.
 *
 * @param date of the Release file that named what is looked for.
 */
export function archiveUrls(archive: Archive, date: Date, sources: ArchiveSources): string[] {
  return [
    ...(sources.debian[archive] ?? []),
    ...snapshotUrls(sources.snapshot, archive, date),
    ...oldReleaseUrls(sources.oldReleases, archive),
  ]
}

/** The root of an archive in the archive of old releases, when that is known and may have it. */
export function oldReleaseUrls(root: string | undefined, archive: Archive): string[] {
  const isDebian = DebianArchive.safeParse(archive).success
  return root === undefined || !isDebian ? [] : [`${root.replace(/\/+$/, '')}/${archive}`]
}

/** Hours after a Release file's date at which a snapshot of it was likely taken: several are taken each day. */
const HOURS = [6, 12, 24, 48, 1, 96]

/**
 * Where a snapshot service has an archive as it was when a Release file was current: roots to try one after the
 * other. The service leads a time to its last snapshot before, and takes one some hours after each publication, so
 * what it answers is verified against a digest.
 *
 * @param service root of a service laid out as Debian's: `SERVICE/archive/NAME/YYYYMMDDTHHMMSSZ/`. It has no archive that
 *   goes by its address.
 * @example
 * ```ts
 * snapshotUrls('https://snapshot.example.org', 'debian', new Date('2025-08-09T09:16:30Z'))[0]
 * // 'https://snapshot.example.org/archive/debian/20250809T151630Z'
 * ```
 */
export function snapshotUrls(service: string | undefined, archive: Archive, date: Date): string[] {
  if (service === undefined || /[./]/.test(archive)) return []
  return datedUrls(`${service.replace(/\/+$/, '')}/archive/${archive}`, date)
}

/** The states of an archive that were likely taken after a Release file was made, below a root that has one a time. */
export function datedUrls(root: string, date: Date): string[] {
  return HOURS.map((hours) => {
    const time = new Date(date.getTime() + hours * 3_600_000)
      .toISOString()
      .replace(/\.\d+/, '')
      .replace(/[:-]/g, '')
    return `${root.replace(/\/+$/, '')}/${time}`
  })
}

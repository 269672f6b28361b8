import { StillroomError } from '../../error.ts'
import { parseControl } from '../../formats/deb/deb822.ts'

/** What a Release file says of one file below its suite's directory. */
export interface ReleaseEntry {
  sha256: string
  size: number
}

/** A suite's Release file: what the archive's signature vouches for. */
export interface ReleaseFile {
  /** Empty when an archive of somebody else doesn't say; so is `suite`. */
  codename: string
  suite: string
  /** Who publishes it: `Debian`, `Ubuntu`; undefined when it doesn't say. */
  origin: string | undefined
  date: Date
  /** Until when a mirror may serve it as current; archived suites have none. */
  validUntil?: Date
  /** Whether files can be had by their hash as well, which doesn't race with a mirror's update. */
  acquireByHash: boolean
  /** By path below the suite's directory. */
  files: ReadonlyMap<string, ReleaseEntry>
}

/**
 * Reads the text of a Release file, whose signature was verified before.
 *
 * @param source what the text came from, for messages.
 * @throws {StillroomError} INDEX_INVALID when a needed field is missing or malformed.
 */
export function parseRelease(text: string, source: string): ReleaseFile {
  const [stanza] = parseControl(text)
  const field = (name: string): string => {
    const value = stanza?.get(name.toLowerCase())
    if (value === undefined) {
      throw new StillroomError('INDEX_INVALID', `cannot read ${source}: field "${name}" is missing`)
    }
    return value
  }
  const validUntil = stanza?.get('valid-until')
  return {
    codename: stanza?.get('codename') ?? '',
    suite: stanza?.get('suite') ?? '',
    origin: stanza?.get('origin'),
    date: parseDate(field('Date'), 'Date', source),
    ...(validUntil === undefined ? {} : { validUntil: parseDate(validUntil, 'Valid-Until', source) }),
    acquireByHash: stanza?.get('acquire-by-hash') === 'yes',
    files: parseFiles(field('SHA256'), source),
  }
}

/** RFC 2822 with the zone written `UTC`, as Debian's archive and apt write it; any other zone would be guessed at. */
function parseDate(text: string, name: string, source: string): Date {
  const date = new Date(/ (UTC|GMT|\+0000)$/.test(text) ? text : Number.NaN)
  if (Number.isNaN(date.getTime())) {
    throw new StillroomError(
      'INDEX_INVALID',
      `cannot read ${source}: field "${name}" is not a date in UTC: "${text}"`,
    )
  }
  return date
}

function parseFiles(text: string, source: string): Map<string, ReleaseEntry> {
  const files = new Map<string, ReleaseEntry>()
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const match = /^\s*([0-9a-f]{64})\s+([0-9]+)\s+(\S+)$/.exec(line)
    if (match === null) {
      throw new StillroomError(
        'INDEX_INVALID',
        `cannot read ${source}: malformed line in "SHA256": "${line}"`,
      )
    }
    const [, sha256 = '', size, path = ''] = match
    files.set(path, { sha256, size: Number(size) })
  }
  return files
}

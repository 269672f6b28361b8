import { posix } from 'node:path'
import { BLOCK } from '../formats/tar/tar-header.ts'
import { TarReader } from '../formats/tar/tar-reader.ts'

/** What can be read at any place, as a file handle can. */
export interface ReadAt {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
}

/** More files than any image's archive has. */
const FILE_LIMIT = 10_000

/**
 * Where the files of a tar archive on disk lie, by path: reads headers, and none of what the files hold. The archive
 * stays open.
 *
 * @param links whether files may be links to others of the archive, as those that podman saves
 * @returns undefined when it is not a plain archive of plain files, sound to its end: reading it whole tells what it is
 */
export async function indexArchive(
  file: ReadAt,
  { links = false } = {},
): Promise<Map<string, { from: number; size: number }> | undefined> {
  const places = new Map<string, { from: number; size: number }>()
  const targets = new Map<string, string>()
  let isPlain = true
  const tar: TarReader = new TarReader({
    member: ({ name, flag, size, linkName }) => {
      const place = posix.normalize(name).replace(/^\/+/, '')
      if (flag === '5') return
      if (links && (flag === '1' || flag === '2') && targets.size < FILE_LIMIT) {
        const target = flag === '2' ? posix.join(posix.dirname(place), linkName) : linkName
        targets.set(place, posix.normalize(target).replace(/^\/+/, ''))
        return
      }
      if (flag !== '0' || places.has(place) || places.size >= FILE_LIMIT) isPlain = false
      places.set(place, { from: tar.offset + BLOCK, size })
    },
    data: () => {},
    end: () => {},
  })
  try {
    const block = Buffer.alloc(BLOCK)
    for (let at = 0; isPlain && !tar.ended; at += tar.skip()) {
      const { bytesRead } = await file.read(block, 0, BLOCK, at)
      if (bytesRead < BLOCK) return undefined
      tar.write(block)
      at += BLOCK
    }
  } catch {
    return undefined
  }
  for (const [place, target] of targets) {
    const found = places.get(target)
    if (found === undefined || places.has(place)) isPlain = false
    else places.set(place, found)
  }
  return isPlain ? places : undefined
}

import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { StillroomError } from '../../error.ts'
import { BLOCK } from '../../formats/tar/tar-header.ts'
import type { JoinedFile } from '../../image/joined-file.ts'
import { readImageTree, summarize } from '../../image/read-archive.ts'
import { writableImage } from '../../image/writable-image.ts'
import { archiveFiles, archiveFrame, type WritableImage } from '../../image/write-archive.ts'
import type { Hashed } from '../../store/disk.ts'
import type { Cancellation } from '../ports.ts'
import { archiveInvalid, type FoundArchive } from './find-parts.ts'

export interface VerifiedArchive extends Hashed {
  /** To be written again, for an engine. */
  image: WritableImage
  id: string
  /** The tree digest. */
  tree: string
  /** What the archive calls the image. */
  names: ReadonlySet<string>
  /** Whether another program wrote the archive: then its own bytes, beside those of the image, say nothing. */
  foreign: boolean
}

/**
 * Verifies all of an archive before anything of it is used: its sums, where there are some; the config, every layer, and
 * the tree that they make. One of `save` must be byte for byte what that writes of the image, so that nothing is left that
 * no digest speaks of. Memory grows with the number of files in the image, not with their size.
 *
 * @param expected sha256 that the archive must have
 * @throws {StillroomError} ARCHIVE_INVALID; IMAGE_UNREADABLE
 */
export async function verifyArchive(
  ports: Cancellation,
  found: FoundArchive,
  expected?: string,
): Promise<VerifiedArchive> {
  const { name, file, sums } = found
  const source = file.bytes()
  try {
    const hash = createHash('sha256')
    const stream = hashing(source, (bytes) => hash.update(bytes))
    const { id, tree } = summarize(await readImageTree(stream, { signal: ports.signal }))
    // what follows the end of the archive counts, too
    for await (const _ of stream);
    const sha256 = hash.digest('hex')
    const wanted = expected ?? sums.get(basename(name))
    if (wanted !== undefined && wanted !== sha256)
      throw archiveInvalid(name, `expected sha256 ${wanted}, got ${sha256}`)
    const open = await file.open()
    if (open === undefined)
      throw archiveInvalid(name, 'it is compressed, or not a plain archive: unpack it first')
    const image = await writableImage(open, ports)
    const foreign = !(await isSaved(name, file, image))
    return { image, id, tree, names: image.names, foreign, sha256, size: file.size }
  } catch (error) {
    ports.signal.throwIfAborted()
    if (error instanceof StillroomError && error.code === 'IMAGE_UNREADABLE') throw error
    const damaged = await damagedPart(ports, found)
    if (damaged !== undefined) throw archiveInvalid(name, damaged, error)
    if (error instanceof StillroomError && error.code === 'IMAGE_INVALID') {
      const several =
        file.parts.length > 1 ? `, or of its ${file.parts.length} parts the last is missing` : ''
      throw archiveInvalid(name, `it is damaged or cut short${several}: ${error.message}`, error)
    }
    throw error
  } finally {
    await source.return(undefined)
  }
}

/** All bytes, once: whoever stops early leaves the rest. */
function hashing(source: AsyncGenerator<Buffer>, take: (bytes: Buffer) => void): AsyncIterable<Buffer> {
  const next = async (): Promise<IteratorResult<Buffer>> => {
    const result = await source.next()
    if (!result.done) take(result.value)
    return result
  }
  return { [Symbol.asyncIterator]: () => ({ next }) }
}

/** Which part is another than FILE.sha256 says. */
async function damagedPart(
  { signal }: Cancellation,
  { file, sums }: FoundArchive,
): Promise<string | undefined> {
  let start = 0
  for (const { path, size } of file.parts) {
    const expected = sums.get(basename(path))
    const hash = createHash('sha256')
    if (expected !== undefined)
      for await (const bytes of file.bytes(start, size)) {
        signal.throwIfAborted()
        hash.update(bytes)
      }
    const actual = hash.digest('hex')
    if (expected !== undefined && expected !== actual)
      return `"${path}" is damaged: expected sha256 ${expected}, got ${actual}`
    start += size
  }
  return undefined
}

/**
 * Whether `save` wrote an archive, and it is undamaged. One that begins like it, or is as long, is no other program's.
 *
 * @throws {StillroomError} ARCHIVE_INVALID when it is damaged
 */
async function isSaved(
  name: string,
  file: JoinedFile,
  image: WritableImage & { names: ReadonlySet<string> },
): Promise<boolean> {
  const [called] = image.names
  const { parts, size } = archiveFrame(archiveFiles(image, called ?? null))
  let isAlike = size === file.size
  for (const { at, bytes } of parts) {
    const actual = Buffer.alloc(bytes.length)
    await file.read(actual, 0, bytes.length, at)
    const wrong = actual.findIndex((byte, i) => byte !== bytes[i])
    isAlike ||= at === 0 && (wrong < 0 || wrong >= BLOCK)
    if (!isAlike) return false
    if (wrong < 0) continue
    const [expected, got] = [bytes[wrong], actual[wrong]].map((byte = 0) => `0x${byte.toString(16)}`)
    throw archiveInvalid(name, `it is damaged: at byte ${at + wrong}, expected ${expected}, got ${got}`)
  }
  if (size === file.size) return true
  throw archiveInvalid(
    name,
    `it is damaged: expected ${size} bytes for the image in it, got ${file.size} bytes`,
  )
}

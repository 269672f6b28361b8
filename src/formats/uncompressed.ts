import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { decompressorFor } from './decompressor.ts'
import { imageInvalid } from './image-invalid.ts'

/** Counts what goes into a decompressor and what comes out of it; each throws when that is too much. */
export interface UnpackingLimit {
  received(bytes: number): void
  unpacked(bytes: number): void
}

/**
 * The bytes of a stream, unpacked when it is compressed as a whole: an archive that someone gzipped to send it.
 *
 * @throws {StillroomError} IMAGE_INVALID when the compressed stream is damaged, cut short, or a bomb
 */
export async function* uncompressed(
  stream: AsyncIterable<Uint8Array>,
  limit: UnpackingLimit,
): AsyncGenerator<Buffer> {
  const source = counted(stream, limit)
  const first: Buffer[] = []
  let length = 0
  while (length < 4) {
    const { value, done } = await source.next()
    if (done) break
    // The source may use the memory of one piece for the next.
    first.push(value.length < 4 ? Buffer.from(value) : value)
    length += value.length
  }
  const head = first.length === 1 ? (first[0] as Buffer) : Buffer.concat(first)
  const unzip = decompressorFor(head)
  if (unzip === undefined) {
    if (head.length > 0) yield head
    yield* source
    return
  }
  let failure: unknown
  const copies = async function* () {
    try {
      yield Buffer.from(head)
      for await (const bytes of source) yield Buffer.from(bytes)
    } catch (error) {
      failure = error
      throw error
    }
  }
  const fed = pipeline(Readable.from(copies()), unzip).catch(() => {})
  const unpacked = unzip[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  try {
    while (true) {
      const { value, done } = await unpacked.next().catch((cause: unknown) => {
        throw failure ?? imageInvalid('The compressed archive is damaged or cut short', cause)
      })
      if (done) return
      limit.unpacked(value.length)
      yield value
    }
  } finally {
    unzip.destroy()
    await fed
  }
}

async function* counted(stream: AsyncIterable<Uint8Array>, limit: UnpackingLimit): AsyncGenerator<Buffer> {
  for await (const bytes of stream) {
    limit.received(bytes.length)
    yield Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

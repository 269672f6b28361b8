import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { decompressorFor } from './decompressor.ts'
import { imageInvalid } from './image-invalid.ts'

/**
 * The bytes of a stream, unpacked when it is compressed as a whole: an archive that someone gzipped to send it.
 *
 * @throws {StillroomError} IMAGE_INVALID when the compressed stream is damaged or cut short
 */
export async function* uncompressed(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const source = buffers(stream)
  const first: Buffer[] = []
  let length = 0
  while (length < 4) {
    const { value, done } = await source.next()
    if (done) break
    first.push(value)
    length += value.length
  }
  const head = Buffer.concat(first)
  const unzip = decompressorFor(head)
  const all = prepend(head, source)
  if (unzip === undefined) {
    yield* all
    return
  }
  const fed = pipeline(Readable.from(all), unzip).catch(() => {})
  try {
    yield* unzip as AsyncIterable<Buffer>
  } catch (cause) {
    throw imageInvalid('The compressed archive is damaged or cut short', cause)
  } finally {
    await fed
  }
}

async function* buffers(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const bytes of stream) {
    yield Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

async function* prepend(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}

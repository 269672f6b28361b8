import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import {
  createGunzip,
  createZstdDecompress,
  type Gunzip,
  gunzip,
  type ZstdDecompress,
  zstdDecompress,
} from 'node:zlib'
import { imageInvalid } from './image-invalid.ts'

/** gzip (RFC 1952), xz (the .xz file format), zstd (RFC 8878). */
export type Compression = 'gzip' | 'xz' | 'zstd'

/** How bytes are compressed, by the magic that they begin with; undefined when they begin with none. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  return MAGICS.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0]
}

const MAGICS: [Compression, number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
]

/**
 * Bytes without their compression; the same bytes when they have none. Rejects when they are damaged or cut short.
 *
 * @param maxOutputLength rejects when there would be more; xz has no such limit
 */
export async function decompress(bytes: Uint8Array, maxOutputLength?: number): Promise<Buffer> {
  const options = maxOutputLength === undefined ? {} : { maxOutputLength }
  switch (compressionOf(bytes)) {
    case 'gzip':
      return promisify(gunzip)(bytes, options)
    case 'zstd':
      return promisify(zstdDecompress)(bytes, options)
    case 'xz': {
      const { decompress: unxz } = await import('@napi-rs/lzma/xz')
      return unxz(bytes)
    }
    default:
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

/** Node's own 16 KiB make it go from thread to thread too often. */
const CHUNK = 256 * 1024

type Decompressor = Gunzip | ZstdDecompress

/** What unpacks a stream that begins with these bytes: gzip or zstd, as layers are; undefined when they are neither. */
function decompressorFor(head: Buffer): Decompressor | undefined {
  const compression = compressionOf(head)
  if (compression === 'gzip') return createGunzip({ chunkSize: CHUNK })
  return compression === 'zstd' ? createZstdDecompress({ chunkSize: CHUNK }) : undefined
}

/** Counts what goes into a decompressor and what comes out of it; each throws when that is too much. */
export interface UnpackingLimit {
  received(bytes: number): void
  unpacked(bytes: number): void
  /** Counts what is left after the end of the compressed stream; where it is not there that is passed over. */
  rest?(bytes: number): void
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
  try {
    yield* unpack(source, limit)
  } finally {
    // also when nobody asks for the rest
    await source.return(undefined)
  }
}

async function* unpack(source: AsyncGenerator<Buffer>, limit: UnpackingLimit): AsyncGenerator<Buffer> {
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
  let given = 0
  const copies = async function* () {
    try {
      given += head.length
      yield Buffer.from(head)
      for await (const bytes of source) {
        given += bytes.length
        yield Buffer.from(bytes)
      }
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
      if (done) break
      limit.unpacked(value.length)
      yield value
    }
    await fed
    // Node stops after the first zstd frame
    if (given > unzip.bytesWritten) limit.rest?.(given - unzip.bytesWritten)
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

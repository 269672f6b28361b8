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
import { piecesOf, type ReadAt } from './read-at.ts'
import { unxz } from './xz.ts'
import { isSkippable, ZstdFrame } from './zstd-frame.ts'

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

/**
 * As {@link decompress}, of a file and piece by piece: what it unpacks to may be larger than memory.
 *
 * @param size in bytes
 */
export async function* decompressFile(read: ReadAt, size: number): AsyncGenerator<Buffer> {
  const head = await read(0, Math.min(size, HEAD))
  if (compressionOf(head) === 'xz') yield* unxz(read, size)
  else yield* uncompressed(piecesOf(read, size), { received: () => {}, unpacked: () => {} })
}

/** Node's own 16 KiB make it go from thread to thread too often. */
const CHUNK = 256 * 1024

/** Counts what goes into a decompressor and what comes out of it; each throws when that is too much. */
export interface UnpackingLimit {
  received(bytes: number): void
  unpacked(bytes: number): void
  /** Counts what is left after the end of the compressed stream; where it is not there that is passed over. */
  rest?(bytes: number): void
}

/**
 * The bytes of a stream, unpacked when it is compressed as a whole: by gzip, in one member or several, or by zstd, in
 * one frame or several.
 *
 * @throws {StillroomError} IMAGE_INVALID when the compressed stream is damaged, cut short, a bomb, or of another kind
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
  const input = new Input(source)
  const head = await input.head(HEAD)
  const compression = isSkippable(head) ? 'zstd' : compressionOf(head)
  if (compression === 'gzip') {
    const unzip = createGunzip({ chunkSize: CHUNK })
    yield* decompressed(input.rest(), unzip, limit)
    // Node passes over what is no further member
    if (input.given > unzip.bytesWritten) limit.rest?.(input.given - unzip.bytesWritten)
  } else if (compression === 'zstd') {
    for (let next = head; next.length > 0; next = await input.head(4)) {
      const frame = input.until(new ZstdFrame())
      if (isSkippable(next)) for await (const _ of frame);
      else yield* decompressed(frame, createZstdDecompress({ chunkSize: CHUNK }), limit)
    }
  } else if (compression === 'xz') throw unreadCompression('xz', 'xz --decompress')
  else if (/^BZh[1-9]1A/.test(head.toString('latin1'))) throw unreadCompression('bzip2', 'bunzip2')
  else yield* input.rest()
}

const unreadCompression = (name: string, command: string) =>
  imageInvalid(`It is compressed by ${name}, which is not read: unpack it first, with \`${command}\``)

/** The longest magics, of xz and bzip2. */
const HEAD = 6

/** A stream of bytes that is read in parts. */
class Input {
  readonly #source: AsyncIterator<Buffer>
  /** What was read of the source and not yet given. */
  #left = Buffer.alloc(0)
  given = 0

  constructor(source: AsyncIterator<Buffer>) {
    this.#source = source
  }

  /** The first bytes that are not given yet, at most so many; they stay. */
  async head(length: number): Promise<Buffer> {
    while (this.#left.length < length) {
      const { value, done } = await this.#source.next()
      if (done) break
      // the source may use the memory of one piece for the next
      this.#left = Buffer.concat([this.#left, value])
    }
    return this.#left.subarray(0, length)
  }

  async *rest(): AsyncGenerator<Buffer> {
    for (let bytes = await this.#piece(); bytes !== undefined; bytes = await this.#piece()) {
      this.given += bytes.length
      yield bytes
    }
  }

  /** The bytes up to the end of a frame, in pieces. */
  async *until(frame: ZstdFrame): AsyncGenerator<Buffer> {
    while (!frame.ended) {
      const bytes = await this.#piece()
      if (bytes === undefined) throw damaged()
      const length = frame.read(bytes)
      // a copy, since the source may use its memory again before this is given
      if (length < bytes.length) this.#left = Buffer.from(bytes.subarray(length))
      yield bytes.subarray(0, length)
    }
  }

  async #piece(): Promise<Buffer | undefined> {
    if (this.#left.length > 0) {
      const bytes = this.#left
      this.#left = Buffer.alloc(0)
      return bytes
    }
    const { value, done } = await this.#source.next()
    return done ? undefined : value
  }
}

async function* decompressed(
  pieces: AsyncIterable<Buffer>,
  unzip: Gunzip | ZstdDecompress,
  limit: UnpackingLimit,
): AsyncGenerator<Buffer> {
  let failure: unknown
  const copies = async function* () {
    try {
      for await (const bytes of pieces) yield Buffer.from(bytes)
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
        throw failure ?? damaged(cause)
      })
      if (done) break
      limit.unpacked(value.length)
      yield value
    }
    await fed
  } finally {
    unzip.destroy()
    await fed
  }
}

const damaged = (cause?: unknown) => imageInvalid('The compressed archive is damaged or cut short', cause)

async function* counted(stream: AsyncIterable<Uint8Array>, limit: UnpackingLimit): AsyncGenerator<Buffer> {
  for await (const bytes of stream) {
    limit.received(bytes.length)
    yield Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

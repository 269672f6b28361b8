import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createInflateRaw } from 'node:zlib'
import type { Entry } from 'yauzl'

/** One member of a zip archive, directories among them. */
export interface ZipMember {
  name: string
  /** Of the content, as the archive announces it; reading another size fails. */
  size: number
  /** Of Unix; 0 when another system wrote the archive. */
  mode: number
  /** MS-DOS date and time, in an unknown time zone: good for comparing. */
  mtime: number
  content(): AsyncIterable<Buffer>
}

/** The last bytes of an archive, where its directory lies. What lies before them cannot be read. */
export interface ZipEnd {
  /** Of the whole archive. */
  size: number
  end: Uint8Array
}

/**
 * The members of a zip archive (PKWARE's APPNOTE), in the order of its central directory. Each content can be read until the
 * next member is asked for. Rejects when the archive is damaged.
 *
 * @param source its bytes or its end, or the descriptor of an open file, which stays open
 */
export async function* zipMembers(source: Buffer | ZipEnd | number): AsyncGenerator<ZipMember> {
  const { fromBufferPromise, fromFdPromise } = await import('yauzl')
  const zip = await (typeof source === 'number'
    ? fromFdPromise(source, { autoClose: false })
    : source instanceof Uint8Array
      ? fromBufferPromise(source)
      : openEnd(source))
  for await (const entry of zip.eachEntry()) {
    yield {
      name: entry.fileName,
      size: entry.uncompressedSize,
      mode: entry.externalFileAttributes >>> 16,
      mtime: entry.lastModFileDate * 65_536 + entry.lastModFileTime,
      async *content() {
        const isDeflated = entry.compressionMethod === DEFLATE && !entry.isEncrypted()
        const stream = await zip.openReadStreamPromise(entry, isDeflated ? { decodeFileData: false } : {})
        if (isDeflated) yield* inflated(stream as Readable, entry)
        else yield* stream as AsyncIterable<Buffer>
      },
    }
  }
}

/** APPNOTE 4.4.5. */
const DEFLATE = 8
/** Bytes that are unpacked at a time, in another thread: of Node's own 16 KiB large files take a quarter longer. */
const CHUNK = 256 * 1024

async function* inflated(
  packed: Readable,
  { fileName, uncompressedSize }: Pick<Entry, 'fileName' | 'uncompressedSize'>,
): AsyncGenerator<Buffer> {
  const chunkSize = Math.min(CHUNK, Math.max(uncompressedSize, constants.Z_MIN_CHUNK))
  const inflate = createInflateRaw({ chunkSize })
  // it fails where the bytes are taken
  const fed = pipeline(packed, inflate).catch(() => {})
  let size = 0
  try {
    for await (const bytes of inflate as AsyncIterable<Buffer>) {
      size += bytes.length
      if (size > uncompressedSize) break
      yield bytes
    }
  } finally {
    inflate.destroy()
    await fed
  }
  if (size !== uncompressedSize)
    throw new Error(
      `${fileName} has ${size > uncompressedSize ? 'more than ' : ''}${Math.min(size, uncompressedSize)} bytes: expected ${uncompressedSize}`,
    )
}

async function openEnd({ size, end }: ZipEnd) {
  const { fromRandomAccessReaderPromise, RandomAccessReader } = await import('yauzl')
  const before = size - end.length
  class EndReader extends RandomAccessReader {
    override _readStreamForRange(from: number, to: number): Readable {
      if (from < before)
        throw new RangeError(`byte ${from} lies before the end of the archive that is at hand`)
      return Readable.from([end.subarray(from - before, to - before)])
    }
  }
  return fromRandomAccessReaderPromise(new EndReader(), size, {})
}

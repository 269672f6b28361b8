import type { FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip, createZstdCompress } from 'node:zlib'
import { StillroomError } from '../../error.ts'
import { AR_HEADER, type ArEntry, arEntries } from '../ar.ts'
import { compressionOf, decompressFile } from '../decompress.ts'
import { partAt, piecesOf, type ReadAt } from '../read-at.ts'

/**
 * The files of a .deb as a plain tar, piece by piece: the member `data.tar` of its ar archive, with or without a compression
 * (deb(5)). They may be larger than memory.
 *
 * @param size of the .deb in bytes
 * @param name of the .deb, for errors
 * @throws {StillroomError} ARTIFACT_MISMATCH when the archive is no .deb, damaged, or compressed in an unknown way
 */
export async function* debDataTar(read: ReadAt, size: number, name: string): AsyncGenerator<Buffer> {
  yield* uncompressed(read, await findMember(read, size, name, 'data'), name)
}

/**
 * What dpkg knows of a .deb as a plain tar: its `control`, `md5sums`, maintainer scripts.
 *
 * @throws {StillroomError} as {@link debDataTar}
 */
export async function* debControlTar(read: ReadAt, size: number, name: string): AsyncGenerator<Buffer> {
  yield* uncompressed(read, await findMember(read, size, name, 'control'), name)
}

/**
 * Writes the same .deb with its files compressed otherwise: little, so that dpkg reads it far sooner than one of xz.
 *
 * @param format zstd is read by dpkg 1.21.18 and later
 * @param file an empty one
 * @param seen is given the files as a plain tar, piece by piece, as they go by
 * @throws {StillroomError} as {@link debDataTar}; what `seen` throws
 */
export async function repackDeb(
  read: ReadAt,
  size: number,
  name: string,
  format: 'gzip' | 'zstd',
  file: Pick<FileHandle, 'write'>,
  seen: (bytes: Buffer) => void = () => {},
): Promise<void> {
  const member = await findMember(read, size, name, 'data')
  let at = 0
  const put = async (bytes: Buffer) => {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done)
      done += bytesWritten
    }
    at += bytes.length
  }
  const header = Buffer.from(await read(member.offset, AR_HEADER))
  for await (const bytes of piecesOf(read, member.offset)) await put(bytes)
  await put(header)
  async function* content() {
    for await (const bytes of uncompressed(read, member, name)) {
      seen(bytes)
      yield bytes
    }
  }
  for await (const bytes of compressLittle(content(), format)) await put(bytes)
  const length = at - member.offset - AR_HEADER
  if (length % 2 === 1) await put(Buffer.from('\n'))
  header.write(`data.tar.${format === 'gzip' ? 'gz' : 'zst'}`.padEnd(16), 0, 'latin1')
  header.write(String(length).padEnd(10), 48, 'latin1')
  at = member.offset
  await put(header)
}

/** Compresses so that it takes little time, and less to read again. */
export async function* compressLittle(
  content: AsyncIterable<Buffer>,
  format: 'gzip' | 'zstd',
): AsyncGenerator<Buffer> {
  const zip =
    format === 'gzip' ? createGzip({ level: 1, chunkSize: CHUNK }) : createZstdCompress({ chunkSize: CHUNK })
  const fed = pipeline(content, zip)
  // met below
  fed.catch(() => {})
  try {
    yield* zip
  } catch (error) {
    await fed
    throw error
  }
  await fed
}

/** Node's own 16 KiB make it go from thread to thread too often. */
const CHUNK = 256 * 1024

async function findMember(
  read: ReadAt,
  size: number,
  name: string,
  kind: 'control' | 'data',
): Promise<ArEntry> {
  try {
    for await (const member of arEntries(read, size)) if (member.name.startsWith(`${kind}.tar`)) return member
  } catch (error) {
    if (error instanceof SyntaxError) throw notADeb(name, error.message)
    throw error
  }
  throw notADeb(name, `it has no ${kind} member`)
}

async function* uncompressed(
  read: ReadAt,
  { name: member, offset, size }: ArEntry,
  name: string,
): AsyncGenerator<Buffer> {
  const content = partAt(read, offset + AR_HEADER)
  const isKnown = compressionOf(await content(0, Math.min(size, MAGIC))) !== undefined
  if (!isKnown && !/^\w+\.tar\/?$/.test(member))
    throw notADeb(
      name,
      `its member ${member} is compressed in an unknown way, expected none, gzip, xz or zstd`,
    )
  try {
    yield* isKnown ? decompressFile(content, size) : piecesOf(content, size)
  } catch (cause) {
    throw notADeb(name, `its member ${member} cannot be read: ${(cause as Error).message}`, cause)
  }
}

/** The longest magic. */
const MAGIC = 6

function notADeb(name: string, reason: string, cause?: unknown): StillroomError {
  return new StillroomError('ARTIFACT_MISMATCH', `cannot unpack ${name}: ${reason}`, { cause })
}

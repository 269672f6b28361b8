import { imageInvalid } from '../image-invalid.ts'

/** Bytes of the superblock. */
export const SUPERBLOCK = 96
/** In the place of a table that is not there. */
export const NO_TABLE = 0xffff_ffff_ffff_ffffn

/** How a squashfs is compressed; `none` of what says so itself. */
export type SquashfsCompression = 'gzip' | 'xz' | 'zstd'

/**
 * What a squashfs says of itself (version 4.0, `fs/squashfs/squashfs_fs.h` of Linux; little-endian). Places are bytes from
 * its beginning.
 */
export interface Superblock {
  inodes: number
  /** Bytes of a block of data, but for the last of a file. */
  blockSize: number
  fragments: number
  compression: SquashfsCompression
  ids: number
  /** Of the root's inode: which metadata block it is in, and where there. */
  root: bigint
  /** Bytes of all of it. */
  size: number
  idTable: number
  /** Undefined when no file has attributes. */
  xattrTable: number | undefined
  inodeTable: number
  directoryTable: number
  fragmentTable: number | undefined
}

/** Whether bytes begin as a squashfs does. */
export function isSquashfs(head: Uint8Array): boolean {
  return Buffer.from(head).toString('latin1', 0, 4) === 'hsqs'
}

/**
 * @param length bytes that there are of it
 * @throws {StillroomError} IMAGE_INVALID when it is none of version 4.0, is compressed in a way that is not read, or points
 *   out of itself
 */
export function readSuperblock(bytes: Buffer, length: number): Superblock {
  if (bytes.length < SUPERBLOCK) throw imageInvalid(`The squashfs is cut short: it has ${length} bytes`)
  if (!isSquashfs(bytes)) throw imageInvalid('There is no squashfs where one should be')
  const version = `${bytes.readUInt16LE(28)}.${bytes.readUInt16LE(30)}`
  if (version !== '4.0') throw imageInvalid(`The squashfs has version ${version}: expected 4.0`)
  const [blockSize, log] = [bytes.readUInt32LE(12), bytes.readUInt16LE(22)]
  if (log < 12 || log > 20 || blockSize !== 2 ** log)
    throw imageInvalid(`The squashfs has blocks of ${blockSize} bytes, 2^${log}: expected 4 KiB to 1 MiB`)
  const size = place(bytes, 40)
  if (size === undefined || size > length || size < SUPERBLOCK)
    throw imageInvalid(`The squashfs is cut short: it says ${size} bytes, and ${length} are there`)
  const table = (at: number) => {
    const start = place(bytes, at)
    if (start !== undefined && (start < SUPERBLOCK || start >= size))
      throw imageInvalid(`A table of the squashfs is at byte ${start} of ${size}`)
    return start
  }
  const required = (at: number, name: string) => {
    const start = table(at)
    if (start === undefined) throw imageInvalid(`The squashfs has no table of ${name}`)
    return start
  }
  return {
    inodes: bytes.readUInt32LE(4),
    blockSize,
    fragments: bytes.readUInt32LE(16),
    compression: compressionOf(bytes.readUInt16LE(20)),
    ids: bytes.readUInt16LE(26),
    root: bytes.readBigUInt64LE(32),
    size,
    idTable: required(48, 'owners'),
    xattrTable: table(56),
    inodeTable: required(64, 'inodes'),
    directoryTable: required(72, 'directories'),
    fragmentTable: table(80),
  }
}

const COMPRESSIONS = [undefined, 'gzip', 'lzma', 'lzo', 'xz', 'lz4', 'zstd'] as const

function compressionOf(number: number): SquashfsCompression {
  const name = COMPRESSIONS[number]
  if (name === 'gzip' || name === 'xz' || name === 'zstd') return name
  throw imageInvalid(
    `The squashfs is compressed by ${name ?? `an unknown method (${number})`}, which is not read: expected gzip, xz or zstd`,
  )
}

/** Undefined when it is said that there is nothing. */
function place(bytes: Buffer, at: number): number | undefined {
  const value = bytes.readBigUInt64LE(at)
  if (value === NO_TABLE) return undefined
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw imageInvalid(`The squashfs points to byte ${value}`)
  return Number(value)
}

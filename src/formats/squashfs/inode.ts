import { imageInvalid } from '../image-invalid.ts'
import type { MetadataCursor } from './metadata.ts'

/** What the inode of a squashfs holds. */
export type SquashfsInode = {
  mode: number
  /** Places in the table of owners. */
  uid: number
  gid: number
  /** Seconds since 1970. */
  mtime: number
  number: number
  /** Place in the table of attributes; undefined without any. */
  xattr: number | undefined
} & (
  | { type: 'directory'; block: number; offset: number; size: number }
  | { type: 'file'; size: number; start: number; fragment: Fragment | undefined; blocks: Uint32Array }
  | { type: 'symlink'; target: string }
  | { type: 'character' | 'block'; major: number; minor: number }
  | { type: 'fifo' | 'socket' }
)

/** Where the end of a file lies that fills no block. */
export interface Fragment {
  index: number
  offset: number
}

/** In place of a number: there is none. */
const NONE = 0xffff_ffff
/** PATH_MAX. */
const TARGET_LIMIT = 4096

/**
 * Reads one inode.
 *
 * @param blockSize of the data
 * @param take counts bytes that are remembered of it, and throws when it is too much
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function readInode(
  cursor: MetadataCursor,
  blockSize: number,
  take: (bytes: number) => void,
): Promise<SquashfsInode> {
  const head = await cursor.take(16)
  const type = head.readUInt16LE(0)
  const common = {
    mode: head.readUInt16LE(2) & 0o7777,
    uid: head.readUInt16LE(4),
    gid: head.readUInt16LE(6),
    mtime: head.readUInt32LE(8),
    number: head.readUInt32LE(12),
    xattr: undefined,
  }
  const isLong = type > 7
  switch (isLong ? type - 7 : type) {
    case 1: {
      const body = await cursor.take(isLong ? 24 : 16)
      const place = isLong
        ? { block: body.readUInt32LE(8), size: body.readUInt32LE(4), offset: body.readUInt16LE(18) }
        : { block: body.readUInt32LE(0), size: body.readUInt16LE(8), offset: body.readUInt16LE(10) }
      return {
        ...common,
        type: 'directory',
        ...place,
        xattr: isLong ? optional(body.readUInt32LE(20)) : undefined,
      }
    }
    case 2: {
      const body = await cursor.take(isLong ? 40 : 16)
      const fragment = optional(body.readUInt32LE(isLong ? 28 : 4))
      const size = isLong ? sizeOf(body.readBigUInt64LE(8)) : body.readUInt32LE(12)
      const start = isLong ? sizeOf(body.readBigUInt64LE(0)) : body.readUInt32LE(0)
      const count = fragment === undefined ? Math.ceil(size / blockSize) : Math.floor(size / blockSize)
      take(count * 4)
      const list = await cursor.take(count * 4)
      return {
        ...common,
        ...{ type: 'file', size, start },
        blocks: Uint32Array.from({ length: count }, (_, index) => list.readUInt32LE(index * 4)),
        fragment:
          fragment === undefined
            ? undefined
            : { index: fragment, offset: body.readUInt32LE(isLong ? 32 : 8) },
        xattr: isLong ? optional(body.readUInt32LE(36)) : undefined,
      }
    }
    case 3: {
      const length = (await cursor.take(8)).readUInt32LE(4)
      if (length > TARGET_LIMIT)
        throw imageInvalid(`A symlink of the squashfs leads to a path of ${length} bytes`)
      const target = (await cursor.take(length)).toString('latin1')
      return { ...common, type: 'symlink', target, xattr: await xattrOf(cursor, isLong) }
    }
    case 4:
    case 5: {
      const device = (await cursor.take(8)).readUInt32LE(4)
      return {
        ...common,
        type: (type - 4) % 7 === 0 ? 'block' : 'character',
        major: (device >>> 8) & 0xfff,
        minor: (device & 0xff) | ((device >>> 12) & 0xf_ff00),
        xattr: await xattrOf(cursor, isLong),
      }
    }
    case 6:
    case 7: {
      await cursor.take(4)
      return {
        ...common,
        type: (type - 6) % 7 === 0 ? 'fifo' : 'socket',
        xattr: await xattrOf(cursor, isLong),
      }
    }
    default:
      throw imageInvalid(`An inode of the squashfs is of the unknown type ${type}`)
  }
}

const optional = (value: number) => (value === NONE ? undefined : value)

async function xattrOf(cursor: MetadataCursor, isLong: boolean): Promise<number | undefined> {
  return isLong ? optional((await cursor.take(4)).readUInt32LE(0)) : undefined
}

function sizeOf(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw imageInvalid(`A file of the squashfs has a size or place of ${value}`)
  return Number(value)
}

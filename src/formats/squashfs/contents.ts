import { imageInvalid } from '../image-invalid.ts'
import type { ReadAt } from '../read-at.ts'
import type { SquashfsInode } from './inode.ts'
import type { SquashfsLimit } from './metadata.ts'
import type { Superblock } from './superblock.ts'
import { unpackBlock } from './unpack-block.ts'

type FileInode = Extract<SquashfsInode, { type: 'file' }>

/** Set in the size of a block that is not compressed. */
const UNCOMPRESSED = 1 << 24
/** Bytes of fragments that are kept at once, unpacked. */
const KEPT = 64 * 1024 ** 2
const FRAGMENT = 16

/** Reads what files of a squashfs hold. */
export class Contents {
  readonly #read: ReadAt
  readonly #superblock: Superblock
  readonly #limit: SquashfsLimit
  /** Place and size of each fragment block. */
  readonly #fragments: Buffer
  readonly #kept = new Map<number, Buffer>()

  constructor(read: ReadAt, superblock: Superblock, fragments: Buffer, limit: SquashfsLimit) {
    this.#read = read
    this.#superblock = superblock
    this.#fragments = fragments
    this.#limit = limit
  }

  /** Where the first byte of a file lies: read in this order, no fragment need be unpacked twice. */
  placeOf({ blocks, fragment, start }: FileInode): number {
    if (blocks.length > 0 || fragment === undefined) return start
    const at = fragment.index * FRAGMENT
    return at + 8 <= this.#fragments.length ? Number(this.#fragments.readBigUInt64LE(at)) : 0
  }

  /**
   * The bytes of a file, in pieces.
   *
   * @throws {StillroomError} IMAGE_INVALID
   */
  async *of({ size, start, blocks, fragment }: FileInode): AsyncGenerator<Buffer> {
    const { blockSize } = this.#superblock
    let at = start
    let left = size
    for (const word of blocks) {
      const expected = Math.min(blockSize, left)
      const length = word & ~UNCOMPRESSED
      const bytes = length === 0 ? this.#zeros(expected) : await this.#block(at, word)
      if (bytes.length !== expected)
        throw imageInvalid(`A block of a file has ${bytes.length} bytes: expected ${expected}`)
      at += length
      left -= expected
      yield bytes
    }
    if (left === 0) return
    const block = fragment && (await this.#fragment(fragment.index))
    const end = block?.subarray(fragment?.offset, (fragment?.offset ?? 0) + left)
    if (end?.length !== left) throw imageInvalid(`The end of a file is not there: expected ${left} bytes`)
    yield end
  }

  /** A block of zeros is not stored. */
  #zeros(length: number): Buffer {
    this.#limit.unpacked(length)
    return Buffer.alloc(length)
  }

  async #fragment(index: number): Promise<Buffer> {
    const known = this.#kept.get(index)
    if (known !== undefined) {
      // used last, forgotten last
      this.#kept.delete(index)
      this.#kept.set(index, known)
      return known
    }
    const at = index * FRAGMENT
    if (at + FRAGMENT > this.#fragments.length) throw imageInvalid(`The squashfs has no fragment ${index}`)
    const place = Number(this.#fragments.readBigUInt64LE(at))
    const bytes = await this.#block(place, this.#fragments.readUInt32LE(at + 8))
    const most = Math.floor(KEPT / this.#superblock.blockSize)
    if (this.#kept.size >= most) this.#kept.delete(this.#kept.keys().next().value as number)
    this.#kept.set(index, bytes)
    return bytes
  }

  async #block(at: number, word: number): Promise<Buffer> {
    const { size, blockSize, compression } = this.#superblock
    const length = word & ~UNCOMPRESSED
    if (length > blockSize || at + length > size)
      throw imageInvalid(`A block of the squashfs has ${length} bytes at byte ${at} of ${size}`)
    const packed = await this.#read(at, length)
    const bytes = (word & UNCOMPRESSED) === 0 ? unpackBlock(packed, compression, blockSize) : packed
    this.#limit.unpacked(bytes.length)
    return bytes
  }
}

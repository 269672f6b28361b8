import { imageInvalid } from '../image-invalid.ts'
import type { ReadAt } from '../read-at.ts'
import type { Superblock } from './superblock.ts'
import { unpackBlock } from './unpack-block.ts'

/** Bytes of a block of metadata, but for the last of a table. */
const BLOCK = 8192
const UNCOMPRESSED = 0x8000
/** Blocks that are kept at once: of inodes and directories, which are read in turn. */
const KEPT = 1024

/** Counts what is unpacked, and throws when it is too much. */
export interface SquashfsLimit {
  unpacked(bytes: number): void
}

interface MetadataBlock {
  bytes: Buffer
  /** Where the next one begins. */
  next: number
}

/** Reads the tables of a squashfs, which lie in compressed blocks. */
export class Metadata {
  readonly #read: ReadAt
  readonly #superblock: Superblock
  readonly #limit: SquashfsLimit
  readonly #kept = new Map<number, MetadataBlock>()

  constructor(read: ReadAt, superblock: Superblock, limit: SquashfsLimit) {
    this.#read = read
    this.#superblock = superblock
    this.#limit = limit
  }

  /** Begins to read where a block is, and so many bytes of it are passed over. */
  cursor(block: number, offset: number): MetadataCursor {
    return new MetadataCursor((at) => this.#block(at), block, offset)
  }

  /**
   * A table of records of one size, found by a list of its blocks.
   *
   * @param list where that list is
   */
  async table(list: number, records: number, recordSize: number): Promise<Buffer> {
    const blocks = Math.ceil((records * recordSize) / BLOCK)
    if (list + blocks * 8 > this.#superblock.size)
      throw imageInvalid(`A table of the squashfs has ${records} entries, more than there is room for`)
    const places = await this.#read(list, blocks * 8)
    const parts: Buffer[] = []
    for (let index = 0; index < blocks; index++) {
      const { bytes } = await this.#block(Number(places.readBigUInt64LE(index * 8)))
      const expected = Math.min(BLOCK, records * recordSize - index * BLOCK)
      if (bytes.length < expected) throw imageInvalid('A table of the squashfs is cut short')
      parts.push(bytes.subarray(0, expected))
    }
    return Buffer.concat(parts)
  }

  async #block(at: number): Promise<MetadataBlock> {
    const known = this.#kept.get(at)
    if (known !== undefined) return known
    const { size, compression } = this.#superblock
    if (at + 2 > size) throw imageInvalid(`The squashfs has metadata at byte ${at} of ${size}`)
    const header = (await this.#read(at, 2)).readUInt16LE(0)
    const length = header & ~UNCOMPRESSED || UNCOMPRESSED
    const next = at + 2 + length
    if (length > BLOCK || next > size) throw imageInvalid(`A block of metadata has ${length} bytes`)
    const packed = await this.#read(at + 2, length)
    const bytes = (header & UNCOMPRESSED) === 0 ? unpackBlock(packed, compression, BLOCK) : packed
    this.#limit.unpacked(bytes.length)
    if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value as number)
    const block = { bytes, next }
    this.#kept.set(at, block)
    return block
  }
}

/** Reads on through blocks of metadata. */
export class MetadataCursor {
  readonly #blockAt: (at: number) => Promise<MetadataBlock>
  #block: number
  #offset: number

  constructor(blockAt: (at: number) => Promise<MetadataBlock>, block: number, offset: number) {
    this.#blockAt = blockAt
    this.#block = block
    this.#offset = offset
  }

  /** @throws {StillroomError} IMAGE_INVALID when there are not so many bytes */
  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    let missing = length
    while (missing > 0) {
      const { bytes, next } = await this.#blockAt(this.#block)
      if (this.#offset >= bytes.length && bytes.length < BLOCK)
        throw imageInvalid('The metadata of the squashfs is cut short')
      const part = bytes.subarray(this.#offset, this.#offset + missing)
      missing -= part.length
      this.#offset += part.length
      parts.push(part)
      if (this.#offset < BLOCK) continue
      this.#offset -= BLOCK
      this.#block = next
    }
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
  }
}

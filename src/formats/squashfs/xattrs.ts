import { imageInvalid } from '../image-invalid.ts'
import type { ReadAt } from '../read-at.ts'
import type { Metadata } from './metadata.ts'

const PREFIXES = ['user.', 'trusted.', 'security.']
/** Set where the value lies elsewhere: the value given is a reference to it. */
const ELSEWHERE = 0x100
/** Linux's XATTR_SIZE_MAX. */
const VALUE_LIMIT = 65_536

/** The extended attributes of a squashfs, by the places that inodes have of theirs. */
export class Xattrs {
  readonly #metadata: Metadata
  readonly #ids: Buffer
  /** Where keys and values begin. */
  readonly #start: number
  readonly #known = new Map<number, Map<string, string>>()

  private constructor(metadata: Metadata, ids: Buffer, start: number) {
    this.#metadata = metadata
    this.#ids = ids
    this.#start = start
  }

  /** @throws {StillroomError} IMAGE_INVALID */
  static async open(
    read: ReadAt,
    metadata: Metadata,
    table: number | undefined,
    size: number,
  ): Promise<Xattrs> {
    if (table === undefined) return new Xattrs(metadata, Buffer.alloc(0), 0)
    if (table + 16 > size) throw imageInvalid('The attributes of the squashfs are cut short')
    const head = await read(table, 16)
    const ids = await metadata.table(table + 16, head.readUInt32LE(8), 16)
    return new Xattrs(metadata, ids, Number(head.readBigUInt64LE(0)))
  }

  /**
   * @param take counts bytes that are remembered, and throws when it is too much
   * @throws {StillroomError} IMAGE_INVALID
   */
  async of(index: number, take: (bytes: number) => void): Promise<Map<string, string>> {
    const known = this.#known.get(index)
    if (known !== undefined) return known
    const at = index * 16
    if (at + 16 > this.#ids.length) throw imageInvalid(`The squashfs has no attributes ${index}`)
    const { block, offset } = split(this.#ids.readBigUInt64LE(at))
    const cursor = this.#metadata.cursor(this.#start + block, offset)
    const found = new Map<string, string>()
    for (let count = this.#ids.readUInt32LE(at + 8); count > 0; count--) {
      const head = await cursor.take(4)
      const type = head.readUInt16LE(0)
      const prefix = PREFIXES[type & 0xff]
      if (prefix === undefined)
        throw imageInvalid(`The squashfs has attributes of the unknown kind ${type & 0xff}`)
      const name = prefix + (await cursor.take(head.readUInt16LE(2))).toString('latin1')
      const length = await lengthOf(cursor)
      let value: string
      if ((type & ELSEWHERE) === 0) value = (await cursor.take(length)).toString('latin1')
      else {
        if (length !== 8) throw imageInvalid('An attribute of the squashfs has no value')
        const to = split((await cursor.take(8)).readBigUInt64LE(0))
        const other = this.#metadata.cursor(this.#start + to.block, to.offset)
        value = (await other.take(await lengthOf(other))).toString('latin1')
      }
      take(name.length + value.length)
      if (found.has(name)) throw imageInvalid('A file of the squashfs has an attribute twice')
      found.set(name, value)
    }
    this.#known.set(index, found)
    return found
  }
}

async function lengthOf(cursor: ReturnType<Metadata['cursor']>): Promise<number> {
  const length = (await cursor.take(4)).readUInt32LE(0)
  if (length > VALUE_LIMIT) throw imageInvalid(`An attribute of the squashfs has ${length} bytes`)
  return length
}

/** A reference: which block, counted in bytes from where its table begins, and where in it. */
export function split(reference: bigint): { block: number; offset: number } {
  const block = Number(reference >> 16n)
  if (block > Number.MAX_SAFE_INTEGER / 2) throw imageInvalid('The squashfs points out of itself')
  return { block, offset: Number(reference & 0xffffn) }
}

/** Offsets and numbers of bbolt's file format, version 2: a B+tree of pages, all numbers little-endian. */
const PAGE_HEADER = 16
const MAGIC = 0xed0cdaed
const VERSION = 2
const META_SIZE = 56
const BRANCH = 0x01
const LEAF = 0x02
const ELEMENT = 16
const IS_BUCKET = 0x01
const BUCKET_HEADER = 16

export class BoltError extends Error {}

/**
 * Every key and value that a database file of bbolt holds now, buckets in buckets included; what earlier transactions left
 * in pages that are free is not among them.
 *
 * @throws {BoltError} when the file is none, or damaged
 */
export function* liveTexts(file: Buffer): Generator<Buffer> {
  const { root, pageSize } = newestMeta(file)
  yield* walk(file, root, pageSize, new Set())
}

/** The two first pages describe the last two transactions; of one that was not written to its end the checksum is wrong. */
function newestMeta(file: Buffer): { root: number; pageSize: number } {
  const first = readMeta(file, 0)
  // the second stands at the end of the first page, whose size only the first says
  const sizes = first ? [first.pageSize] : [4096, 8192, 16_384, 65_536]
  const found = [first, ...sizes.map((size) => readMeta(file, size))].filter((meta) => meta !== undefined)
  const newest = found.sort((a, b) => (a.transaction < b.transaction ? 1 : -1))[0]
  if (newest === undefined) throw new BoltError('neither of its meta pages is sound')
  return newest
}

function readMeta(file: Buffer, page: number) {
  const at = page + PAGE_HEADER
  if (file.length < at + META_SIZE + 8) return undefined
  const isSound =
    file.readUInt32LE(at) === MAGIC &&
    file.readUInt32LE(at + 4) === VERSION &&
    file.readBigUInt64LE(at + META_SIZE) === fnv64a(file.subarray(at, at + META_SIZE))
  if (!isSound) return undefined
  return {
    pageSize: file.readUInt32LE(at + 8),
    root: Number(file.readBigUInt64LE(at + 16)),
    transaction: file.readBigUInt64LE(at + 48),
  }
}

function fnv64a(bytes: Uint8Array): bigint {
  let sum = 0xcbf29ce484222325n
  for (const byte of bytes) sum = ((sum ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  return sum
}

function* walk(file: Buffer, number: number, pageSize: number, seen: Set<number>): Generator<Buffer> {
  const at = number * pageSize
  if (seen.has(number) || at + PAGE_HEADER > file.length)
    throw new BoltError(`page ${number} is not where a tree can have one`)
  seen.add(number)
  const flags = file.readUInt16LE(at + 8)
  const count = file.readUInt16LE(at + 10)
  const page = file.subarray(at, at + (file.readUInt32LE(at + 12) + 1) * pageSize)
  if (page.length < PAGE_HEADER + count * ELEMENT) throw new BoltError(`page ${number} is cut short`)
  if (flags !== BRANCH && flags !== LEAF) throw new BoltError(`page ${number} is of kind ${flags}`)
  for (let i = 0; i < count; i++) {
    const element = PAGE_HEADER + i * ELEMENT
    if (flags === BRANCH) {
      yield* walk(file, Number(page.readBigUInt64LE(element + 8)), pageSize, seen)
      continue
    }
    const start = element + page.readUInt32LE(element + 4)
    const split = start + page.readUInt32LE(element + 8)
    const end = split + page.readUInt32LE(element + 12)
    if (end > page.length) throw new BoltError(`an entry of page ${number} goes beyond it`)
    yield page.subarray(start, split)
    const value = page.subarray(split, end)
    const isBucket = (page.readUInt32LE(element) & IS_BUCKET) !== 0
    if (isBucket && value.length < BUCKET_HEADER)
      throw new BoltError(`a bucket of page ${number} is cut short`)
    const root = isBucket ? Number(value.readBigUInt64LE(0)) : 0
    // a small bucket stands in its value, as a page of its own
    if (root === 0) yield value
    else yield* walk(file, root, pageSize, seen)
  }
}

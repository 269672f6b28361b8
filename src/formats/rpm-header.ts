/** Tags of a header (rpm's documentation, "Header format" and "Tags"). */
const TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  license: 1014,
  arch: 1022,
  oldFileNames: 1027,
  fileModes: 1030,
  fileDigests: 1035,
  fileFlags: 1037,
  directoryIndexes: 1116,
  baseNames: 1117,
  directoryNames: 1118,
  digestAlgorithm: 5011,
} as const

const TYPE = { int16: 3, int32: 4, string: 6, strings: 8, text: 9 }

/** As rpm itself bounds them. */
const ENTRY_LIMIT = 65_536

export type RpmTag = keyof typeof TAG

/** Values of a header's tags; a tag that is not there has none. */
export interface RpmHeader {
  strings(tag: RpmTag): string[]
  numbers(tag: RpmTag): number[]
}

/**
 * Reads a header as the database keeps it: counts of entries and bytes, the entries (tag, type, offset, count), the
 * data; all big-endian (rpm's documentation, "RPM V4 Package format", "Header").
 *
 * @returns undefined when it is none, or leads out of itself
 */
export function parseRpmHeader(blob: Buffer): RpmHeader | undefined {
  if (blob.length < 8) return undefined
  const count = blob.readUInt32BE(0)
  const start = 8 + 16 * count
  if (count > ENTRY_LIMIT || start + blob.readUInt32BE(4) !== blob.length) return undefined
  const values = new Map<number, string[] | number[]>()
  const tags = new Set<number>(Object.values(TAG))
  for (let at = 8; at < start; at += 16) {
    const tag = blob.readUInt32BE(at)
    // each but once: a header's bytes bound what it makes us read
    if (!tags.delete(tag)) continue
    const [type, offset, amount] = [4, 8, 12].map((field) => blob.readUInt32BE(at + field))
    const value = readValues(blob.subarray(start), type ?? 0, offset ?? 0, amount ?? 0)
    if (value === undefined) return undefined
    values.set(tag, value)
  }
  const of = (tag: RpmTag) => values.get(TAG[tag]) ?? []
  return {
    strings: (tag) => of(tag).filter((value) => typeof value === 'string'),
    numbers: (tag) => of(tag).filter((value) => typeof value === 'number'),
  }
}

function readValues(
  data: Buffer,
  type: number,
  offset: number,
  count: number,
): string[] | number[] | undefined {
  if (type === TYPE.int16 || type === TYPE.int32) {
    const width = type === TYPE.int16 ? 2 : 4
    if (offset + count * width > data.length) return undefined
    return Array.from({ length: count }, (_, i) => data.readUIntBE(offset + i * width, width))
  }
  if (type !== TYPE.string && type !== TYPE.strings && type !== TYPE.text) return undefined
  const values: string[] = []
  let at = offset
  for (let i = 0; i < (type === TYPE.string ? 1 : count); i += 1) {
    const end = data.indexOf(0, at)
    if (at >= data.length || end < 0) return undefined
    values.push(data.toString('latin1', at, end))
    at = end + 1
  }
  return values
}

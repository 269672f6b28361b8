import { imageInvalid } from '../image-invalid.ts'

/**
 * The fields of one header block (POSIX.1-2001, "ustar Interchange Format"; GNU tar's variant).
 * Strings hold one byte a character (latin1), since names need not be UTF-8.
 */
export interface TarHeader {
  name: string
  /** `typeflag`: '0' file, '1' hard link, '2' symbolic link, 'x' extended header, ... */
  flag: string
  mode: number
  uid: number
  gid: number
  size: number
  mtime: number
  linkName: string
  major: number
  minor: number
}

export const BLOCK = 512

/**
 * Reads a header block.
 *
 * @throws {StillroomError} IMAGE_INVALID when the checksum or a number is wrong
 */
export function parseTarHeader(block: Buffer): TarHeader {
  if (!isTarHeader(block)) throw imageInvalid('A tar header has a wrong checksum')
  const format = formatOf(block)
  const prefix = prefixOf(block, format)
  const name = text(block, 0, 100)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    flag: String.fromCharCode(block[156] as number),
    mode: number(block, 100, 8, 'mode'),
    uid: number(block, 108, 8, 'uid'),
    gid: number(block, 116, 8, 'gid'),
    size: number(block, 124, 12, 'size'),
    mtime: number(block, 136, 12, 'mtime'),
    linkName: text(block, 157, 100),
    major: format === 'v7' ? 0 : number(block, 329, 8, 'devmajor'),
    minor: format === 'v7' ? 0 : number(block, 337, 8, 'devminor'),
  }
}

type Format = 'v7' | 'ustar' | 'star' | 'gnu'

/** As Go's archive/tar tells them, by magic, version, and the trailer of Schilling's star. */
function formatOf(block: Buffer): Format {
  // "ustar"
  if (block.readUInt32BE(257) !== 0x7573_7461 || block[261] !== 0x72) return 'v7'
  if (block[262] === 0) return block.readUInt32BE(508) === 0x7461_7200 ? 'star' : 'ustar'
  return block[262] === 32 && block[263] === 32 && block[264] === 0 ? 'gnu' : 'v7'
}

/** What comes before the name, in the part of the block that each format uses in its own way. */
function prefixOf(block: Buffer, format: Format): string {
  switch (format) {
    case 'v7':
      return ''
    case 'ustar':
      return text(block, 345, 155)
    case 'star':
      number(block, 476, 12, 'atime')
      number(block, 488, 12, 'ctime')
      return text(block, 345, 131)
    case 'gnu': {
      // two times; but Go before 1.8 put a prefix there, and Go still reads what can't be times as one
      const areTimes = [345, 357].every((at) => block[at] === 0 || !Number.isNaN(numeric(block, at, 12)))
      const prefix = areTimes ? '' : text(block, 345, 155)
      return ASCII.test(prefix) ? prefix : ''
    }
  }
}

const ASCII = /^\p{ASCII}*$/u

/** Whether the block's checksum is right: the sum of its bytes, those of the checksum itself taken as spaces. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < BLOCK) return false
  let sum = sumOfBytes(block) + 8 * 32
  for (let i = 148; i < 156; i++) sum -= block[i] as number
  return sum === octal(block, 148, 8)
}

/** Of one block: words of four bytes are taken apart into two sums of 16 bits each, which 128 words do not fill. */
function sumOfBytes(block: Buffer): number {
  const aligned = block.byteOffset % 4 === 0 ? block : Buffer.from(block.subarray(0, BLOCK))
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, BLOCK / 4)
  let sums = 0
  for (const word of words) sums = (sums + (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff)) | 0
  return (sums & 0xffff) + (sums >>> 16)
}

/** Two blocks of zeros end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false
  return true
}

function text(block: Buffer, start: number, length: number): string {
  let end = start
  while (end < start + length && block[end] !== 0) end++
  return end === start ? '' : block.toString('latin1', start, end)
}

function number(block: Buffer, start: number, length: number, field: string): number {
  const value = numeric(block, start, length)
  if (!Number.isSafeInteger(value)) throw imageInvalid(`A tar header has no sensible number in "${field}"`)
  return value
}

/** NaN when it is not a number of either kind. */
function numeric(block: Buffer, start: number, length: number): number {
  return ((block[start] as number) & 0x80) === 0 ? octal(block, start, length) : base256(block, start, length)
}

/** Octal digits between spaces and NULs; an empty field is 0. */
function octal(block: Buffer, start: number, length: number): number {
  let at = start
  const end = start + length
  while (at < end && (block[at] === 32 || block[at] === 0)) at++
  let value = 0
  for (; at < end && block[at] !== 32 && block[at] !== 0; at++) {
    const digit = (block[at] as number) - 48
    if (digit < 0 || digit > 7) return Number.NaN
    value = value * 8 + digit
  }
  for (; at < end; at++) if (block[at] !== 32 && block[at] !== 0) return Number.NaN
  return value
}

/** GNU's big-endian two's complement, marked by the top bit. */
function base256(block: Buffer, start: number, length: number): number {
  const negative = ((block[start] as number) & 0x40) !== 0
  let value = negative ? -1n : 0n
  for (let i = start; i < start + length; i++) {
    const byte = block[i] as number
    value = (value << 8n) | BigInt(i === start ? (negative ? byte | 0x80 : byte & 0x7f) : byte)
  }
  return Number(value)
}

/** What precedes the name of an extended attribute in a record's key; its value is raw bytes. */
export const XATTR = 'SCHILY.xattr.'

/**
 * The records of a pax extended header (POSIX.1-2001): each is `LENGTH KEY=VALUE\n`, LENGTH counting all of it.
 * Keys and values hold one byte a character (latin1). An empty value takes the header block's own back.
 *
 * @throws {StillroomError} IMAGE_INVALID when a record is malformed
 */
export function parsePaxRecords(data: Buffer): Map<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(32, at)
    const digits = space < 0 || space > at + 10 ? '' : data.toString('latin1', at, space)
    const end = at + Number(digits)
    const equals = data.indexOf(61, space + 1)
    const sound =
      /^[1-9]\d*$/.test(digits) &&
      end <= data.length &&
      equals > space + 1 &&
      equals < end &&
      data[end - 1] === 10
    if (!sound) throw imageInvalid('A tar extended header has a malformed record')
    const key = data.toString('latin1', space + 1, equals)
    const value = data.toString('latin1', equals + 1, end - 1)
    if (key.includes('\0') || (value.includes('\0') && !key.startsWith(XATTR)))
      throw imageInvalid('A tar extended header has a NUL in a record')
    records.set(key, value)
    at = end
  }
  return records
}

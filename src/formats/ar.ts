import type { ReadAt } from './read-at.ts'

/** What the header of a member of an ar archive notes. */
export interface ArEntry {
  /** Up to 16 bytes as latin1; GNU's ar ends it with a slash. */
  name: string
  mtime: number
  uid: number
  gid: number
  mode: number
  /** Of the content, in bytes. */
  size: number
  /** Where its header begins, {@link AR_HEADER} bytes before the content. */
  offset: number
}

/** One member of an ar archive. */
export interface ArMember extends Omit<ArEntry, 'size'> {
  content: Buffer
}

const MAGIC = '!<arch>\n'
export const AR_HEADER = 60

/**
 * The members of an ar archive (ar(5)), such as a static library: headers of 60 bytes with numbers in decimal
 * (the mode in octal), contents padded to an even length.
 *
 * @throws {SyntaxError} when it is no such archive or is cut short; callers name the file
 */
export function* arMembers(bytes: Buffer): Generator<ArMember> {
  checkMagic(bytes)
  for (let offset = MAGIC.length; offset + AR_HEADER <= bytes.length; ) {
    const { size, ...entry } = parseHeader(bytes.subarray(offset, offset + AR_HEADER), offset, bytes.length)
    const start = offset + AR_HEADER
    yield { ...entry, content: bytes.subarray(start, start + size) }
    offset = nextOffset({ offset, size })
  }
}

/**
 * As {@link arMembers}, of a file of which but the headers are read.
 *
 * @throws {SyntaxError} as {@link arMembers}
 */
export async function* arEntries(read: ReadAt, size: number): AsyncGenerator<ArEntry> {
  checkMagic(await read(0, Math.min(size, MAGIC.length)))
  for (let offset = MAGIC.length; offset + AR_HEADER <= size; ) {
    const entry = parseHeader(await read(offset, AR_HEADER), offset, size)
    yield entry
    offset = nextOffset(entry)
  }
}

function checkMagic(bytes: Buffer): void {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new SyntaxError('it is not an ar archive')
}

/** @param end bytes of the archive */
function parseHeader(bytes: Buffer, offset: number, end: number): ArEntry {
  const header = bytes.toString('latin1')
  const field = (from: number, to: number) => header.slice(from, to).trim()
  const size = Number(field(48, 58))
  if (!Number.isInteger(size) || size < 0 || offset + AR_HEADER + size > end)
    throw new SyntaxError('it is cut short')
  return {
    name: field(0, 16),
    mtime: Number(field(16, 28)),
    uid: Number(field(28, 34)),
    gid: Number(field(34, 40)),
    mode: Number.parseInt(field(40, 48), 8),
    size,
    offset,
  }
}

const nextOffset = ({ offset, size }: Pick<ArEntry, 'offset' | 'size'>) =>
  offset + AR_HEADER + size + (size % 2)

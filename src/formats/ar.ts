/** One member of an ar archive, with what its header notes. */
export interface ArMember {
  /** Up to 16 bytes as latin1; GNU's ar ends it with a slash. */
  name: string
  mtime: number
  uid: number
  gid: number
  mode: number
  content: Buffer
  /** Where its header begins, {@link AR_HEADER} bytes before the content. */
  offset: number
}

const MAGIC = '!<arch>\n'
export const AR_HEADER = 60

/**
 * The members of an ar archive (ar(5)), such as a .deb or a static library: headers of 60 bytes with numbers in decimal
 * (the mode in octal), contents padded to an even length.
 *
 * @throws {SyntaxError} when it is no such archive or is cut short; callers name the file
 */
export function* arMembers(bytes: Buffer): Generator<ArMember> {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new SyntaxError('it is not an ar archive')
  let offset = MAGIC.length
  while (offset + AR_HEADER <= bytes.length) {
    const header = bytes.toString('latin1', offset, offset + AR_HEADER)
    const field = (start: number, end: number) => header.slice(start, end).trim()
    const size = Number(field(48, 58))
    const start = offset + AR_HEADER
    if (!Number.isInteger(size) || size < 0 || start + size > bytes.length)
      throw new SyntaxError('it is cut short')
    yield {
      name: field(0, 16),
      mtime: Number(field(16, 28)),
      uid: Number(field(28, 34)),
      gid: Number(field(34, 40)),
      mode: Number.parseInt(field(40, 48), 8),
      content: bytes.subarray(start, start + size),
      offset,
    }
    offset = start + size + (size % 2)
  }
}

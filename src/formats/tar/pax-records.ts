import { imageInvalid } from '../image-invalid.ts'

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
      equals > space &&
      equals < end &&
      data[end - 1] === 10
    if (!sound) throw imageInvalid('A tar extended header has a malformed record')
    const key = data.toString('latin1', space + 1, equals)
    const value = data.toString('latin1', equals + 1, end - 1)
    if (!key.startsWith(XATTR) && value.includes('\0'))
      throw imageInvalid('A tar extended header has a NUL in a value')
    records.set(key, value)
    at = end
  }
  return records
}

/** What precedes the name of an extended attribute in a record's key; its value is raw bytes. */
export const XATTR = 'SCHILY.xattr.'

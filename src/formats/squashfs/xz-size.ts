import { imageInvalid } from '../image-invalid.ts'

/** A dictionary is never larger than what it is for: a block of at most 1 MiB, or one of metadata. */
const DICTIONARY_LIMIT = 16 * 1024 ** 2
const LZMA2 = 0x21

/**
 * How many bytes an xz file (https://tukaani.org/xz/xz-file-format.txt) of one block unpacks to. That is told by its LZMA2
 * chunks themselves, which a decoder goes by, so that nobody need unpack a bomb to know it.
 *
 * @throws {StillroomError} IMAGE_INVALID when it is not such a file
 */
export function xzSize(bytes: Buffer): number {
  const damaged = () => imageInvalid('A block of the squashfs is not xz as it should be')
  const byte = (at: number): number => {
    const value = bytes[at]
    if (value === undefined) throw damaged()
    return value
  }
  if (bytes.toString('latin1', 0, 6) !== '\xfd7zXZ\0') throw damaged()
  const header = (byte(12) + 1) * 4
  if (byte(12) === 0) throw damaged()
  const flags = byte(13)
  // sizes may stand before the filters
  let at = 14
  const skipNumber = () => {
    for (let length = 1; byte(at++) >= 0x80; length++) if (length > 9) throw damaged()
  }
  if ((flags & 0x40) !== 0) skipNumber()
  if ((flags & 0x80) !== 0) skipNumber()
  if ((flags & 3) !== 0)
    throw imageInvalid('The squashfs is compressed by xz with a filter for programs (BCJ), which is not read')
  if (byte(at) !== LZMA2 || byte(at + 1) !== 1) throw damaged()
  const bits = byte(at + 2)
  if (bits > 40 || (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11) > DICTIONARY_LIMIT)
    throw imageInvalid('A block of the squashfs asks for a dictionary that is larger than any block')
  let size = 0
  for (at = 12 + header; ; ) {
    const control = byte(at)
    if (control === 0) break
    if (control < 0x80) {
      if (control > 2) throw damaged()
      const length = 1 + (byte(at + 1) << 8) + byte(at + 2)
      size += length
      at += 3 + length
    } else {
      size += 1 + ((control & 0x1f) << 16) + (byte(at + 1) << 8) + byte(at + 2)
      at += (control >= 0xc0 ? 6 : 5) + 1 + (byte(at + 3) << 8) + byte(at + 4)
    }
  }
  // after the block's padding and check: another block would begin with another byte than the index does
  const check = [0, 4, 8, 32][[0, 1, 4, 10].indexOf(byte(7) & 0xf)]
  if (check === undefined || byte(Math.ceil((at + 1) / 4) * 4 + check) !== 0) throw damaged()
  return size
}

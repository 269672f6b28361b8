/** A section of an ELF object (System V ABI, "Object Files"); `content` is empty for one without, such as `.bss`. */
export interface ElfSection {
  name: string
  size: number
  /** Whether it holds machine code. */
  code: boolean
  content: Buffer
}

const NOBITS = 8
const EXECUTABLE = 4n

/** The sections of an ELF object in their order; undefined when it is none or its headers are unsound. */
export function readElfSections(bytes: Buffer): ElfSection[] | undefined {
  if (bytes.length < 52 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined
  const is64 = bytes[4] === 2
  const big = bytes[5] === 2
  const u16 = (at: number) => (big ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at))
  const u32 = (at: number) => (big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at))
  const u64 = (at: number) => (big ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at))
  const word = (at: number) => (is64 ? u64(at) : BigInt(u32(at)))
  try {
    const table = Number(word(is64 ? 40 : 32))
    const entry = u16(is64 ? 58 : 46)
    const count = u16(is64 ? 60 : 48)
    const headers = Array.from({ length: count }, (_, i) => {
      const at = table + i * entry
      return {
        name: u32(at),
        type: u32(at + 4),
        flags: word(at + 8),
        offset: Number(word(at + (is64 ? 24 : 16))),
        size: Number(word(at + (is64 ? 32 : 20))),
      }
    })
    const names = headers[u16(is64 ? 62 : 50)]
    if (names === undefined) return undefined
    return headers.map(({ name, type, flags, offset, size }) => ({
      name: text(bytes, names.offset + name),
      size,
      code: (flags & EXECUTABLE) !== 0n,
      content: type === NOBITS ? Buffer.alloc(0) : bytes.subarray(offset, offset + size),
    }))
  } catch (error) {
    // a number that points out of the file
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function text(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start)
  return bytes.toString('latin1', start, end < 0 || end - start > 200 ? start : end)
}

/** What precedes the code of a `.pyc` (PEP 552); numbers are little-endian. */
export interface ByteCodeHeader {
  /** As {@link PythonAbi} has it. */
  magic: number
  flags: number
  /** Of its source, as {@link sourceHash} gives it; or else time and size of its source. */
  source: { hash: string } | { mtime: number; size: number }
}

export const BYTE_CODE_HEADER = 16

const BYTE_CODE_PATH = /^(?:(.*)\/)?__pycache__\/([^/]+?)\.([a-z]+-\d+)(\.opt-\d)?\.pyc$/s

/** What byte code is of: its source's path, and the Python as the name has it. */
export interface ByteCodeSource {
  source: string
  /** `cpython-311` */
  tag: string
}

/** The source that byte code in a `__pycache__` is of (PEP 3147); undefined for other files. */
export function byteCodeSource(path: string): ByteCodeSource | undefined {
  const [, directory, name, tag] = BYTE_CODE_PATH.exec(path) ?? []
  if (name === undefined || tag === undefined) return undefined
  return { source: directory === undefined ? `${name}.py` : `${directory}/${name}.py`, tag }
}

/** The header of a file, whatever it is; undefined when that is shorter. */
export function readByteCodeHeader(bytes: Buffer): ByteCodeHeader | undefined {
  if (bytes.length < BYTE_CODE_HEADER) return undefined
  const flags = bytes.readUInt32LE(4)
  return {
    magic: bytes.readUInt32LE(0),
    flags,
    source:
      (flags & 1) !== 0
        ? { hash: bytes.toString('hex', 8, BYTE_CODE_HEADER) }
        : { mtime: bytes.readUInt32LE(8), size: bytes.readUInt32LE(12) },
  }
}

/** A Python by what decides the hashes in its byte code. */
export interface PythonAbi {
  /** As in the names of `.pyc` files: `cpython-311`. */
  tag: string
  /** `importlib.util.MAGIC_NUMBER` as a little-endian number: the key of its hashes. */
  magic: number
  /** Rounds a block and at the end: SipHash-2-4, or 1-3 since Python 3.11. */
  rounds: [block: number, end: number]
}

const MAGIC_END = 0x0a0d_0000

/** The Pythons of the suites that a recipe can name. */
export const PYTHONS: readonly PythonAbi[] = [
  { tag: 'cpython-39', magic: MAGIC_END + 3425, rounds: [2, 4] },
  { tag: 'cpython-311', magic: MAGIC_END + 3495, rounds: [1, 3] },
  { tag: 'cpython-313', magic: MAGIC_END + 3571, rounds: [1, 3] },
]

/**
 * The hash of a source that a hash-based `.pyc` carries in bytes 8 to 16 (PEP 552; CPython's `_imp.source_hash`):
 * SipHash of its bytes, keyed with the magic number and 0, as 16 hex digits in the order of the file.
 */
export function sourceHash(source: Uint8Array, { magic, rounds }: PythonAbi): string {
  const state = new SipHash(magic)
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  const whole = source.length - (source.length % 8)
  for (let at = 0; at < whole; at += 8)
    state.block(view.getInt32(at, true), view.getInt32(at + 4, true), rounds[0])
  const tail = Buffer.alloc(8)
  tail.set(source.subarray(whole))
  tail[7] = source.length & 0xff
  state.block(tail.readInt32LE(0), tail.readInt32LE(4), rounds[0])
  return state.finish(rounds[1])
}

/** SipHash (Aumasson, Bernstein 2012) on pairs of 32-bit words: low and high halves of v0 to v3. */
class SipHash {
  #l0: number
  #h0 = 0x736f6d65
  #l1 = 0x6e646f6d
  #h1 = 0x646f7261
  #l2: number
  #h2 = 0x6c796765
  #l3 = 0x79746573
  #h3 = 0x74656462

  constructor(key: number) {
    this.#l0 = 0x70736575 ^ key
    this.#l2 = 0x6e657261 ^ key
  }

  block(low: number, high: number, rounds: number): void {
    this.#l3 ^= low
    this.#h3 ^= high
    this.#mix(rounds)
    this.#l0 ^= low
    this.#h0 ^= high
  }

  finish(rounds: number): string {
    this.#l2 ^= 0xff
    this.#mix(rounds)
    const out = Buffer.alloc(8)
    out.writeInt32LE(this.#l0 ^ this.#l1 ^ this.#l2 ^ this.#l3, 0)
    out.writeInt32LE(this.#h0 ^ this.#h1 ^ this.#h2 ^ this.#h3, 4)
    return out.toString('hex')
  }

  #mix(rounds: number): void {
    let [l0, h0, l1, h1] = [this.#l0, this.#h0, this.#l1, this.#h1]
    let [l2, h2, l3, h3] = [this.#l2, this.#h2, this.#l3, this.#h3]
    for (let i = 0; i < rounds; i++) {
      let low = (l0 >>> 0) + (l1 >>> 0)
      h0 = (h0 + h1 + (low > 0xffff_ffff ? 1 : 0)) | 0
      l0 = low | 0
      let word = (l1 << 13) | (h1 >>> 19)
      h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0
      l1 = word ^ l0
      word = l0
      l0 = h0
      h0 = word
      low = (l2 >>> 0) + (l3 >>> 0)
      h2 = (h2 + h3 + (low > 0xffff_ffff ? 1 : 0)) | 0
      l2 = low | 0
      word = (l3 << 16) | (h3 >>> 16)
      h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2
      l3 = word ^ l2
      low = (l0 >>> 0) + (l3 >>> 0)
      h0 = (h0 + h3 + (low > 0xffff_ffff ? 1 : 0)) | 0
      l0 = low | 0
      word = (l3 << 21) | (h3 >>> 11)
      h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0
      l3 = word ^ l0
      low = (l2 >>> 0) + (l1 >>> 0)
      h2 = (h2 + h1 + (low > 0xffff_ffff ? 1 : 0)) | 0
      l2 = low | 0
      word = (l1 << 17) | (h1 >>> 15)
      h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2
      l1 = word ^ l2
      word = l2
      l2 = h2
      h2 = word
    }
    this.#l0 = l0
    this.#h0 = h0
    this.#l1 = l1
    this.#h1 = h1
    this.#l2 = l2
    this.#h2 = h2
    this.#l3 = l3
    this.#h3 = h3
  }
}

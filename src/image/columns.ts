/** The parts of a path; the directory is empty for what is in the root. */
export interface PlaceInDirectory {
  directory: string
  name: string
}

/** A path of its parts. */
export const joinPath = (directory: string, name: string) =>
  directory === '' ? name : `${directory}/${name}`

/** Values of one width by the index of their member, in pieces of 256 that are made as they are needed. */
export class Column {
  readonly #width: number
  readonly #pieces: Buffer[] = []

  constructor(width: number) {
    this.#width = width
  }

  /** What {@link restore} takes: those pieces that there are, by their number. */
  pieces(): Map<number, Buffer> {
    return new Map([...this.#pieces.entries()].filter(([, piece]) => piece !== undefined))
  }

  /** Takes the pieces of another column, which are then its own. */
  restore(numbers: readonly number[], take: (bytes: number) => Buffer): void {
    for (const number of numbers) this.#pieces[number] = take(256 * this.#width)
  }

  /** The bytes that a value is in, and where it begins there. */
  place(index: number): [bytes: Buffer, at: number] {
    const number = index >>> 8
    this.#pieces[number] ??= Buffer.alloc(256 * this.#width)
    return [this.#pieces[number], (index & 255) * this.#width]
  }

  set(index: number, value: Buffer): void {
    const [bytes, at] = this.place(index)
    value.copy(bytes, at)
  }

  /** Whether the value is of this width, and could be set. */
  setHex(index: number, value: string): boolean {
    if (value.length !== 2 * this.#width) return false
    const [bytes, at] = this.place(index)
    return bytes.write(value, at, 'hex') === this.#width
  }

  bytes(index: number, length: number): Buffer {
    const [bytes, at] = this.place(index)
    return bytes.subarray(at, at + length)
  }

  hex(index: number): string {
    const [bytes, at] = this.place(index)
    return bytes.toString('hex', at, at + this.#width)
  }
}

/** Paths, of which each directory is written once for all that follow in it. */
export class Names {
  readonly #pieces: Buffer[] = []
  /** Bytes of the last piece that are written. */
  #filled = PIECE
  #directory = ''

  /** What {@link restore} takes. */
  pieces(): { filled: number; pieces: readonly Buffer[] } {
    return { filled: this.#filled, pieces: this.#pieces }
  }

  /** Takes the pieces of other names, which are then its own; nothing can be added to them. */
  restore({ filled, count }: { filled: number; count: number }, take: (bytes: number) => Buffer): void {
    for (let number = 0; number < count; number++) this.#pieces.push(take(PIECE))
    this.#filled = filled
  }

  /** Where the name is, for {@link at}. */
  add(path: string): number {
    const slash = path.lastIndexOf('/')
    const directory = path.slice(0, Math.max(0, slash))
    if (directory !== this.#directory) {
      this.#write(directory, DIRECTORY)
      this.#directory = directory
    }
    return this.#write(path.slice(slash + 1), 0)
  }

  /** A name, by what {@link add} gave. */
  at(position: number): string {
    const piece = this.#pieces[Math.floor(position / PIECE)] as Buffer
    const at = position % PIECE
    return piece.toString('latin1', at + 2, at + 2 + piece.readUInt16LE(at))
  }

  *places(): Generator<PlaceInDirectory> {
    let directory = ''
    for (const [number, piece] of this.#pieces.entries()) {
      const end = number === this.#pieces.length - 1 ? this.#filled : PIECE
      for (let at = 0; at + 2 <= end; ) {
        const head = piece.readUInt16LE(at)
        if (head === END) break
        const from = at + 2
        at = from + (head & ~DIRECTORY)
        // a string of its own, that keeps no longer one in memory
        const text = piece.toString('latin1', from, at)
        if ((head & DIRECTORY) === 0) yield { directory, name: text }
        else directory = text
      }
    }
  }

  /** Behind its length, of which the highest bit tells a directory from a name. */
  #write(text: string, kind: number): number {
    if (this.#filled + 2 + text.length > PIECE) {
      if (this.#filled + 2 <= PIECE) this.#pieces.at(-1)?.writeUInt16LE(END, this.#filled)
      this.#pieces.push(Buffer.alloc(PIECE))
      this.#filled = 0
    }
    const piece = this.#pieces.at(-1) as Buffer
    const at = this.#filled
    piece.writeUInt16LE(text.length | kind, at)
    piece.write(text, at + 2, 'latin1')
    this.#filled += 2 + text.length
    return (this.#pieces.length - 1) * PIECE + at
  }
}

/** No text is longer: paths have at most 4000 bytes. */
const PIECE = 16 * 1024
const DIRECTORY = 0x8000
/** Instead of a length: nothing more is in this piece. */
const END = 0xffff

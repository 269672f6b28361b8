/** A place in a file, line and column counted from 1, as editors show them. */
export interface Position {
  line: number
  column: number
}

/** A file whose lines are known; a line ends at each line feed. */
export class SourceFile {
  readonly text: string
  /** Where each line begins. */
  readonly lineStarts: readonly number[]

  constructor(text: string) {
    this.text = text
    const starts = [0]
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.lineStarts = starts
  }

  positionAt(offset: number): Position {
    const line = lastNotAbove(this.lineStarts, offset)
    return { line: line + 1, column: offset - (this.lineStarts[line] ?? 0) + 1 }
  }
}

/** A piece of a file, taken over as it is: what begins at `from` of the text is what begins at `at` of the file. */
interface Piece {
  from: number
  at: number
}

/** Text that was put together from pieces of a file, and knows where each of its characters stands there. */
export class SourceText {
  readonly text: string
  readonly #file: SourceFile
  readonly #pieces: readonly Piece[]
  readonly #starts: readonly number[]

  private constructor(file: SourceFile, text: string, pieces: readonly Piece[]) {
    this.#file = file
    this.text = text
    this.#pieces = pieces
    this.#starts = pieces.map(({ from }) => from)
  }

  /** The ranges of a file, half-open, one behind the other. */
  static of(file: SourceFile, ranges: readonly (readonly [from: number, to: number])[]): SourceText {
    const parts: string[] = []
    const pieces: Piece[] = []
    let length = 0
    for (const [from, to] of ranges) {
      pieces.push({ from: length, at: from })
      const part = file.text.slice(from, to)
      parts.push(part)
      length += part.length
    }
    return new SourceText(file, parts.join(''), pieces)
  }

  /** Where a character of the text stands in the file. */
  positionAt(offset: number): Position {
    const { from, at } = this.#pieceOf(offset)
    return this.#file.positionAt(at + offset - from)
  }

  /** A part of the text, with the same places. */
  slice(from: number, to: number = this.text.length): SourceText {
    const start = this.#pieceOf(from)
    const pieces = [
      { from: 0, at: start.at + from - start.from },
      ...this.#pieces
        .filter((piece) => piece.from > from && piece.from < to)
        .map((piece) => ({ from: piece.from - from, at: piece.at })),
    ]
    return new SourceText(this.#file, this.text.slice(from, to), pieces)
  }

  #pieceOf(offset: number): Piece {
    return this.#pieces[lastNotAbove(this.#starts, offset)] ?? { from: 0, at: 0 }
  }
}

/** Index of the last of ascending numbers that is not above another; 0 when all are. */
function lastNotAbove(numbers: readonly number[], limit: number): number {
  let low = 0
  let high = numbers.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) <= limit) low = middle
    else high = middle
  }
  return low
}

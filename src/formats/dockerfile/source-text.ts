/** A place in a file, line and column counted from 1, as editors show them. */
export interface Position {
  line: number
  column: number
}

/** A piece of a file, taken over as it is: `length` characters at `from` of the text are those at `at` of the file. */
interface Piece {
  from: number
  at: number
}

/** Text that was put together from pieces of a file, and knows where each of its characters stands there. */
export class SourceText {
  readonly text: string
  readonly #file: string
  readonly #pieces: readonly Piece[]

  private constructor(file: string, text: string, pieces: readonly Piece[]) {
    this.#file = file
    this.text = text
    this.#pieces = pieces
  }

  /** The ranges of a file, half-open, one behind the other. */
  static of(file: string, ranges: readonly (readonly [from: number, to: number])[]): SourceText {
    let text = ''
    const pieces: Piece[] = []
    for (const [from, to] of ranges) {
      pieces.push({ from: text.length, at: from })
      text += file.slice(from, to)
    }
    return new SourceText(file, text, pieces)
  }

  /** Where a character of the text stands in the file. */
  positionAt(offset: number): Position {
    const piece = this.#pieces.findLast(({ from }) => from <= offset) ?? { from: 0, at: 0 }
    return positionIn(this.#file, piece.at + offset - piece.from)
  }

  /** A part of the text, with the same places. */
  slice(from: number, to: number = this.text.length): SourceText {
    const start = this.#pieces.findLast((piece) => piece.from <= from) ?? { from: 0, at: 0 }
    const pieces = [
      { from: 0, at: start.at + from - start.from },
      ...this.#pieces
        .filter((piece) => piece.from > from && piece.from < to)
        .map((piece) => ({ from: piece.from - from, at: piece.at })),
    ]
    return new SourceText(this.#file, this.text.slice(from, to), pieces)
  }
}

/** Line and column of an offset; a line ends at each line feed. */
export function positionIn(file: string, offset: number): Position {
  const before = file.slice(0, offset)
  const line = before.split('\n').length
  return { line, column: offset - (before.lastIndexOf('\n') + 1) + 1 }
}

/** Bytes of a piece. */
export const PIECE = 1024 * 1024

/** Memory that files are read into, piece by piece, and that another thread may read from: used again when all are done. */
export class SharedPieces {
  readonly #free: SharedArrayBuffer[] = []
  readonly #users = new Map<SharedArrayBuffer, number>()

  /** A piece to write to; {@link drop} it when it is read. */
  take(): SharedArrayBuffer {
    const piece = this.#free.pop() ?? new SharedArrayBuffer(PIECE)
    this.#users.set(piece, 1)
    return piece
  }

  /** One more reads from it, and will {@link drop} it, too. */
  hold(piece: SharedArrayBuffer): void {
    this.#users.set(piece, (this.#users.get(piece) ?? 0) + 1)
  }

  drop(piece: SharedArrayBuffer): void {
    const users = (this.#users.get(piece) ?? 0) - 1
    if (users > 0) {
      this.#users.set(piece, users)
      return
    }
    this.#users.delete(piece)
    this.#free.push(piece)
  }

  has(memory: ArrayBufferLike): memory is SharedArrayBuffer {
    return this.#users.has(memory as SharedArrayBuffer)
  }
}

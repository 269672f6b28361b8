/** Where the transfer of an image's blobs stands. Bytes may go down: a blob that did not arrive begins again. */
export interface TransferProgress {
  blobsDone: number
  blobsTotal: number
  bytesDone: number
  bytesTotal: number
}

/** `2/9 blobs, 120/1859 MB`. */
export function describeTransfer({ blobsDone, blobsTotal, bytesDone, bytesTotal }: TransferProgress): string {
  return `${blobsDone}/${blobsTotal} blobs, ${Math.floor(bytesDone / 1e6)}/${Math.ceil(bytesTotal / 1e6)} MB`
}

/** Counts what is transferred of blobs, one after the other. */
export class Transfer {
  readonly #state: TransferProgress
  readonly #onProgress: (progress: TransferProgress) => void
  /** Bytes of the blobs that are done. */
  #before = 0

  constructor(sizes: readonly number[], onProgress: (progress: TransferProgress) => void) {
    const bytesTotal = sizes.reduce((sum, size) => sum + size, 0)
    this.#state = { blobsDone: 0, blobsTotal: sizes.length, bytesDone: 0, bytesTotal }
    this.#onProgress = onProgress
  }

  /** The bytes of the next blob, from its beginning. */
  async *counted<T extends Uint8Array>(pieces: AsyncIterable<T>): AsyncGenerator<T> {
    this.#state.bytesDone = this.#before
    for await (const piece of pieces) {
      this.#state.bytesDone += piece.length
      this.#onProgress({ ...this.#state })
      yield piece
    }
  }

  /** A blob is where it is to be, whether or not it was transferred. */
  done(size: number): void {
    this.#before += size
    this.#state.blobsDone += 1
    this.#state.bytesDone = this.#before
    this.#onProgress({ ...this.#state })
  }
}

import type { FileHandle } from 'node:fs/promises'

/** Bytes read at a time of a whole file. */
const PIECE = 1024 * 1024
/** And of a range, of which many are read one after the other: less memory waits to be collected. */
const SMALL_PIECE = 256 * 1024

/**
 * The bytes of an open file, or a range of them; it is closed at the end. The next piece is read while one is worked
 * on, and each takes the memory of the last but one.
 */
export async function* readPieces(
  file: FileHandle,
  range?: { from: number; size: number },
): AsyncGenerator<Buffer> {
  const { from, size } = range ?? { from: 0, size: Number.POSITIVE_INFINITY }
  const most = Math.max(1, Math.min(range === undefined ? PIECE : SMALL_PIECE, size))
  const memory: [Buffer, Buffer] = [Buffer.allocUnsafeSlow(most), Buffer.allocUnsafeSlow(most)]
  let done = 0
  const read = (turn: number) => {
    const length = Math.min(most, size - done)
    const pending = file.read(memory[turn % 2 === 0 ? 0 : 1], 0, length, from + done)
    // Awaited a turn later.
    pending.catch(() => {})
    return pending
  }
  let pending = read(0)
  try {
    for (let turn = 1; ; turn++) {
      const { bytesRead, buffer } = await pending
      if (bytesRead === 0) return
      done += bytesRead
      pending = read(turn)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await pending.catch(() => {})
    await file.close()
  }
}

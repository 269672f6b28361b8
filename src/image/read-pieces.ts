import type { FileHandle } from 'node:fs/promises'

/** Bytes read at a time. */
const PIECE = 1024 * 1024
/** Where many ranges are read one after the other: less memory waits to be collected. */
export const SMALL_PIECE = 256 * 1024

/** Part of a file. */
export interface Range {
  from: number
  size: number
}

/**
 * The bytes of an open file, or a range of them; it is closed at the end. The next piece is read while one is worked
 * on, and each takes the memory of the last but one.
 */
export async function* readPieces(
  file: FileHandle,
  { from, size }: Range = { from: 0, size: Number.POSITIVE_INFINITY },
  piece = PIECE,
): AsyncGenerator<Buffer> {
  const most = Math.max(1, Math.min(piece, size))
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

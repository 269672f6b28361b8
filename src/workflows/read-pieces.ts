import type { FileHandle } from 'node:fs/promises'

const PIECE = 1024 * 1024

/**
 * The bytes of an open file from its beginning, which is closed at the end. The next piece is read while one is worked
 * on, and each takes the memory of the last but one.
 */
export async function* readPieces(file: FileHandle): AsyncGenerator<Buffer> {
  const memory: [Buffer, Buffer] = [Buffer.allocUnsafeSlow(PIECE), Buffer.allocUnsafeSlow(PIECE)]
  const read = (turn: number) => {
    const pending = file.read(memory[turn % 2 === 0 ? 0 : 1], 0, PIECE)
    // Awaited a turn later.
    pending.catch(() => {})
    return pending
  }
  let pending = read(0)
  try {
    for (let turn = 1; ; turn++) {
      const { bytesRead, buffer } = await pending
      if (bytesRead === 0) return
      pending = read(turn)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await pending.catch(() => {})
    await file.close()
  }
}

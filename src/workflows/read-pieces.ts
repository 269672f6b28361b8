import type { FileHandle } from 'node:fs/promises'
import { PIECE, type SharedPieces } from './shared-pieces.ts'

/**
 * The bytes of an open file, or a range of them; it is closed at the end. The next piece is read while one is worked
 * on. A piece's memory is used again after the next one was asked for, unless somebody else holds it.
 */
export async function* readPieces(
  file: FileHandle,
  memory: SharedPieces,
  range: { from: number; size: number } = { from: 0, size: Number.POSITIVE_INFINITY },
): AsyncGenerator<Buffer> {
  let done = 0
  const read = () => {
    const piece = memory.take()
    const length = Math.min(PIECE, range.size - done)
    const reading = file.read(Buffer.from(piece), 0, length, range.from + done)
    // Awaited a turn later.
    reading.catch(() => {})
    return { piece, reading }
  }
  let next = read()
  try {
    while (true) {
      const { piece, reading } = next
      const { bytesRead, buffer } = await reading
      if (bytesRead === 0) return
      done += bytesRead
      next = read()
      try {
        yield buffer.subarray(0, bytesRead)
      } finally {
        memory.drop(piece)
      }
    }
  } finally {
    await next.reading.catch(() => {})
    memory.drop(next.piece)
    await file.close()
  }
}

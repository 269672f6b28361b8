import type { FileHandle } from 'node:fs/promises'

/** Gives so many bytes of a file from an offset on, all of them; what it gives stays as it is. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>

/**
 * Reads a file on disk.
 *
 * @throws RangeError from what it gives when the file ends before
 */
export function readFileAt(file: FileHandle): ReadAt {
  return async (offset, length) => {
    const bytes = Buffer.allocUnsafeSlow(length)
    for (let at = 0; at < length; ) {
      const { bytesRead } = await file.read(bytes, at, length - at, offset + at)
      if (bytesRead === 0) throw new RangeError(`the file ends at byte ${offset + at}`)
      at += bytesRead
    }
    return bytes
  }
}

/** Part of a file as a file of its own. */
export function partAt(read: ReadAt, start: number): ReadAt {
  return (offset, length) => read(start + offset, length)
}

const PIECE = 1024 * 1024

/** All bytes of a file, in pieces of a mebibyte. */
export async function* piecesOf(read: ReadAt, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; at += PIECE) yield await read(at, Math.min(PIECE, size - at))
}

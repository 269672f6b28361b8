import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

const CHUNK = 1 << 20

export interface Hashed {
  /** Lower-case hex. */
  sha256: string
  /** In bytes. */
  size: number
}

/** Hashes an open file from its start; the next read runs while the last chunk is hashed. */
export async function hashFile(handle: FileHandle): Promise<Hashed> {
  const hash = createHash('sha256')
  const size = await readChunks(handle, (chunk) => hash.update(chunk))
  return { sha256: hash.digest('hex'), size }
}

/** Gives each chunk of an open file, from its start, to `take`; returns how many bytes there were. */
export async function readChunks(handle: FileHandle, take: (chunk: Uint8Array) => void): Promise<number> {
  const { size: length } = await handle.stat()
  const capacity = Math.max(1, Math.min(CHUNK, length + 1))
  let [current, other] = [Buffer.allocUnsafe(capacity), Buffer.allocUnsafe(capacity)]
  let position = 0
  let pending = handle.read(current, 0, capacity, position)
  for (;;) {
    const { bytesRead } = await pending
    if (bytesRead === 0) return position
    position += bytesRead
    const filled = current.subarray(0, bytesRead)
    ;[current, other] = [other, current]
    pending = handle.read(current, 0, capacity, position)
    take(filled)
  }
}

import type { ReadAt } from './read-at.ts'

/** Reads bytes that are in memory; `step` is told of each read. */
export function readBytes(bytes: Buffer, step: (offset: number, length: number) => void = () => {}): ReadAt {
  return async (offset, length) => {
    step(offset, length)
    if (offset < 0 || offset + length > bytes.length)
      throw new RangeError(`${offset} + ${length} of ${bytes.length}`)
    return Buffer.from(bytes.subarray(offset, offset + length))
  }
}

import { createHash } from 'node:crypto'

export type Algorithm = 'sha256' | 'md5'

/** Takes a digest of bytes that come in pieces. */
export interface Digester {
  /** The bytes may be overwritten once this returns. */
  update(bytes: Buffer): void
  /** Something to wait for before more bytes are given; undefined when nothing is. */
  drained(): Promise<void> | undefined
  /** In lower-case hex. */
  digest(): Promise<string>
}

/** Takes sha256 digests, in lower-case hex, of one file or parts of it, which it reads by itself. */
export interface RangeDigester {
  /** Of all of it; asked for again it is the same one. */
  whole(): Promise<string>
  /** Of a part, before the whole of any. */
  part(from: number, size: number): Promise<string>
}

/** From how many bytes on a digest is worth the way to another thread. */
export const LARGE = 1024 * 1024

/** Works at once, on the thread that calls it. */
export function digestHere(): Digester {
  const hash = createHash('sha256')
  return {
    update: (bytes) => void hash.update(bytes),
    drained: () => undefined,
    digest: async () => hash.digest('hex'),
  }
}

/** Is given bytes in vain, and waits for their digest, which is taken elsewhere. */
export function digestThere(taken: Promise<string>): Digester {
  return { update: () => {}, drained: () => undefined, digest: () => taken }
}

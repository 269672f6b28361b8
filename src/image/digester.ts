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

/** Takes sha256 digests, in lower-case hex, of parts of one file, which it reads by itself. */
export interface RangeDigester {
  /** Bytes that are still to be read for digests that are wanted soon. */
  readonly backlog: number
  /** @param when `soon` before all that is wanted `later` */
  digest(from: number, size: number, when: 'soon' | 'later'): Promise<string>
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

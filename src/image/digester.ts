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

/** Works at once, on the thread that calls it. */
export function digestHere(): Digester {
  const hash = createHash('sha256')
  return {
    update: (bytes) => void hash.update(bytes),
    drained: () => undefined,
    digest: async () => hash.digest('hex'),
  }
}

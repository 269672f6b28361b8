import { createHash } from 'node:crypto'
import type { Artifact } from '../artifact.ts'

/** An artifact of these bytes, as a Debian package would be. */
export function makeArtifact(name: string, bytes: Uint8Array): Artifact {
  return {
    name: `${name} 1.0 amd64`,
    file: `${name}_1.0_amd64.deb`,
    sha256: sha256(bytes),
    size: bytes.length,
    origin: { kind: 'debian', archive: 'debian', path: `pool/main/${name}_1.0_amd64.deb` },
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Bytes that look random and are the same each time. */
export function makeBytes(length: number, seed = 1): Buffer {
  let state = seed
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state >>> 16
    }),
  )
}

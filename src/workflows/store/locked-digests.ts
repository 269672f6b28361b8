import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'

/** Every entry of the store that a lock needs: its artifacts, and the indexes that let it be extended. */
export function lockedDigests(locked: LockedPlatform): string[] {
  const { files, seed } = contextArtifacts(locked)
  const artifacts = [...files, ...seed].map(({ artifact }) => artifact.sha256)
  const indexes = locked.base.indexes.flatMap(({ release, packages }) => [release, packages])
  return [...new Set([...artifacts, ...indexes])].sort()
}

/** The same of all its platforms. */
export function allLockedDigests(lock: Lockfile): string[] {
  return [...new Set(Object.values(lock.platforms).flatMap(lockedDigests))].sort()
}

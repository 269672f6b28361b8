import type { DebianIndex, LockedBase } from '../lock/schema.ts'
import { isDebians } from '../lock/suite-indexes.ts'

/** The indexes that an image's own apt sources name: not those of archives that only the lock was made with. */
export function ownIndexes(base: LockedBase): DebianIndex[] {
  const { kind, indexes } = base
  return indexes.filter((index) => index.url === undefined && (kind === 'image' || isDebians(index)))
}

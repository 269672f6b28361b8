import type { LockedBase } from './schema.ts'

/** The time, in seconds since 1970, that nothing in an image on this base is newer than. */
export function newestDate(base: LockedBase): number {
  const dates = base.indexes.map(({ date }) => date).concat(base.kind === 'debian' ? [] : base.created)
  return Math.max(...dates.map((date) => Date.parse(date))) / 1000
}

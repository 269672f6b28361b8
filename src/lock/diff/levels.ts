import { DiffLevel } from './schema.ts'

export function maxLevel(levels: readonly DiffLevel[]): DiffLevel {
  return levels.reduce((max, level) => (compareLevels(level, max) > 0 ? level : max), 'any')
}

/** Negative when `a` is the lower one. */
export function compareLevels(a: DiffLevel, b: DiffLevel): number {
  return DiffLevel.options.indexOf(a) - DiffLevel.options.indexOf(b)
}

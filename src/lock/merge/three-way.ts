import { isDeepStrictEqual } from 'node:util'

/** What a value becomes that two sides may have changed; `undefined` is a value that is not there. */
export type Merged<T> = { kind: 'merged'; value: T } | { kind: 'conflict' }

/** A change of one side only is taken, and one that both sides made alike. */
export function threeWay<T>(base: T, ours: T, theirs: T): Merged<T> {
  if (isDeepStrictEqual(ours, theirs) || isDeepStrictEqual(base, theirs))
    return { kind: 'merged', value: ours }
  return isDeepStrictEqual(base, ours) ? { kind: 'merged', value: theirs } : { kind: 'conflict' }
}

import { StillroomError } from '../error.ts'
import { canonicalJson, type Json } from './canonical-json.ts'
import { compareFields } from './lock-inputs.ts'
import type { Lockfile, LockInputs } from './schema.ts'

/** One field of the recipe that is not what the lock was made from; a missing side is `undefined`. */
export interface InputChange {
  field: string
  /** What the lock was made from. */
  expected: Json | undefined
  /** What the recipe says now. */
  actual: Json | undefined
}

/** The fields that differ, in the lockfile's order; none when the lock is still good. */
export function compareInputs(
  locked: LockInputs | undefined,
  current: LockInputs | undefined,
): InputChange[] {
  const [before, after] = [locked?.fields ?? {}, current?.fields ?? {}]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort(compareFields)
    .map((field) => ({ field, expected: before[field], actual: after[field] }))
    .filter(({ expected, actual }) => shown(expected) !== shown(actual))
}

/**
 * Passes when the lock was made from what the recipe says now.
 *
 * @throws {StillroomError} LOCK_STALE with every field that differs, expected and actual
 */
export function requireFresh(lock: Lockfile, current: LockInputs): void {
  const changes = compareInputs(lock.inputs, current)
  if (changes.length === 0) return
  const list = changes.map(
    ({ field, expected, actual }) => `  ${field}: expected ${shown(expected)}, actual ${shown(actual)}`,
  )
  throw new StillroomError(
    'LOCK_STALE',
    `The lockfile of recipe "${lock.recipe}" was made from another recipe:\n${list.join('\n')}`,
    { hint: `Run: stillroom lock recipe ${lock.recipe}`, details: { recipe: lock.recipe, changes } },
  )
}

const shown = (value: Json | undefined) => (value === undefined ? 'nothing' : canonicalJson(value))

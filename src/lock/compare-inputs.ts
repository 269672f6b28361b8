import { canonicalJson, type Json } from './canonical-json.ts'
import { compareFields } from './lock-inputs.ts'
import type { LockInputs } from './schema.ts'

/** One field of the recipe that is not what the lock was made from; a missing side is `undefined`. */
export interface InputChange {
  field: string
  /** What the lock was made from; in JSON there is none for what is new. */
  expected?: Json | undefined
  /** What the recipe says now; in JSON there is none for what is gone. */
  actual?: Json | undefined
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

const shown = (value: Json | undefined) => (value === undefined ? 'nothing' : canonicalJson(value))

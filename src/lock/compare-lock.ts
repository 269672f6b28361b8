import { StillroomError } from '../error.ts'
import { canonicalJson, type Json } from './canonical-json.ts'
import { compareInputs, type InputChange } from './compare-inputs.ts'
import { comparePins } from './pins/compare-pins.ts'
import { recordedRecipe } from './recorded-recipe.ts'
import type { Lockfile, LockInputs } from './schema.ts'

/**
 * All that makes a lock stale: each field of the recipe that is another than it was made from, and each pin that is not
 * what such a field writes down, for the fields that are the same. Of no lock, every field.
 *
 * @param current of the recipe as it is now; of the lock itself, to hold a lock against its own recipe
 * @throws {StillroomError} LOCK_INVALID when the recorded fields are not a recipe
 */
export function compareLock(lock: Lockfile | undefined, current: LockInputs): InputChange[] {
  const changes = compareInputs(lock?.inputs, current)
  if (lock === undefined) return changes
  const changed = new Set(changes.map(({ field }) => field))
  const recipe = recordedRecipe(lock)
  const pins = Object.values(lock.platforms).flatMap((locked) => comparePins(recipe, current, locked))
  return [...changes, ...pins.filter(({ field }) => !changed.has(planned(field)))]
}

/** The field of the inputs that a pin belongs to: `steps[1]` for `steps[1].sha256`. */
export function planned(field: string): string {
  return /^(base|steps\[\d+\])\./.exec(field)?.[1] ?? field
}

/**
 * Passes when the lock was made from what the recipe says now, and every pin is what the recipe says.
 *
 * @throws {StillroomError} LOCK_STALE with every field and pin that differs, as the lockfile and as the recipe has it
 */
export function requireFresh(lock: Lockfile, current: LockInputs): void {
  const changes = compareLock(lock, current)
  if (changes.length === 0) return
  const list = changes.map(
    ({ field, expected, actual }) =>
      `  ${field}: the lockfile has ${shown(expected)}, the recipe ${shown(actual)}`,
  )
  const isOld = compareInputs(lock.inputs, current).length > 0
  const reason = isOld ? 'was made from another recipe' : 'pins something else than the recipe says'
  throw new StillroomError(
    'LOCK_STALE',
    `The lockfile of recipe "${lock.recipe}" ${reason}:\n${list.join('\n')}`,
    { hint: `Run: stillroom lock recipe ${lock.recipe}`, details: { recipe: lock.recipe, changes } },
  )
}

const shown = (value: Json | undefined) => (value === undefined ? 'nothing' : canonicalJson(value))

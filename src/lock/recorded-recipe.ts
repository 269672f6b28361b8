import { StillroomError } from '../error.ts'
import { Recipe } from '../recipe/schema.ts'
import type { Lockfile } from './schema.ts'

/**
 * The recipe as a lockfile recorded it: what decides the image; without description, authors, publisher, licence, DOI, MPI,
 * checks and tasks.
 *
 * @throws {StillroomError} LOCK_INVALID when the recorded fields are not a recipe
 */
export function recordedRecipe({ recipe: name, inputs }: Pick<Lockfile, 'recipe' | 'inputs'>): Recipe {
  const fields: Record<string, unknown> = {}
  const steps: unknown[] = []
  for (const [field, value] of Object.entries(inputs.fields)) {
    const [, index] = /^steps\[(\d+)\]$/.exec(field) ?? []
    if (index !== undefined) steps[Number(index)] = value
    else if (field in Recipe.shape) fields[field] = value
  }
  const result = Recipe.safeParse({ ...fields, steps })
  if (result.success) return result.data
  const issues = result.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`)
  throw new StillroomError(
    'LOCK_INVALID',
    `the fields that the lockfile of "${name}" recorded are not a recipe:\n${issues.join('\n')}`,
    { hint: 'restore the committed lockfile, or lock again: stillroom lock recipe NAME --upgrade' },
  )
}

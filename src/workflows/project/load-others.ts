import { createHash } from 'node:crypto'
import { StillroomError } from '../../error.ts'
import type { Json } from '../../lock/canonical-json.ts'
import { lockIdentity, otherRecipes, sourceNames } from '../../lock/other-recipes.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { Lockfile } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { programsChecksum } from './generated.ts'
import type { ImportRecipe } from './import-recipe.ts'
import { loadRecipe } from './load-recipe.ts'
import { lockedPlatform, readLock } from './lock-file.ts'

/** The lock of another recipe that files are taken from, as it is now. */
export interface OtherLock {
  /** Undefined when it has none. */
  lock: Lockfile | undefined
  /** What a lock of whoever takes files from it says of it: another one whenever its lock is another. */
  identity: Json
}

/**
 * The locks of the recipes that a recipe takes files from, by name.
 *
 * @throws {StillroomError} RECIPE_CIRCLE; RECIPE_* of one that cannot be loaded; LOCK_VERSION, LOCK_INVALID
 */
export async function loadOthers(
  directory: string,
  name: string,
  recipe: Recipe,
  importFile?: ImportRecipe,
): Promise<Map<string, OtherLock>> {
  await requireNoCircle(directory, recipe, [name], importFile)
  const others = new Map<string, OtherLock>()
  for (const other of sourceNames(recipe)) {
    const lock = await readLock(directory, other)
    others.set(other, { lock, identity: lock === undefined ? null : identityOf(lock) })
  }
  return others
}

async function requireNoCircle(
  directory: string,
  recipe: Recipe,
  above: readonly string[],
  importFile?: ImportRecipe,
): Promise<void> {
  for (const name of sourceNames(recipe)) {
    const path = [...above, name]
    if (above.includes(name)) {
      throw new StillroomError(
        'RECIPE_CIRCLE',
        `recipes take files from one another in a circle: ${path.join(' -> ')}`,
        { hint: 'move what both need into a recipe of its own', details: { recipes: path } },
      )
    }
    const other = await loadRecipe(directory, name, importFile).catch((error: unknown) => {
      if (!(error instanceof StillroomError) || error.code !== 'RECIPE_NOT_FOUND') throw error
      const message = `recipe "${above.at(-1)}" takes files from recipe "${name}": ${error.message}`
      throw new StillroomError(error.code, message, { hint: error.hint, details: error.details })
    })
    await requireNoCircle(directory, other.recipe, path, importFile)
  }
}

/** What a lock's inputs say of other recipes, by name. */
export function identitiesOf(others: ReadonlyMap<string, OtherLock>): Record<string, Json> {
  return Object.fromEntries([...others].map(([name, { identity }]) => [name, identity]))
}

function identityOf(lock: Lockfile): Json {
  return lockIdentity({ ...lockedPlatform(lock, recordedRecipe(lock)), inputs: lock.inputs })
}

/**
 * As {@link programsChecksum}, with the programs that make what is taken from other recipes.
 */
export async function allProgramsChecksum(
  recipe: Recipe,
  others: ReadonlyMap<string, OtherLock>,
): Promise<string> {
  const own = await programsChecksum(recipe)
  if (others.size === 0) return own
  const found = new Map<string, string>()
  for (const [name, { lock }] of others) {
    if (lock === undefined) continue
    const other = recordedRecipe(lock)
    const all = [...otherRecipes(lockedPlatform(lock, other)), { name, recipe: other }]
    for (const each of all) found.set(each.name, await programsChecksum(each.recipe))
  }
  return createHash('sha256')
    .update(JSON.stringify([own, ...[...found].sort()]))
    .digest('hex')
}

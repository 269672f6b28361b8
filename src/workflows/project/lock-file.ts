import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { StillroomError, unlessMissing } from '../../error.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import { RECIPE_NAME } from './list-recipes.ts'

/**
 * The lockfile of a recipe; undefined when it has none.
 *
 * @throws {StillroomError} LOCK_VERSION; LOCK_INVALID, also when it is another recipe's
 */
export async function readLock(directory: string, name: string): Promise<Lockfile | undefined> {
  const path = lockPath(directory, name)
  const text = await readFile(path, 'utf8').catch(unlessMissing)
  if (text === undefined) return undefined
  const lock = parseLock(text, relative(directory, path))
  if (lock.recipe === name) return lock
  throw new StillroomError(
    'LOCK_INVALID',
    `${relative(directory, path)}: is the lockfile of another recipe: expected recipe "${name}", actual "${lock.recipe}"`,
    { hint: `make one for this recipe: stillroom lock recipe ${name} --upgrade` },
  )
}

/**
 * The text of a lockfile that a command names.
 *
 * @param shown the path as it was named
 * @throws {StillroomError} LOCK_MISSING
 */
export function readLockText(path: string, shown: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new StillroomError('LOCK_MISSING', `there is no lockfile ${shown}: ${cause.code}`, {
      hint: 'name a file such as recipes/NAME/lock.json',
      cause,
    })
  })
}

/** @throws {StillroomError} LOCK_MISSING */
export async function requireLock(directory: string, name: string): Promise<Lockfile> {
  const lock = await readLock(directory, name)
  if (lock) return lock
  throw new StillroomError('LOCK_MISSING', `recipe "${name}" has no lockfile: recipes/${name}/lock.json`, {
    hint: `make it: stillroom lock recipe ${name}`,
  })
}

/** @returns the lock as a reader finds it, and whether the file changed */
export async function writeLock(
  directory: string,
  name: string,
  lock: Lockfile,
): Promise<{ lock: Lockfile; written: boolean }> {
  const path = lockPath(directory, name)
  const text = serializeLock(lock)
  return { lock: parseLock(text, relative(directory, path)), written: await writeFileAtomic(path, text) }
}

/** What is locked for the recipe's platform. */
export function lockedPlatform(lock: Lockfile, recipe: Recipe): LockedPlatform {
  const locked = lock.platforms[recipe.platform]
  if (locked) return locked
  throw new StillroomError(
    'LOCK_STALE',
    `the lockfile of recipe "${lock.recipe}" has nothing for ${recipe.platform}`,
    {
      hint: `run: stillroom lock recipe ${lock.recipe}`,
    },
  )
}

/** @throws {StillroomError} RECIPE_NOT_FOUND for what can be no recipe's name */
export function lockPath(directory: string, name: string): string {
  if (!RECIPE_NAME.test(name)) {
    throw new StillroomError('RECIPE_NOT_FOUND', `there is no recipe ${JSON.stringify(name)}`, {
      hint: 'a name is made of lower-case letters, digits and single dashes; see stillroom list recipes',
    })
  }
  return join(directory, 'recipes', name, 'lock.json')
}

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError, unlessMissing } from '../../error.ts'
import { diffDockerfiles } from '../../lock/diff/diff-dockerfiles.ts'
import { diffLocks, levelOfChanges } from '../../lock/diff/diff-locks.ts'
import { maxLevel } from '../../lock/diff/levels.ts'
import { LOCK_DIFF_VERSION, type LockDiff, type RecipeDiff } from '../../lock/diff/schema.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import type { Repository } from '../ports.ts'
import { RECIPE_NAME } from '../project/list-recipes.ts'
import { addCommitLogs } from './commit-logs.ts'
import { fileSide, findMergeBase, type LockSide, revisionSide, workingTreeSide } from './lock-sides.ts'

export interface DiffLockOptions {
  /** A lockfile's path or a revision; by default where the branch at hand left the default branch. */
  base?: string | undefined
  /** By default the working tree. */
  head?: string | undefined
  /** Only these; all by default. */
  recipes?: readonly string[] | undefined
}

/**
 * What differs between two lockfiles, or between all lockfiles of two states of the project.
 *
 * @throws {StillroomError} REVISION_UNKNOWN, LOCK_*; RECIPE_NOT_FOUND for one that neither side has
 */
export async function diffLock(ports: Repository, options: DiffLockOptions): Promise<LockDiff> {
  using base = await openSide(ports, options.base ?? (await findMergeBase(ports)))
  using head = await openSide(ports, options.head)
  return await compareSides(ports, base, head, options.recipes)
}

/** @param name a lockfile's path or a revision; without one, the working tree */
async function openSide(ports: Repository, name: string | undefined): Promise<LockSide> {
  if (name === undefined) return workingTreeSide(ports.directory, await lockedRecipes(ports.directory))
  const entry = await stat(name).catch(() => undefined)
  return entry?.isFile() || name.endsWith('.json') ? fileSide(name) : revisionSide(ports, name)
}

/** Directories that hold a lockfile, whether or not they still hold a recipe. */
async function lockedRecipes(directory: string): Promise<string[]> {
  const names = await readdir(join(directory, 'recipes')).catch(unlessMissing)
  return (names ?? []).filter((name) => RECIPE_NAME.test(name))
}

async function compareSides(
  ports: Repository,
  base: LockSide,
  head: LockSide,
  wanted: readonly string[] | undefined,
): Promise<LockDiff> {
  const pairs = pairRecipes(base, head, wanted)
  const recipes: RecipeDiff[] = []
  for (const [from, to] of pairs) {
    ports.signal.throwIfAborted()
    const diff = await compareRecipe(base, head, from, to)
    if (diff) recipes.push({ ...diff, packages: await addCommitLogs(ports, diff.recipe, diff.packages) })
  }
  return {
    diffVersion: LOCK_DIFF_VERSION,
    base: base.label,
    head: head.label,
    level: recipes.length === 0 ? null : maxLevel(recipes.map(({ level }) => level)),
    recipes,
    unchanged: pairs.length - recipes.length,
  }
}

type Names = [from: string | undefined, to: string | undefined]

/** Recipes by name; a lockfile by itself is compared with the recipe of its name, or against another such file. */
function pairRecipes(base: LockSide, head: LockSide, wanted: readonly string[] | undefined): Names[] {
  if (base.single && head.single) return [[[...base.recipes.keys()][0], [...head.recipes.keys()][0]]]
  const single = [base, head].find((side) => side.single)
  const names = single
    ? [...single.recipes.keys()]
    : [...new Set([...base.recipes.keys(), ...head.recipes.keys()])]
  const unknown = (wanted ?? []).filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    throw new StillroomError(
      'RECIPE_NOT_FOUND',
      `no lockfile of recipe ${unknown.map((name) => `"${name}"`).join(', ')} in ${base.label} or ${head.label}`,
      { hint: names.length === 0 ? 'neither has a lockfile' : `there are: ${names.sort().join(', ')}` },
    )
  }
  return (wanted ? [...new Set(wanted)] : names)
    .sort()
    .map((name) => [base.recipes.has(name) ? name : undefined, head.recipes.has(name) ? name : undefined])
}

async function compareRecipe(
  base: LockSide,
  head: LockSide,
  from: string | undefined,
  to: string | undefined,
): Promise<RecipeDiff | undefined> {
  const [a, b] = [entryOf(base, from), entryOf(head, to)]
  if (a && b && a.lock === b.lock && a.dockerfile === b.dockerfile) return undefined
  const [left, right] = [await readLocked(base, from), await readLocked(head, to)]
  const changes = diffLocks(left.lock, right.lock)
  const dockerfile =
    left.dockerfile !== null && right.dockerfile !== null
      ? diffDockerfiles(left.dockerfile, right.dockerfile)
      : null
  const level = levelOfChanges(changes) ?? (dockerfile === null ? null : 'any')
  if (level === null) return undefined
  const status = left.lock === null ? 'added' : right.lock === null ? 'removed' : 'changed'
  return { recipe: to ?? from ?? '', status, level, ...changes, dockerfile }
}

const entryOf = (side: LockSide, recipe: string | undefined) =>
  recipe === undefined ? undefined : side.recipes.get(recipe)

async function readLocked(side: LockSide, recipe: string | undefined) {
  const found = entryOf(side, recipe)
  if (recipe === undefined || found === undefined) return { lock: null, dockerfile: null }
  const dockerfile = found.dockerfile === null ? null : await side.read(found.dockerfile)
  return { lock: parseLock(await side.read(found.lock), side.place(recipe)), dockerfile }
}

import type { ContextFiles } from '../../dockerfile/render-context.ts'
import { requireFresh } from '../../lock/compare-lock.ts'
import { lockInputs, projectFile } from '../../lock/lock-inputs.ts'
import type { LockedPlatform, LockedProject, Lockfile, LockInputs } from '../../lock/schema.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { resolveProject } from '../../resolve/project/resolve-project.ts'
import type { Repository } from '../ports.ts'
import { renderGenerated, requireGenerated } from './generated.ts'
import type { ImportRecipe } from './import-recipe.ts'
import { allProgramsChecksum, identitiesOf, loadOthers, type OtherLock } from './load-others.ts'
import { type LoadedRecipe, loadRecipe } from './load-recipe.ts'
import { lockedPlatform, requireLock } from './lock-file.ts'
import { type ExpandedStep, readPipFiles } from './read-pip-files.ts'

export interface RecipeInputs extends LoadedRecipe {
  /** What a lock of it must have been made from. */
  inputs: LockInputs
  /** Pins of its projects as they are committed now, by step. */
  projects: Map<number, LockedProject>
  /** Its pip steps with what their files ask for, by step. */
  pip: Map<number, ExpandedStep>
  /** The locks of the recipes that it takes files from, by name. */
  others: Map<string, OtherLock>
}

/**
 * Loads a recipe and what lies beside it.
 *
 * @param importFile as `loadRecipe` takes it
 * @throws {StillroomError} RECIPE_*, also for what its pip steps name; RECIPE_CIRCLE; PROJECT_DIRTY when a project differs from what is committed
 */
export async function loadInputs(
  ports: Repository,
  name: string,
  importFile?: ImportRecipe,
): Promise<RecipeInputs> {
  const loaded = await loadRecipe(ports.directory, name, importFile)
  const git = gitRunner(ports)
  const projects = new Map<number, LockedProject>()
  const trees: Record<string, string> = {}
  for (const [index, step] of loaded.recipe.steps.entries()) {
    if (step.kind !== 'project') continue
    const project = await resolveProject(git, loaded.directory, step)
    projects.set(index, project)
    trees[projectFile(step)] = project.tree
  }
  return { ...loaded, projects, ...(await readInputs(ports.directory, loaded, trees, importFile)) }
}

/**
 * What a lock of a recipe must have been made from.
 *
 * @param root the project's directory
 * @param trees git trees of the recipe's projects, by `projectFile`
 * @param importFile as `loadRecipe` takes it
 * @throws {StillroomError} as {@link loadInputs}
 */
export async function readInputs(
  root: string,
  { name, recipe, directory }: LoadedRecipe,
  trees: Readonly<Record<string, string>>,
  importFile?: ImportRecipe,
): Promise<Pick<RecipeInputs, 'inputs' | 'pip' | 'others'>> {
  const pip = new Map<number, ExpandedStep>()
  const files = { ...trees }
  for (const [index, step] of recipe.steps.entries()) {
    if (step.kind !== 'pip' || (step.files ?? step.constraintFiles) === undefined) continue
    const expanded = await readPipFiles(step, directory)
    pip.set(index, expanded)
    Object.assign(files, expanded.files)
  }
  const others = await loadOthers(root, name, recipe, importFile)
  const programs = await allProgramsChecksum(recipe, others)
  return { pip, others, inputs: lockInputs(recipe, files, programs, identitiesOf(others)) }
}

/** A recipe whose lockfile and build context are what it gives. */
export interface LockedRecipe {
  loaded: RecipeInputs
  lock: Lockfile
  locked: LockedPlatform
  /** `generated/NAME`. */
  context: ContextFiles
}

/**
 * Loads a recipe with its lockfile and its build context.
 *
 * @throws {StillroomError} RECIPE_*, PROJECT_*, LOCK_*; GENERATED_STALE
 */
export async function loadLocked(ports: Repository, name: string): Promise<LockedRecipe> {
  const { directory } = ports
  const reading = deferRejection(requireLock(directory, name))
  const loaded = await loadInputs(ports, name)
  const lock = await reading
  requireFresh(lock, loaded.inputs)
  const locked = lockedPlatform(lock, loaded.recipe)
  const context = await renderGenerated(name, loaded.recipe, locked)
  await requireGenerated(directory, name, context)
  return { loaded, lock, locked, context }
}

/** A promise whose failure counts when it is awaited, and not before. */
export function deferRejection<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

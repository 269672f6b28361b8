import { StillroomError } from '../../error.ts'
import type { InputChange } from '../../lock/compare-inputs.ts'
import { compareLock, planned } from '../../lock/compare-lock.ts'
import { type LockRequest, planLock } from '../../lock/plan-lock.ts'
import { LOCKFILE_VERSION, type LockedPlatform, type Lockfile } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { requireHistory } from '../../resolve/project/resolve-project.ts'
import { renderGenerated, writeGenerated } from '../project/generated.ts'
import { loadInputs, type RecipeInputs } from '../project/load-inputs.ts'
import { lockedPlatform, readLock, writeLock } from '../project/lock-file.ts'
import { warnOfProjects, warnOfRepositories } from '../project/warn-of-projects.ts'
import type { Session } from '../session.ts'
import { carryOutPlan } from './carry-out-plan.ts'
import { lockCopies } from './lock-copies.ts'
import { lockResolvers } from './lock-resolvers.ts'

export interface LockOptions extends Pick<LockRequest, 'upgrade'> {
  /** Indexes of apt may be older than those that are locked. */
  olderIndexes?: boolean
}

export interface LockResult {
  recipe: string
  /** `current`: the lock was good and stays as it is. */
  outcome: 'written' | 'current'
  changes: InputChange[]
  lock: Lockfile
}

/** Resolves a recipe to exact pins, and writes its lockfile and its build context. */
export async function lockRecipe(session: Session, name: string, options: LockOptions): Promise<LockResult> {
  const { directory, progress } = session
  const { upgrade } = options
  progress({ kind: 'stage', title: `reading recipe ${name}` })
  const loaded = await loadInputs(session, name)
  const { recipe, projects } = loaded
  const present = await readPresent(directory, name, options)
  const changes = compareLock(present, loaded.inputs)
  const locked = present?.platforms[recipe.platform]
  if (present && locked && changes.length === 0 && upgrade === undefined)
    return { recipe: name, outcome: 'current', changes, lock: present }

  for (const [index, project] of projects) {
    const step = recipe.steps[index]
    if (step?.kind === 'project')
      await requireHistory(gitRunner(session), loaded.directory, step.path, project)
  }
  const changed = changedFields(loaded, changes)
  await warnOfProjects(session, loaded)
  const { copies, recipes, below } = await lockCopies(session, loaded)
  const plan = planLock({ name, recipe: expanded(loaded), locked, changed, upgrade, projects, copies, below })
  const known = options.olderIndexes ? [] : (locked?.base.indexes ?? [])
  const others = recipes === undefined ? {} : { recipes }
  const before = locked && { locked, changed }
  await using resolvers = lockResolvers(session, loaded, plan.base, known, others, before)
  const resolved = await carryOutPlan(plan, resolvers, others)
  warnOfRepositories(session, resolved.steps)
  const next = nextLock(loaded, present, resolved)
  const { lock, written } = await writeLock(directory, name, next)
  await writeGenerated(directory, name, await renderGenerated(name, recipe, lockedPlatform(lock, recipe)))
  return { recipe: name, outcome: written ? 'written' : 'current', changes, lock }
}

/** What changed of a recipe; a step has when a file has that it takes requirements from. */
function changedFields({ pip }: RecipeInputs, changes: readonly InputChange[]): Set<string> {
  const changed = new Set(changes.map(({ field }) => planned(field)))
  for (const [index, { files }] of pip)
    if (Object.keys(files).some((path) => changed.has(`files[${JSON.stringify(path)}]`)))
      changed.add(`steps[${index}]`)
  return changed
}

/** The recipe with what the files of its pip steps ask for. */
function expanded({ recipe, pip }: RecipeInputs): Recipe {
  return { ...recipe, steps: recipe.steps.map((step, index) => pip.get(index)?.step ?? step) }
}

/** A lockfile that cannot be read is no obstacle to making all of it again. */
async function readPresent(
  directory: string,
  name: string,
  { upgrade }: LockOptions,
): Promise<Lockfile | undefined> {
  return readLock(directory, name).catch((error: unknown) => {
    if (upgrade === 'all' && error instanceof StillroomError) return undefined
    throw error
  })
}

/** The recorded image stays true when nothing that decides it has changed. */
function nextLock(
  { name, recipe: { platform }, inputs }: RecipeInputs,
  present: Lockfile | undefined,
  resolved: LockedPlatform,
): Lockfile {
  const lock: Lockfile = {
    lockfileVersion: LOCKFILE_VERSION,
    recipe: name,
    inputs,
    platforms: { [platform]: resolved },
  }
  const image = present?.platforms[platform]?.image ?? null
  const withImage: Lockfile = { ...lock, platforms: { [platform]: { ...resolved, image } } }
  return present !== undefined && serializeLock(present) === serializeLock(withImage) ? withImage : lock
}

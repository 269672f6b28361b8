import { StillroomError } from '../error.ts'
import { normalizeName } from '../formats/python/distribution-name.ts'
import type { Recipe, Step } from '../recipe/schema.ts'
import { baseDebianNames } from './base-packages.ts'
import type {
  LockedBase,
  LockedCopy,
  LockedPlatform,
  LockedProject,
  LockedRecipeBase,
  LockedStep,
} from './schema.ts'

export interface PackageVersion {
  name: string
  version: string
}

/** How far a step that is resolved again may go from what is locked of it. */
export interface VersionConstraints {
  /** Versions that stay, though newer ones are known. */
  stay: readonly PackageVersion[]
  /** Versions to be left behind: a newer one, or none. */
  beyond: readonly PackageVersion[]
}

export const UNCONSTRAINED: VersionConstraints = { stay: [], beyond: [] }

export type StepPlan = { action: 'keep'; locked: LockedStep } | ResolveStep

export interface ResolveStep<S extends ResolvableStep = ResolvableStep> {
  action: 'resolve'
  step: S
  constraints: VersionConstraints
  /** What is locked of it now, for when nothing newer fits. */
  fallback?: LockedStep
}

export type ResolvableStep = Exclude<Step, { kind: 'run' | 'project' | 'copy' }>

export type BasePlan =
  | { action: 'keep'; locked: LockedBase }
  /** The base stays; the present indexes are added to its own. */
  | { action: 'refresh'; locked: LockedBase }
  | { action: 'resolve' }

/** What becomes of each part of a lock. */
export interface LockPlan {
  base: BasePlan
  /** In the recipe's order. */
  steps: StepPlan[]
  /** Of the recipe: whether a step may take away what an earlier one brought. */
  layout: Recipe['layout']
}

export interface LockRequest {
  /** Of the recipe. */
  name: string
  recipe: Recipe
  /** What is locked now; undefined when there is nothing to keep. */
  locked: LockedPlatform | undefined
  /** Fields of the recipe that differ from what `locked` was made from, such as `base` and `steps[1]`. */
  changed: ReadonlySet<string>
  /**
   * `all`: take the newest of everything. Names of packages: these move, and what must move with them. Undefined: what
   * the recipe still asks for as before stays as it is.
   */
  upgrade: 'all' | readonly string[] | undefined
  /** Pins of the projects as they are committed now, by step. */
  projects: ReadonlyMap<number, LockedProject>
  /** Pins of what is copied from other recipes as they are locked now, by step. */
  copies: ReadonlyMap<number, LockedCopy>
  /** The other recipe that this one stands on, as it is locked now. */
  below?: LockedRecipeBase | undefined
}

/**
 * Decides what of a lock is kept, and within which constraints the rest is resolved again.
 *
 * A kept step stands on kept steps only, since it was resolved on top of them; but what a git or file step is resolved
 * to has nothing to do with the steps before it.
 *
 * @throws {StillroomError} USAGE with each name to upgrade that no step has; LOCK_MISSING when nothing is locked that
 *   could move
 */
export function planLock({
  name,
  recipe,
  locked,
  changed,
  upgrade,
  projects,
  copies,
  below,
}: LockRequest): LockPlan {
  const moving =
    upgrade === undefined || upgrade === 'all'
      ? new Map()
      : findPackages(requireLocked(locked, name, upgrade), upgrade)
  const old = upgrade === 'all' || changed.has('base') || changed.has('archives') ? undefined : locked
  const aptMoves = [...moving.keys()].some((index) => locked?.steps[index]?.kind === 'apt')
  let isKept = old !== undefined && !(below && changed.has(`recipes[${JSON.stringify(below.recipe)}]`))
  const steps = recipe.steps.map((step, index): StepPlan => {
    const project = projects.get(index)
    if (project) return { action: 'keep', locked: project }
    const copied = copies.get(index)
    if (copied) {
      // later packages may be met by what is copied
      if (changed.has(`steps[${index}]`) || changed.has(`recipes[${JSON.stringify(copied.recipe)}]`))
        isKept = false
      return { action: 'keep', locked: copied }
    }
    const pinned = old?.steps[index]?.kind === step.kind ? old.steps[index] : undefined
    const names: ReadonlySet<string> | undefined = moving.get(index)
    const isSame = pinned !== undefined && !changed.has(`steps[${index}]`) && names === undefined
    if (isSame && (isKept || step.kind === 'git' || step.kind === 'file'))
      return { action: 'keep', locked: pinned }
    isKept = false
    if (step.kind === 'project' || step.kind === 'copy')
      throw new TypeError(`step ${index}: ${step.kind} is pinned before a lock is planned`)
    if (step.kind === 'run') return { action: 'keep', locked: { kind: 'run' } }
    if (pinned === undefined) return { action: 'resolve', step, constraints: UNCONSTRAINED }
    return { action: 'resolve', step, constraints: constraintsOf(pinned, names), fallback: pinned }
  })
  const base = below ? { action: 'keep' as const, locked: below } : planBase(recipe, old?.base, aptMoves)
  return { base, steps, layout: recipe.layout }
}

function requireLocked(
  locked: LockedPlatform | undefined,
  name: string,
  upgrade: readonly string[],
): LockedPlatform {
  if (locked) return locked
  const message = `recipe "${name}" has no lock in which ${upgrade.join(', ')} could move`
  throw new StillroomError('LOCK_MISSING', message, { hint: `make it: stillroom lock recipe ${name}` })
}

function planBase({ steps }: Recipe, base: LockedBase | undefined, aptMoves: boolean): BasePlan {
  if (base === undefined) return { action: 'resolve' }
  const lacksIndexes =
    base.kind === 'image' && base.indexes.length === 0 && steps.some(({ kind }) => kind === 'apt')
  return { action: aptMoves || lacksIndexes ? 'refresh' : 'keep', locked: base }
}

/** Whatever is to move, all else stays as long as it can. */
export function constraintsOf(
  pinned: LockedStep,
  names: ReadonlySet<string> | undefined,
): VersionConstraints {
  const versions = packagesOf(pinned).map(({ name, version }) => ({ name, version }))
  return {
    stay: versions.filter(({ name }) => !names?.has(name)),
    beyond: versions.filter(({ name }) => names?.has(name)),
  }
}

/**
 * Finds packages in the steps of a lock.
 *
 * @param words `NAME`, or `apt:NAME` and `pip:NAME` to tell two of one name apart
 * @returns their names, by step
 */
function findPackages(locked: LockedPlatform, words: readonly string[]): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>()
  const unknown: string[] = []
  for (const word of words) {
    const [, kind, given = ''] = /^(?:(apt|pip):)?(.+)$/.exec(word) ?? []
    const places = [...locked.steps.entries()].flatMap(([index, step]) => {
      const name = step.kind === 'pip' ? normalizeName(given) : given
      const isThere = packagesOf(step).some((entry) => entry.name === name)
      return (kind ?? step.kind) === step.kind && isThere ? [{ index, name }] : []
    })
    for (const { index, name } of places) found.set(index, (found.get(index) ?? new Set()).add(name))
    if (places.length === 0) unknown.push(word)
  }
  if (unknown.length > 0) throw unknownPackages(locked, unknown)
  return found
}

function unknownPackages({ base }: LockedPlatform, words: readonly string[]): StillroomError {
  const names = new Set(baseDebianNames(base))
  const inBase = words.filter((word) => names.has(word.replace(/^apt:/, '')))
  return new StillroomError('USAGE', `cannot upgrade ${words.join(', ')}: no step of the lock has it`, {
    hint:
      inBase.length > 0
        ? `${inBase.join(', ')} belongs to the base, which moves as a whole: --upgrade without names`
        : 'names are those in the lockfile; --upgrade without names takes the newest of everything',
  })
}

function packagesOf(step: LockedStep): readonly PackageVersion[] {
  if (step.kind === 'apt') return step.packages
  return step.kind === 'pip' ? step.files : []
}

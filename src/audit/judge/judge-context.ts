import { stepLayers } from '../../dockerfile/pip-stages.ts'
import { layerStages, needsAccount } from '../../dockerfile/render-dockerfile.ts'
import { stepName } from '../../dockerfile/step-name.ts'
import type { Inode } from '../../image/layer-entry.ts'
import { otherRecipes } from '../../lock/other-recipes.ts'
import type { Recipe } from '../../recipe/schema.ts'
import type { FileStatus } from '../audit-report.ts'
import type { ExpectedFiles } from '../expect/expected-files.ts'
import type { LockedPackage } from '../expect/locked-packages.ts'
import type { Issue } from '../finding.ts'
import type { ImageSubject, LockSubject } from '../subject.ts'

/** What one regular file is found to be, and whose it is. */
export interface Judgement {
  status: FileStatus
  /** `deb/libc6`, `pypi/numpy`, `project-3`; undefined when nobody's. */
  owner?: string
  /** Why a generated file may be as it is. */
  reason?: string
  issue?: Issue
}

/** All that judges look at: plain data, the same for every path. */
export interface JudgeContext {
  image: ImageSubject
  /** Undefined when the image is compared with no lock. */
  lock: LockSubject | undefined
  expected: ExpectedFiles
  /** Packages that the lock installs, by owner: `deb/libc6`. */
  packages: ReadonlyMap<string, LockedPackage>
  /** Names of the Debian packages among them. */
  debs: ReadonlySet<string>
  /** By sha256 of a source of the artifacts: the hash that its byte code has in its header. */
  sourceHashes: ReadonlyMap<string, string>
  /** Who made each layer of the locked image that the image has, lowest first. */
  makers: readonly LayerMaker[]
}

/** The step that made a layer of the locked image. */
export interface LayerMaker {
  /** `base`, `account`, `apt-1`, `run-2`; `steps` of an image of one layer. */
  name: string
  /**
   * What it makes: `commands` run, and may make or change anything; `packages` are set up by their maintainer scripts;
   * `files` are placed as they were locked, and nothing else.
   */
  by: 'commands' | 'packages' | 'files'
}

/** A context with a lock: some rules need one. */
export type LockedContext = JudgeContext & { lock: LockSubject }

export function hasLock(context: JudgeContext): context is LockedContext {
  return context.lock !== undefined
}

export function judgeContext(
  image: ImageSubject,
  lock: LockSubject | undefined,
  packages: ReadonlyMap<string, LockedPackage>,
  expected: ExpectedFiles,
): JudgeContext {
  const debs = [...packages.values()].filter(({ kind }) => kind === 'deb').map(({ name }) => name)
  return {
    image,
    lock,
    expected,
    packages,
    debs: new Set(debs),
    sourceHashes: sourceHashes(lock),
    makers: layerMakers(lock),
  }
}

function sourceHashes(lock: LockSubject | undefined): Map<string, string> {
  const hashes = new Map<string, string>()
  const { artifacts, trees } = lock?.contents ?? { artifacts: new Map(), trees: new Map() }
  for (const { files } of [...artifacts.values(), ...trees.values()])
    for (const { sha256, sourceHash } of files) if (sourceHash !== undefined) hashes.set(sha256, sourceHash)
  return hashes
}

/** The base is the first layer, the recipe's directories the second, if any; then each step has one, or more with large wheels. */
function layerMakers(lock: LockSubject | undefined): LayerMaker[] {
  if (lock === undefined) return []
  const { recipe, layers, locked } = lock
  const steps = recipe.steps.flatMap((step, index) => {
    const own: LayerMaker = { name: stepName(index, step.kind), by: madeBy(step) }
    const below = stepLayers(own.name, locked.steps[index]).slice(0, -1)
    return [...below.map((): LayerMaker => ({ ...own, by: 'files' })), own]
  })
  const all: LayerMaker[] = [
    ...Array.from({ length: baseLayers(lock) }, () => ({ name: 'base', by: 'packages' as const })),
    ...(needsAccount(recipe) ? [{ name: 'account', by: 'files' as const }] : []),
    ...steps,
  ]
  if (recipe.layout !== 'flat') return all.slice(0, layers)
  const hasCommands = steps.some(({ by }) => by === 'commands')
  const one: LayerMaker = { name: 'steps', by: hasCommands ? 'commands' : 'packages' }
  return [one].slice(0, layers)
}

/** Whether a file comes from the image of another recipe that is the base. */
export function isOfRecipe(inode: Inode | undefined, lock: LockSubject): boolean {
  return inode !== undefined && lock.locked.base.kind === 'recipe' && isOfImageBase(inode, lock)
}

/** How many layers the base has: one, but of one that is another recipe's image, without what a WORKDIR adds to that. */
export function baseLayers({ locked, recipe }: Pick<LockSubject, 'locked' | 'recipe'>): number {
  const { base } = locked
  if (base.kind !== 'recipe' || recipe.layout === 'flat') return 1
  const other = otherRecipes(locked).find(({ name }) => name === base.recipe)
  if (other === undefined) return 1
  return baseLayers(other) + (layerStages(other.recipe, other.locked)?.length ?? 0)
}

function madeBy(step: Recipe['steps'][number]): LayerMaker['by'] {
  if (step.kind === 'apt') return 'packages'
  const builds = step.kind === 'pip' && step.local !== undefined && step.local.length > 0
  return step.kind === 'run' || (step.kind === 'file' && step.unpack) || builds ? 'commands' : 'files'
}

/** The step that made the layer a path comes from; undefined when that is not a layer of the locked image. */
export function makerOf({ layer }: Inode, { makers }: JudgeContext): LayerMaker | undefined {
  return layer === undefined ? undefined : makers[layer]
}

/**
 * Whether a file comes from a base that was an image: the locked image's lowest layer, which the build made of layers
 * with locked digests.
 */
export function isOfImageBase(inode: Inode, lock: LockSubject | undefined): boolean {
  if (lock === undefined || lock.locked.base.kind === 'debian' || inode.layer === undefined) return false
  return inode.layer < baseLayers(lock) && isInLockedLayers(inode, lock)
}

/** Whether a file comes from a layer of the locked image. */
export function isInLockedLayers({ layer }: Inode, { layers }: LockSubject): boolean {
  return layer !== undefined && layer < layers
}

/**
 * Whether a file comes from a layer that the locked image does not have: all that it is must be shown by the rules. A
 * directory that no layer gives is there for the files in it.
 */
export function isForeign({ layer }: Inode, lock: LockSubject | undefined): boolean {
  return lock !== undefined && layer !== undefined && layer >= lock.layers
}

/** Whether every layer is one of the locked image's, and none of those is missing: then no path can be missing either. */
export function isLockedImage({ layers }: ImageSubject, lock: LockSubject): boolean {
  return layers.length === lock.layers && lock.layers === lock.locked.image?.diffIDs.length
}

export const FOREIGN_LAYER = 'it comes from a layer that the locked image does not have'

import { lockedPackages } from '../../audit/expect/locked-packages.ts'
import { onBase } from '../../dockerfile/image-base.ts'
import { ROOT_PATH } from '../../dockerfile/render-configuration.ts'
import { StillroomError } from '../../error.ts'
import { FileTree } from '../../image/file-tree.ts'
import { compareLock } from '../../lock/compare-lock.ts'
import { copiedNames } from '../../lock/other-recipes.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedCopy, LockedPlatform, LockedRecipe, LockedRecipeBase } from '../../lock/schema.ts'
import type { CopyStep } from '../../recipe/schema.ts'
import type { Artifacts, Repository } from '../ports.ts'
import { loadInputs, type RecipeInputs } from '../project/load-inputs.ts'
import { lockedPlatform, readLock } from '../project/lock-file.ts'
import { readLockedTree } from '../store/locked-tree.ts'

/** What a recipe takes from others, pinned. */
export interface LockedCopies {
  /** By step. */
  copies: Map<number, LockedCopy>
  /** The others, and those that these take files from; undefined when there are none. */
  recipes: LockedPlatform['recipes']
  /** The image of the one that it stands on; undefined when it stands on none. */
  below: LockedRecipeBase | undefined
}

/**
 * Pins what a recipe takes from others by their locks: each must be up to date and have an image, whose tree says whether
 * the files are there.
 *
 * @throws {StillroomError} LOCK_MISSING, LOCK_STALE, IMAGE_MISSING naming the other recipe; COPY_PATH_UNKNOWN
 */
export async function lockCopies(
  ports: Repository & Artifacts,
  { name, recipe, others }: RecipeInputs,
): Promise<LockedCopies> {
  const recipes: Record<string, LockedRecipe> = {}
  const trees = new Map<string, FileTree>()
  const copied = copiedNames(recipe)
  for (const other of others.keys()) {
    const { image, recipes: theirs, ...locked } = await requireBuilt(ports, name, other)
    Object.assign(recipes, theirs)
    const { id, tree, size, diffIDs } = image
    recipes[other] = { ...locked, image: { id, tree, size, diffIDs } }
    if (copied.includes(other)) trees.set(other, await requireTree(ports, name, other, tree))
  }
  const copies = new Map<number, LockedCopy>()
  for (const [index, step] of recipe.steps.entries()) {
    const tree = step.kind === 'copy' ? trees.get(step.from.name) : undefined
    if (step.kind === 'copy' && tree !== undefined) copies.set(index, lockCopy(step, index, tree))
  }
  const { base } = recipe
  const below = base.kind === 'recipe' ? recipeBase(base.name, recipes) : undefined
  return { copies, recipes: others.size === 0 ? undefined : recipes, below }
}

/** What a base says that is the image of another recipe. */
function recipeBase(name: string, recipes: Record<string, LockedRecipe>): LockedRecipeBase {
  const { inputs, ...pins } = recipes[name] as LockedRecipe
  const locked: LockedPlatform = { ...pins, recipes }
  const recipe = onBase(recordedRecipe({ recipe: name, inputs }), pins.base)
  const { user, account = { uid: 0, gid: 0, home: '/root' } } = recipe
  return {
    kind: 'recipe',
    recipe: name,
    created: new Date(pins.epoch * 1000).toISOString().replace('.000Z', 'Z'),
    configuration: {
      env: { PATH: ROOT_PATH, ...recipe.env },
      user: recipe.userName ?? user?.name ?? '',
      workdir: recipe.workdir ?? '',
      entrypoint: recipe.entrypoint ?? null,
      cmd: recipe.cmd ?? null,
      labels: recipe.labels,
      expose: recipe.expose,
      volumes: recipe.volumes,
      stopSignal: recipe.stopSignal ?? '',
    },
    account: user === undefined ? account : { uid: user.uid, gid: user.uid, home: user.home },
    indexes: pins.base.indexes,
    inventory: [...lockedPackages(locked).values()].map(
      ({ kind, name: own, version, architecture, environment }) => ({
        ...{ kind, name: own, version },
        ...(architecture === undefined ? {} : { architecture }),
        ...(environment === undefined ? {} : { environment }),
      }),
    ),
  }
}

function lockCopy({ from, path }: CopyStep, index: number, tree: FileTree): LockedCopy {
  const found = tree.find(path)
  const refuse = (reason: string, hint: string) =>
    new StillroomError(
      'COPY_PATH_UNKNOWN',
      `steps[${index}] copies ${path} of recipe "${from.name}": ${reason}`,
      {
        hint,
        details: { recipe: from.name, path },
      },
    )
  if (found === undefined)
    throw refuse('its image has no such path', `look into it: stillroom shell recipe ${from.name}`)
  const { type } = found.inode
  if (type !== 'file' && type !== 'directory') throw refuse(`it is a ${type}`, 'name a file or a directory')
  return { kind: 'copy', recipe: from.name, path: `/${found.path}` }
}

type Built = LockedRecipe & Pick<LockedPlatform, 'recipes'>

async function requireBuilt(ports: Repository, name: string, other: string): Promise<Built> {
  const { recipe, inputs } = await loadInputs(ports, other)
  const lock = await readLock(ports.directory, other)
  const fail = (code: 'LOCK_MISSING' | 'LOCK_STALE' | 'IMAGE_MISSING', reason: string, hint: string) =>
    new StillroomError(code, `recipe "${name}" stands on or takes files from recipe "${other}", ${reason}`, {
      hint,
      details: { recipe: other },
    })
  const again = `stillroom lock recipe ${other} && stillroom build recipe ${other}`
  if (lock === undefined) throw fail('LOCK_MISSING', 'which has no lockfile', `make it: ${again}`)
  const [change] = compareLock(lock, inputs)
  if (change !== undefined)
    throw fail(
      'LOCK_STALE',
      `whose lockfile is not what it says now: ${change.field}`,
      `lock it again: ${again}`,
    )
  const { image, ...locked } = lockedPlatform(lock, recipe)
  if (image === null)
    throw fail(
      'IMAGE_MISSING',
      'of which no image is recorded yet',
      `build it once: stillroom build recipe ${other}`,
    )
  return { ...locked, inputs: lock.inputs, image }
}

async function requireTree(ports: Artifacts, name: string, other: string, tree: string): Promise<FileTree> {
  const root = await readLockedTree(ports, { tree })
  if (root !== undefined) return new FileTree(root)
  throw new StillroomError(
    'IMAGE_MISSING',
    `recipe "${name}" takes files from recipe "${other}", whose files are not known on this machine: the store lacks ${tree}`,
    { hint: `build it: stillroom build recipe ${other}`, details: { recipe: other } },
  )
}

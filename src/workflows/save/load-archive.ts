import { readFile } from 'node:fs/promises'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { findImage, removeImage, tagImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import type { LockedImage } from '../../lock/schema.ts'
import type { Cache, Cancellation, Project, Reporting } from '../ports.ts'
import { differentName, imageName, noteName, ownName, plainName, takenNote } from '../project/image-name.ts'
import { listRecipes } from '../project/list-recipes.ts'
import { lockPath, readLock } from '../project/lock-file.ts'
import { findArchive } from './find-parts.ts'
import { giveImage } from './give-image.ts'
import { type VerifiedArchive, verifyArchive } from './verify-archive.ts'

export interface LoadResult {
  /** As it was named, without the number of a part. */
  file: string
  parts: number
  /** Of the whole archive. */
  sha256: string
  size: number
  /** Whether another program than `save` wrote it, so that its sum says nothing. */
  foreign: boolean
  /** The image ID. */
  image: string
  /** The tree digest. */
  tree: string
  recipe: string
  /** `locked`: the image that the project's lockfile of that recipe names. `unknown`: the project has no such lockfile. */
  verdict: 'locked' | 'different' | 'unknown'
  /** The image that the lockfile names, if there is one. */
  expected: string | null
  /** What the engine calls the image now. */
  tag: string
}

/**
 * Loads an archive of an image into the engine, once all of it is verified: see {@link verifyArchive}. What the engine gets
 * is written anew from what was verified, and verified as it goes by.
 *
 * @param expected sha256 that the archive must have
 * @throws {StillroomError} ARCHIVE_INVALID, IMAGE_UNREADABLE; LOCK_INVALID; ENGINE_*; DISK_FULL
 */
export async function loadArchive(
  ports: Project & Cache & Cancellation & Reporting,
  path: string,
  expected?: string,
): Promise<LoadResult> {
  const { progress } = ports
  const found = await findArchive(path)
  const parts = found.file.parts.length
  progress({
    kind: 'stage',
    title: `verifying ${found.name}${parts > 1 ? `, ${parts} parts` : ''}`,
  })
  const archive = await verifyArchive(ports, found, expected)
  const target = await findTarget(ports, archive, found.name)
  const verdict = verdictOf(found.name, archive, target)
  progress({ kind: 'stage', title: 'loading it into the engine' })
  const engine = await connectEngine(ports)
  const tag = await loadAs(ports, engine, archive, target, verdict)
  const { id: image, tree, sha256, size, foreign } = archive
  const { recipe, locked } = target
  const named = { recipe, verdict, expected: locked?.id ?? null, tag }
  return { file: found.name, parts, sha256, size, foreign, image, tree, ...named }
}

/** What of the project an image is. */
interface Target {
  recipe: string
  /** The image that the recipe's lockfile names. */
  locked: LockedImage | null
}

/** The recipe whose lockfile names the image; else that whose name it has. */
async function findTarget(
  { directory }: Project,
  { id, names }: VerifiedArchive,
  file: string,
): Promise<Target> {
  const recipes = await listRecipes(directory)
  const named = [...names].map(recipeIn).find((name) => name !== undefined)
  const byName = (a: string, b: string) => Number(b === named) - Number(a === named)
  for (const recipe of recipes.toSorted(byName)) {
    // a project may have a thousand
    const text = await readFile(lockPath(directory, recipe), 'utf8').catch(() => '')
    if (!text.includes(id)) continue
    const locked = await lockedImages(directory, recipe)
    const same = locked.find((image) => image.id === id)
    if (same) return { recipe, locked: same }
  }
  if (named === undefined) {
    const called = [...names].map((name) => `"${name}"`).join(', ') || 'nothing'
    throw new StillroomError(
      'ARCHIVE_INVALID',
      `cannot load "${file}": its image ${id} is called ${called}, and is of no recipe`,
      { hint: `docker load takes any image: docker load --input ${file}` },
    )
  }
  const [locked = null] = recipes.includes(named) ? await lockedImages(directory, named) : []
  return { recipe: named, locked }
}

async function lockedImages(directory: string, recipe: string): Promise<LockedImage[]> {
  const lock = await readLock(directory, recipe)
  return Object.values(lock?.platforms ?? {}).flatMap(({ image }) => image ?? [])
}

/** The recipe of an image by what it is called, also by podman, which puts `localhost` in front of names. */
function recipeIn(name: string): string | undefined {
  return /^(?:localhost\/|docker\.io\/)?stillroom\/([a-z0-9]+(?:-[a-z0-9]+)*)(?::[^/]*)?$/.exec(name)?.[1]
}

function verdictOf(
  file: string,
  { id, tree, sha256 }: VerifiedArchive,
  { recipe, locked }: Target,
): LoadResult['verdict'] {
  if (locked === null) return 'unknown'
  if (locked.id !== id) return 'different'
  // the ID commits to layers, which make the tree
  if (locked.tree === tree) return 'locked'
  throw new StillroomError(
    'LOCK_INVALID',
    `the lockfile of recipe "${recipe}" names image ${id} with tree ${locked.tree}, but in "${file}" (sha256 ${sha256}) it has tree ${tree}`,
    { hint: 'take the lockfile as it was committed: git checkout recipes' },
  )
}

/** @returns what the engine calls the image then */
async function loadAs(
  ports: Project & Cache & Cancellation & Reporting,
  engine: Engine,
  { image, id }: VerifiedArchive,
  { recipe, locked }: Target,
  verdict: LoadResult['verdict'],
): Promise<string> {
  const loading = `${await ownName(ports, recipe)}:loading-${process.pid}`
  try {
    const loaded = await giveImage(ports, engine, image, { id, name: loading })
    const called = await imageName(ports, engine, recipe, verdict === 'unknown' ? { id } : locked)
    const { name, taken } = called
    const before = await findImage(engine, name)
    const replaces = before !== undefined && before.reference !== loaded.reference
    const tag =
      verdict === 'different'
        ? differentName(name)
        : verdict === 'unknown' && replaces
          ? `${name}:loaded`
          : name
    await tagImage(engine, loaded.reference, tag)
    if (tag === name && taken === undefined && verdict === 'locked') {
      await noteName(ports, engine, recipe, name)
      // what had the name before is of no use any more, unless it has another name or is in use
      if (replaces) await removeImage(engine, before.reference)
    }
    if (name !== plainName(recipe)) ports.progress({ kind: 'note', text: takenNote(recipe, called) })
    return tag
  } finally {
    await removeImage(engine, loading)
  }
}

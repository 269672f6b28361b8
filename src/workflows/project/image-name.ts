import { createHash } from 'node:crypto'
import { access, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '../../engine/connect.ts'
import { findImage } from '../../engine/find-image.ts'
import type { LockedImage } from '../../lock/schema.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import type { Cache, Project } from '../ports.ts'
import { isKnownAs } from './known-images.ts'

/** Tells a project from others on this machine: of the path of its directory. */
export async function projectID({ directory }: Project): Promise<string> {
  return createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 8)
}

/** What the image of a recipe is called where that is not another project's. */
export const plainName = (recipe: string) => `stillroom/${recipe}`

/** What it is called where it is. */
export async function ownName(ports: Project, recipe: string): Promise<string> {
  return `${plainName(recipe)}-${await projectID(ports)}`
}

/** What an image is called that is another than the locked one. */
export const differentName = (name: string) => `${name}:different`

export interface ImageName {
  name: string
  /** The directory of the project that took the plain name; undefined when this one did, or it is free. */
  taken?: string
}

/**
 * What this project calls the image of a recipe in an engine: `stillroom/NAME`, or `stillroom/NAME-ID` while that is the
 * name of another project's image. The name is another's when it took it on this machine, still has such a recipe, and
 * the engine has an image by that name; when that is the locked image here, too, both call it so.
 */
export async function imageName(
  ports: Project & Cache,
  engine: Engine,
  recipe: string,
  locked: Pick<LockedImage, 'id'> | null,
): Promise<ImageName> {
  const name = plainName(recipe)
  const owner = await readOwner(ports, engine, recipe)
  if (owner === undefined || owner === (await realpath(ports.directory))) return { name }
  if (!(await exists(join(owner, 'recipes', recipe)))) return { name }
  const present = await findImage(engine, name)
  if (present === undefined) return { name }
  if (locked && (await isKnownAs(ports.cache, engine, present, locked.id))) return { name, taken: owner }
  return { name: await ownName(ports, recipe), taken: owner }
}

/** What is said where the plain name is not this project's. */
export const takenNote = (recipe: string, { name, taken }: ImageName) =>
  `${plainName(recipe)} is the image of the project in ${taken}: the image of this project is called ${name}`

/** Notes that an image in an engine is called by a recipe of this project; of a name that is not plain nothing is to be noted. */
export async function noteName(
  ports: Project & Cache,
  engine: Engine,
  recipe: string,
  name: string,
): Promise<void> {
  if (name !== plainName(recipe)) return
  await writeFileAtomic(notePath(ports, engine, recipe), `${await realpath(ports.directory)}\n`)
}

/** As {@link noteName}, of a name that nobody is known to have taken. */
export async function adoptName(
  ports: Project & Cache,
  engine: Engine,
  recipe: string,
  name: string,
): Promise<void> {
  if ((await readOwner(ports, engine, recipe)) === undefined) await noteName(ports, engine, recipe, name)
}

/** The directory of the project that took the plain name last. */
async function readOwner({ cache }: Cache, engine: Engine, recipe: string): Promise<string | undefined> {
  const text = await readFile(notePath({ cache }, engine, recipe), 'utf8').catch(() => '')
  return text.replace(/\n$/, '') || undefined
}

function notePath({ cache }: Cache, { id }: Engine, recipe: string): string {
  return join(cache, 'names', id.replace(/[^A-Za-z0-9]/g, '-'), recipe)
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

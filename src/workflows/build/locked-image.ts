import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuiltImage } from '../../engine/build-image.ts'
import type { Engine } from '../../engine/connect.ts'
import { type EngineImage, findImage, saveImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import type { Cache, Reporting } from '../ports.ts'

/**
 * The image that the lockfile names, as the engine has it.
 *
 * @throws {StillroomError} IMAGE_MISSING when the lockfile names none or the engine has another or none
 */
export async function requireLockedImage(
  ports: Reporting & Cache,
  engine: Engine,
  name: string,
  { image }: LockedPlatform,
): Promise<{ id: string; reference: string }> {
  const hint = `build it: stillroom build recipe ${name}`
  if (image === null) {
    throw new StillroomError(
      'IMAGE_MISSING',
      `the lockfile of recipe "${name}" names no image: it was never built`,
      { hint },
    )
  }
  // An image ID is a name only on the graph stores
  const present =
    (engine.store === 'graph' && (await findImage(engine, image.id))) ||
    (await findImage(engine, `stillroom/${name}`))
  const actual = present && (await imageID(ports, engine, present, image.diffIDs))
  if (present && actual === image.id) return { id: image.id, reference: present.reference }
  const found = present ? `its stillroom/${name} is ${actual ?? 'another'}` : `it has no stillroom/${name}`
  throw new StillroomError(
    'IMAGE_MISSING',
    `the Docker Engine lacks image ${image.id} of recipe "${name}": ${found}`,
    {
      hint,
      details: { recipe: name, expected: image.id, actual: actual ?? null },
    },
  )
}

/** Undefined for an image that is plainly another. What the containerd store calls an image is looked up or read, once. */
async function imageID(
  ports: Reporting & Cache,
  engine: Engine,
  { reference, diffIDs }: EngineImage,
  expected: readonly string[],
): Promise<string | undefined> {
  if (engine.store === 'graph') return reference
  const known = await knownImageID(ports.cache, reference)
  if (known !== undefined) return known
  if (diffIDs.join() !== expected.join()) return undefined
  ports.progress({ kind: 'status', text: 'reading the image, once' })
  // loaded here: most that ask for an image's ID have no need of it
  const { readImageArchive } = await import('../../image/read-archive.ts')
  const { id } = await readImageArchive(await saveImage(engine, reference))
  await rememberImage(ports.cache, { id, reference })
  return id
}

/**
 * The containerd store calls an image by its manifest's digest. A manifest names its config, so which image ID a
 * manifest stands for never changes: it is noted when the image is built, and need not be asked again.
 */
export async function rememberImage(cache: string, { id, reference }: BuiltImage): Promise<void> {
  if (reference !== id) await writeFileAtomic(notePath(cache, reference), `${id}\n`)
}

/** The image ID that a manifest's digest stands for, when it was noted. */
export async function knownImageID(cache: string, reference: string): Promise<string | undefined> {
  const text = await readFile(notePath(cache, reference), 'utf8').catch(() => undefined)
  return text?.trim()
}

function notePath(cache: string, reference: string): string {
  return join(cache, 'images', reference.replace(/[^A-Za-z0-9]/g, '-'))
}

import type { Engine } from '../../engine/connect.ts'
import { type EngineImage, findImage, saveImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Cache, Project, Reporting } from '../ports.ts'
import { ownName, plainName } from '../project/image-name.ts'
import { knownImageID, rememberImage } from '../project/known-images.ts'

/**
 * The image that the lockfile names, as the engine has it.
 *
 * @throws {StillroomError} IMAGE_MISSING when the lockfile names none or the engine has another or none
 */
export async function requireLockedImage(
  ports: Reporting & Cache & Project,
  engine: Engine,
  name: string,
  { image }: LockedPlatform,
): Promise<{ id: string; reference: string; name: string }> {
  const hint = `build it: stillroom build recipe ${name}`
  if (image === null) {
    throw new StillroomError(
      'IMAGE_MISSING',
      `the lockfile of recipe "${name}" names no image: it was never built`,
      { hint },
    )
  }
  // An image ID is a name only on the graph stores; by which of its names it is found does not matter
  const byID = engine.store === 'graph' ? [image.id] : []
  const found: string[] = []
  let other: string | null = null
  for (const called of [...byID, plainName(name), await ownName(ports, name)]) {
    const present = await findImage(engine, called)
    if (present === undefined) continue
    const actual = await imageID(ports, engine, present, image.diffIDs)
    if (actual === image.id) return { id: image.id, reference: present.reference, name: called }
    found.push(`its ${called} is ${actual ?? 'another'}`)
    other ??= actual ?? null
  }
  if (found.length === 0) found.push(`it has no ${plainName(name)}`)
  throw new StillroomError(
    'IMAGE_MISSING',
    `the Docker Engine lacks image ${image.id} of recipe "${name}": ${found.join(', ')}`,
    {
      hint,
      details: { recipe: name, expected: image.id, actual: other },
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

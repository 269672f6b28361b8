import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { layerStages } from '../../dockerfile/render-dockerfile.ts'
import type { Engine } from '../../engine/connect.ts'
import { findImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import type { Cache, Cancellation, Project } from '../ports.ts'
import { imageName } from '../project/image-name.ts'
import { isKnownAs } from '../project/known-images.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { giveImage } from '../save/give-image.ts'

/** What is locked of a recipe, and the fields of the recipe that have changed since. */
export interface Present {
  locked: LockedPlatform
  changed: ReadonlySet<string>
}

/**
 * The layers that the locked image has of its base and its first steps, when these are as they were locked.
 *
 * @param before the base and the first steps as they are locked now
 * @returns diffIDs, lowest first; undefined when anything may be another
 */
export function layersBefore(
  recipe: Recipe,
  before: LockedPlatform,
  { locked, changed }: Present,
): string[] | undefined {
  const { base, steps, epoch } = before
  const isLater = (field: string) =>
    Number(/^steps\[(\d+)\]$/.exec(field)?.[1] ?? -1) >= steps.length || field.startsWith('files[')
  const isSame =
    [...changed].every(isLater) &&
    isDeepStrictEqual([base, steps, epoch], [locked.base, locked.steps.slice(0, steps.length), locked.epoch])
  const stages = layerStages({ ...recipe, steps: recipe.steps.slice(0, steps.length) }, before)
  if (!isSame || locked.image === null || stages === undefined || base.kind === 'recipe') return undefined
  // the lowest one is the base
  return locked.image.diffIDs.slice(0, 1 + stages.length)
}

/** The engine has the layer. */
async function* nothing(): AsyncGenerator<Uint8Array> {}

/**
 * Gives an engine that has the recipe's locked image one more that has the lowest layers of it: nothing is built, and nothing sent.
 *
 * @returns what the engine calls it; undefined when it is to be built
 */
export async function takeBefore(
  ports: Cache & Cancellation & Project,
  engine: Engine,
  { name, recipe }: LoadedRecipe,
  before: LockedPlatform,
  present: Present | undefined,
  tag: string,
): Promise<string | undefined> {
  const layers = present && layersBefore(recipe, before, present)
  const image = present?.locked.image
  if (layers === undefined || !image || engine.store !== 'graph') return undefined
  const called = await imageName(ports, engine, name, image)
  const found = await findImage(engine, called.name)
  // a lockfile may name any layers: these are of the image that was built of it here
  if (!found || !(await isKnownAs(ports.cache, engine, found, image.id))) return undefined
  if (!isDeepStrictEqual(found.diffIDs, image.diffIDs)) return undefined
  const [os, architecture] = recipe.platform.split('/')
  const env = before.base.kind === 'image' ? before.base.configuration.env : {}
  const settings = { Env: Object.entries(env).map((entry) => entry.join('=')) }
  const rootfs = { type: 'layers', diff_ids: layers }
  const config = Buffer.from(JSON.stringify({ architecture, os, config: settings, rootfs }))
  const id = `sha256:${hash('sha256', config, 'hex')}`
  const given = { config, layers: layers.map((diffID) => ({ diffID, size: 0, read: nothing })) }
  try {
    return (await giveImage(ports, engine, given, { id, name: tag, present: layers })).reference
  } catch (error) {
    // the image went meanwhile
    if (error instanceof StillroomError && error.code === 'ENGINE_FAILED') return undefined
    throw error
  }
}

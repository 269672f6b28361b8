import { hash } from 'node:crypto'
import { layerStages, renderDockerfile } from '../../dockerfile/render-dockerfile.ts'
import { buildImage } from '../../engine/build-image.ts'
import type { Engine } from '../../engine/connect.ts'
import { findImage, imageHistory, readStoredLayers, removeImage, saveImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import { type CachedLayers, cachedLayers, cacheLayers, readCachedImage } from '../../image/cached-image.ts'
import { configOfLayers } from '../../image/config-of-layers.ts'
import type { ImageTree } from '../../image/image-tree.ts'
import type { LocatedImage } from '../../image/open-image.ts'
import { readImageTree } from '../../image/read-archive.ts'
import type { ReadOptions } from '../../image/read-options.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Cache, Cancellation } from '../ports.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { builderPath } from './builder-path.ts'

/** An image that a builder has just made. */
export interface BuiltFrom {
  loaded: LoadedRecipe
  locked: LockedPlatform
  /** The image ID. */
  id: string
  /** What the engine calls it: no name that it may lose. */
  reference: string
  /** Directory of the build context that it was built from. */
  context: string
  builder?: string | undefined
  /** Layers that it may have, as they are to be read first. */
  known?: CachedLayers | undefined
}

/**
 * An image that was just built, to be read without its known layers. Those that the cache lacks are read where the engine keeps them;
 * where that cannot be, the builder, which still has what it made, puts them into an image of their own, and the engine gives that. Their
 * digests, and that of the config, say that these are what the image is made of; where they do not, the whole image is read.
 */
export function builtImage(ports: Cancellation & Cache, engine: Engine, built: BuiltFrom): LocatedImage {
  const { signal } = ports
  let config: Buffer | undefined
  let early = built.known
  return {
    read: async (wanted) => {
      const options = { ...wanted, signal }
      const again = config && (await readCachedImage(config, options))
      const layers = again ? undefined : await findLayers(engine, built, options, early)
      early = undefined
      const image =
        again ??
        (layers && (await readWhereStored(engine, built, layers, options))) ??
        (layers && (await readNewLayers(ports, engine, built, layers, options))) ??
        (await readImageTree(await saveImage(engine, built.reference), options))
      config = image.configBytes
      return { reference: built.reference, source: 'engine', ...image }
    },
    close: async () => {},
  }
}

/** The layers of an image, by their diffIDs. */
interface BuiltLayers {
  diffIDs: readonly string[]
  /** Those that the cache has. */
  known: CachedLayers
  /** Those that it lacks. */
  unread: readonly string[]
}

/** Undefined without a cache. */
async function findLayers(
  engine: Engine,
  { reference }: BuiltFrom,
  options: ReadOptions,
  early: CachedLayers = new Map(),
): Promise<BuiltLayers | undefined> {
  const image = options.cache && (await findImage(engine, reference))
  if (image === undefined) return undefined
  const { diffIDs } = image
  const missing = (layers: CachedLayers) => diffIDs.filter((diffID) => !layers.has(diffID))
  const known = new Map([...early, ...(await cachedLayers(missing(early), options))])
  return { diffIDs, known, unread: missing(known) }
}

/** Undefined when that cannot be. */
async function readWhereStored(
  engine: Engine,
  { id }: BuiltFrom,
  { known, unread }: BuiltLayers,
  options: ReadOptions,
): Promise<ImageTree | undefined> {
  const stored = await readStoredLayers(engine, id, unread)
  if (stored === undefined) return undefined
  try {
    await cacheLayers(stored.layers, options)
    return await readCachedImage(stored.config, options, known)
  } catch (error) {
    // the engine says whether it is the image
    if (error instanceof StillroomError && error.code === 'IMAGE_INVALID') return undefined
    throw error
  }
}

/** Undefined when the whole image must be read. */
async function readNewLayers(
  ports: Cache,
  engine: Engine,
  { loaded: { name, recipe: written }, locked, id, reference, context, builder }: BuiltFrom,
  { diffIDs, unread }: BuiltLayers,
  options: ReadOptions & { signal: AbortSignal },
): Promise<ImageTree | undefined> {
  // the layers of another recipe lie below
  const stages = locked.base.kind === 'recipe' ? undefined : layerStages(written, locked)
  if (stages === undefined || stages.length === 0) return undefined
  // the lowest layer is the base, and most of what there is to read
  const isStep = unread.every(
    (diffID) => diffIDs.indexOf(diffID) > 0 && diffIDs.indexOf(diffID) <= stages.length,
  )
  if (!isStep) return undefined
  const unreadStages = stages.filter((_, index) => unread.includes(diffIDs[index + 1] as string))
  // the settings are those of an image that has something in it
  const wanted = unreadStages.length > 0 ? unreadStages : stages.slice(-1)
  const tag = `stillroom/${name}:layers-${process.pid}`
  try {
    await using from = await builderPath(ports, context, name)
    await buildImage({
      context: from.path,
      dockerfile: renderDockerfile(name, written, locked, wanted),
      platform: written.platform,
      epoch: locked.epoch,
      tag,
      builder,
      signal: options.signal,
    })
    const { inner: _, ...reading } = options
    const { configBytes } = await readImageTree(await saveImage(engine, tag), reading)
    const whole = configOfLayers(configBytes, diffIDs, await imageHistory(engine, reference))
    return `sha256:${hash('sha256', whole, 'hex')}` === id ? await readCachedImage(whole, options) : undefined
  } catch (error) {
    // the whole image is there all the same
    if (error instanceof StillroomError && error.code === 'BUILD_FAILED') return undefined
    throw error
  } finally {
    await removeImage(engine, tag)
  }
}

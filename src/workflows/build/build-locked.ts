import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { type BuildOptions, type BuiltImage, buildImage } from '../../engine/build-image.ts'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { engineDisk } from '../../engine/engine-space.ts'
import { type EngineImage, findImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import type { Cache, Fetching } from '../ports.ts'
import { rememberImage } from '../project/known-images.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { builderPath } from './builder-path.ts'
import { checkSpace } from './check-space.ts'
import { prepareContext } from './prepare-context.ts'

interface Inputs extends Pick<LockedRecipe, 'locked' | 'context'> {
  loaded: LoadedRecipe
}
interface HowToBuild extends Pick<BuildOptions, 'tag' | 'target' | 'noCache' | 'again' | 'builder'> {
  /** What the builder keeps of the context is kept under this name instead of the recipe's. */
  contextName?: string
  /** Is done while the builder builds, and stopped when that fails. Never rejects. */
  whileBuilding?: ((stop: AbortSignal) => Promise<void>) | undefined
}

/**
 * Fetches what the store lacks, puts the build context together, and builds it without network.
 *
 * @param onStage told when fetching and when building begins
 * @returns the directory of the build context, too
 * @throws {StillroomError} DISK_FULL before anything is done, when it cannot fit; those of fetching and of building
 */
export async function buildInputs(
  ports: Fetching & Cache,
  inputs: Inputs,
  { whileBuilding, ...how }: HowToBuild,
  onStage: (stage: 'fetch' | 'build') => void,
): Promise<BuiltImage & { context: string }> {
  const { signal, progress } = ports
  const { name, recipe } = inputs.loaded
  const { locked } = inputs
  onStage('fetch')
  // a builder of the user's may be anywhere
  const disk = how.builder === undefined ? await engineDisk(await connectEngine(ports)) : undefined
  await checkSpace(ports, locked, contextArtifacts(locked), { engine: disk, noCache: how.noCache === true })
  const staged = await prepareContext(ports, inputs)
  onStage('build')
  await using from = await builderPath(ports, staged, how.contextName ?? name)
  const stop = new AbortController()
  const beside = whileBuilding?.(AbortSignal.any([signal, stop.signal]))
  try {
    const image = await buildImage({
      ...how,
      disk,
      context: from.path,
      platform: recipe.platform,
      epoch: locked.epoch,
      signal,
      onProgress: (event) => {
        if (event.kind === 'step') progress({ kind: 'status', text: event.name })
        if (event.kind === 'note') progress(event)
      },
    })
    return { ...image, context: staged }
  } catch (error) {
    stop.abort()
    throw error
  } finally {
    await beside
  }
}

/**
 * Builds a locked recipe into an engine.
 *
 * @throws {StillroomError} as {@link buildInputs}; BUILD_FAILED when the builder loads its images elsewhere
 */
export async function buildLocked(
  ports: Fetching & Cache,
  engine: Engine,
  inputs: Inputs,
  how: HowToBuild & { tag: string },
  onStage: (stage: 'fetch' | 'build') => void,
): Promise<EngineImage & { id: string; context: string }> {
  const built = await buildInputs(ports, inputs, how, onStage)
  const image = await requireLoaded(engine, how.tag, built)
  await rememberImage(ports.cache, { id: built.id, reference: image.reference })
  return { ...image, id: built.id, context: built.context }
}

/** A builder of the user's may belong to another engine, and load its images there. */
async function requireLoaded(engine: Engine, tag: string, { id }: BuiltImage): Promise<EngineImage> {
  const image = await findImage(engine, tag)
  if (image && (engine.store === 'containerd' || image.reference === id)) return image
  throw new StillroomError(
    'BUILD_FAILED',
    `the builder made image ${id}, but what this engine has as ${tag} is ${image?.reference ?? 'nothing'}`,
    {
      hint: 'name a builder that loads into this engine, or set DOCKER_HOST to the engine that it loads into',
    },
  )
}

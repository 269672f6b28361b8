import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { type BuildOptions, type BuiltImage, buildImage } from '../../engine/build-image.ts'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { engineDisk } from '../../engine/engine-space.ts'
import { type EngineImage, findImage, removeImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import type { Cache, Fetching } from '../ports.ts'
import { rememberImage } from '../project/known-images.ts'
import { deferRejection, type LockedRecipe } from '../project/load-inputs.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { builderPath } from './builder-path.ts'
import { checkSpace } from './check-space.ts'
import { prepareContext } from './prepare-context.ts'
import type { StagedContext } from './stage-context.ts'
import { verifyContext } from './verify-context.ts'

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
 * Fetches what the store lacks, puts the build context together, and builds it without network. What the cache has already is hashed while
 * the builder works: an image comes out only of what is as locked.
 *
 * @param onStage told when fetching and when building begins
 * @returns the directory of the build context, too
 * @throws {StillroomError} DISK_FULL before anything is done, when it cannot fit; those of fetching and of building
 */
export async function buildInputs(
  ports: Fetching & Cache,
  inputs: Inputs,
  how: HowToBuild,
  onStage: (stage: 'fetch' | 'build') => void,
): Promise<BuiltImage & { context: string }> {
  for (let round = 1; round <= ROUNDS; round++) {
    onStage('fetch')
    // a builder of the user's may be anywhere
    const disk = how.builder === undefined ? await engineDisk(await connectEngine(ports)) : undefined
    const { locked } = inputs
    await checkSpace(ports, locked, contextArtifacts(locked), { engine: disk, noCache: how.noCache === true })
    const staged = await prepareContext(ports, inputs)
    onStage('build')
    const image = await buildStaged(ports, inputs, staged, { ...how, disk })
    if (image) return { ...image, context: staged.directory }
  }
  throw new StillroomError(
    'ARTIFACT_MISMATCH',
    `what was fetched and verified was damaged when it was built, ${ROUNDS} times`,
    { hint: "look after this machine's disk and memory: `stillroom doctor` names the cache directory" },
  )
}

/** How often a build begins whose inputs turn out to be damaged. */
const ROUNDS = 3

/** Builds a context, and verifies it meanwhile; undefined when it was damaged. */
async function buildStaged(
  ports: Fetching & Cache,
  { loaded, locked }: Inputs,
  staged: StagedContext,
  { whileBuilding, contextName, ...how }: HowToBuild & Pick<BuildOptions, 'disk'>,
): Promise<BuiltImage | undefined> {
  const { signal, progress } = ports
  const { name, recipe } = loaded
  await using from = await builderPath(ports, staged.directory, contextName ?? name)
  const stop = new AbortController()
  const ends = AbortSignal.any([signal, stop.signal])
  const verifying = deferRejection(
    verifyContext({ ...ports, signal: ends }, staged).then((isSound) => {
      if (!isSound) stop.abort()
      return isSound
    }),
  )
  const beside = whileBuilding?.(ends)
  try {
    const image = await buildImage({
      ...how,
      context: from.path,
      platform: recipe.platform,
      epoch: locked.epoch,
      signal: ends,
      onProgress: (event) => {
        if (event.kind === 'step') progress({ kind: 'status', text: event.name })
        if (event.kind === 'note') progress(event)
      },
    })
    if (await verifying) return image
    if (how.tag !== undefined && how.builder === undefined)
      await removeImage(await connectEngine(ports), how.tag)
    return undefined
  } catch (error) {
    // it may have failed by what is damaged, before that was found
    if (!(await verifying.catch(() => true))) return undefined
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

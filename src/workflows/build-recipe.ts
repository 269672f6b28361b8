import { contextArtifacts } from '../dockerfile/context-artifacts.ts'
import { buildImage } from '../engine/build-image.ts'
import { connectEngine, type Engine } from '../engine/connect.ts'
import { type EngineImage, findImage, removeImage, saveImage } from '../engine/find-image.ts'
import { readImageArchive } from '../image/read-archive.ts'
import { requireFresh } from '../lock/compare-inputs.ts'
import type { LockedImage, LockedPlatform, Lockfile } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'
import { fetchInputs } from './fetch-inputs.ts'
import { renderGenerated, requireGenerated, writeGenerated } from './generated.ts'
import { knownImageID, rememberImage } from './known-images.ts'
import { loadInputs } from './load-inputs.ts'
import { lockedPlatform, requireLock, writeLock } from './lock-file.ts'
import { type CheckResult, type PackageCount, runChecks } from './run-checks.ts'
import type { Session } from './session.ts'
import { stageContext } from './stage-context.ts'

export interface BuildRecipeOptions {
  /** Build every step again, whatever the engine remembers or has. */
  noCache: boolean
  /** A buildx builder by name. */
  builder?: string | undefined
}

/** `recorded`: the first build of this lock, whose image the lockfile now names. */
export type BuildVerdict = 'identical' | 'equivalent' | 'different' | 'recorded'

export interface BuildResult {
  recipe: string
  /** Its tag in the engine. */
  tag: string
  image: { id: string; size: number; layers: number; tree?: string }
  /** What the lockfile expects; null on the first build. */
  expected: LockedImage | null
  verdict: BuildVerdict
  /** Whether the engine had the image already, so that nothing was built. */
  unchanged: boolean
  /** As locked, when nothing was built; else read back from the image. */
  packages: PackageCount
  /** None are run when nothing was built. */
  checks: CheckResult[]
  stages: { name: string; seconds: number }[]
}

/**
 * Builds a recipe from its lockfile and holds the image against it: fetch, build without network, compare, check.
 * When the engine has the locked image already, that is all it says.
 *
 * @throws {StillroomError} RECIPE_*, LOCK_*, GENERATED_STALE, PROJECT_* before anything is built; then those of
 *   fetching and of the engine
 */
export async function buildRecipe(
  session: Session,
  name: string,
  options: BuildRecipeOptions,
): Promise<BuildResult> {
  const { directory, signal, progress } = session
  const clock = new StageClock(session)
  clock.stage('recipe and lockfile')
  const loaded = await loadInputs(session, name)
  const { recipe } = loaded
  const lock = await requireLock(directory, name)
  requireFresh(lock, loaded.inputs)
  const locked = lockedPlatform(lock, recipe)
  const context = await renderGenerated(name, recipe, locked)
  await requireGenerated(directory, name, context)

  const engine = await connectEngine()
  const tag = `stillroom/${name}`
  const previous = await findImage(engine, tag)
  const present = options.noCache ? undefined : await asLocked(session, engine, previous, locked)
  if (present) {
    return {
      recipe: name,
      tag,
      expected: locked.image,
      verdict: 'identical',
      unchanged: true,
      checks: [],
      packages: lockedPackages(locked),
      stages: clock.end(),
      image: present,
    }
  }

  clock.stage('fetch')
  const artifacts = contextArtifacts(locked)
  const fetched = await fetchInputs(session, artifacts, locked)
  for (const damaged of fetched.damaged)
    progress({ kind: 'note', text: `the store's copy of ${damaged} was damaged: fetched again` })
  const staged = await stageContext(session, context, artifacts, loaded.directory, locked.epoch)

  clock.stage('build')
  const built = await buildImage({
    context: staged,
    platform: recipe.platform,
    epoch: locked.epoch,
    tag,
    noCache: options.noCache,
    builder: options.builder,
    signal,
    onProgress: (event) => event.kind === 'step' && progress({ kind: 'status', text: event.name }),
  })
  await rememberImage(session, built)
  // what had the tag before is of no use any more, unless it has another name or is in use
  if (previous && previous.reference !== built.reference) await removeImage(engine, previous.reference)

  clock.stage('compare')
  const compared = await compare(session, engine, name, recipe, lock, locked, built)

  clock.stage('check')
  const { checks, packages } = await runChecks(engine, tag, recipe, locked, signal, (check) =>
    progress({ kind: 'status', text: check }),
  )
  return {
    recipe: name,
    tag,
    expected: locked.image,
    unchanged: false,
    checks,
    packages,
    ...compared,
    stages: clock.end(),
  }
}

/** An image in the engine, when it is the locked one. */
async function asLocked(
  session: Session,
  engine: Engine,
  present: EngineImage | undefined,
  { image }: LockedPlatform,
): Promise<BuildResult['image'] | undefined> {
  if (image === null || !present) return undefined
  const id = engine.store === 'graph' ? present.reference : await knownImageID(session, present.reference)
  return id === image.id
    ? { id, size: image.size, layers: image.diffIDs.length, tree: image.tree }
    : undefined
}

/** Equal IDs need no reading; the first image is read to be recorded, a different one to say how far it differs. */
async function compare(
  session: Session,
  engine: Engine,
  name: string,
  recipe: Recipe,
  lock: Lockfile,
  locked: LockedPlatform,
  built: { id: string; reference: string },
): Promise<{ image: BuildResult['image']; verdict: BuildVerdict }> {
  const expected = locked.image
  if (expected && expected.id === built.id) {
    const { size, diffIDs, tree } = expected
    return { verdict: 'identical', image: { id: built.id, size, layers: diffIDs.length, tree } }
  }
  const { id, size, diffIDs, tree } = await readImageArchive(await saveImage(engine, built.reference))
  if (id !== built.id) throw new Error(`the engine saved image ${id} when asked for ${built.id}`)
  const image = { id, size, layers: diffIDs.length, tree }
  if (expected) return { verdict: expected.tree === tree ? 'equivalent' : 'different', image }
  const recorded: LockedPlatform = { ...locked, image: { id, tree, size, diffIDs } }
  await writeLock(session.directory, name, {
    ...lock,
    platforms: { ...lock.platforms, [recipe.platform]: recorded },
  })
  await writeGenerated(session.directory, name, await renderGenerated(name, recipe, recorded))
  return { verdict: 'recorded', image }
}

function lockedPackages({ base, steps }: LockedPlatform): PackageCount {
  const debian = new Set(base.packages.map((entry) => entry.name))
  const python = new Set<string>()
  for (const step of steps) {
    if (step.kind === 'apt') for (const entry of step.packages) debian.add(entry.name)
    if (step.kind === 'pip') for (const file of step.files) python.add(file.name)
  }
  return { debian: debian.size, python: python.size }
}

/** Tells each stage and how long it took. */
class StageClock {
  readonly #session: Session
  readonly #stages: { name: string; started: number }[] = []

  constructor(session: Session) {
    this.#session = session
  }

  stage(name: string): void {
    this.#stages.push({ name, started: performance.now() })
    this.#session.progress({ kind: 'stage', title: name })
  }

  end(): { name: string; seconds: number }[] {
    const now = performance.now()
    return this.#stages.map(({ name, started }, index) => {
      const ended = this.#stages[index + 1]?.started ?? now
      return { name, seconds: Math.round(ended - started) / 1000 }
    })
  }
}

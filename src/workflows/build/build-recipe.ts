import { connectEngine, type Engine } from '../../engine/connect.ts'
import { type EngineImage, findImage } from '../../engine/find-image.ts'
import { baseDebianNames } from '../../lock/base-packages.ts'
import { requireFresh } from '../../lock/compare-inputs.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import { renderGenerated, requireGenerated } from '../project/generated.ts'
import { RECIPE_NAME } from '../project/list-recipes.ts'
import { loadInputs } from '../project/load-inputs.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import { StageClock } from '../stage-clock.ts'
import type { BuildRecipeOptions, BuildResult } from './build-result.ts'
import { knownImageID } from './known-images.ts'
import type { PackageCount } from './run-checks.ts'

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
  const { directory } = session
  const clock = new StageClock(session.progress)
  clock.stage('recipe and lockfile')
  const tag = `stillroom/${name}`
  // asked for early, awaited late: the answers come while this program reads and computes
  const ask = async (start: boolean) => {
    const engine = await connectEngine({ ...session, start })
    return { engine, previous: await findImage(engine, tag) }
  }
  // a name that is none goes nowhere
  const isName = RECIPE_NAME.test(name)
  const answer = isName ? soon(ask(false)) : undefined
  const reading = soon(requireLock(directory, name))
  const loaded = await loadInputs(session, name)
  const { recipe } = loaded
  const lock = await reading
  requireFresh(lock, loaded.inputs)
  const locked = lockedPlatform(lock, recipe)
  const context = await renderGenerated(name, recipe, locked)
  await requireGenerated(directory, name, context)

  // an engine is started only now, when all that was written is in order
  const { engine, previous } = await (answer?.catch(() => ask(true)) ?? ask(true))
  const present = options.noCache ? undefined : await asLocked(session.cache, engine, previous, locked)
  if (present) {
    return {
      recipe: name,
      tag,
      expected: locked.image,
      verdict: 'identical',
      unchanged: true,
      checks: [],
      audit: null,
      packages: lockedPackages(locked),
      stages: clock.end(),
      image: present,
    }
  }

  // loaded here: an unchanged build needs none of it
  const { buildAndCompare } = await import('./build-and-compare.ts')
  const plan = { loaded, lock, locked, context, tag, previous }
  const result = await buildAndCompare(session, engine, plan, options, clock)
  return { recipe: name, tag, expected: locked.image, unchanged: false, ...result, stages: clock.end() }
}

/** A promise whose failure counts when it is awaited, and not before. */
function soon<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

/** An image in the engine, when it is the locked one. */
async function asLocked(
  cache: string,
  engine: Engine,
  present: EngineImage | undefined,
  { image }: LockedPlatform,
): Promise<BuildResult['image'] | undefined> {
  if (image === null || !present) return undefined
  const id = engine.store === 'graph' ? present.reference : await knownImageID(cache, present.reference)
  return id === image.id
    ? { id, size: image.size, layers: image.diffIDs.length, tree: image.tree }
    : undefined
}

function lockedPackages({ base, steps }: LockedPlatform): PackageCount {
  const debian = new Set(baseDebianNames(base))
  const python = new Set<string>()
  for (const step of steps) {
    if (step.kind === 'apt') for (const entry of step.packages) debian.add(entry.name)
    if (step.kind === 'pip') for (const file of step.files) python.add(file.name)
  }
  return { debian: debian.size, python: python.size }
}

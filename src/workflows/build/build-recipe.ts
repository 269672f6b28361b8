import { connectEngine, type Engine } from '../../engine/connect.ts'
import { type EngineImage, findImage, saveImage } from '../../engine/find-image.ts'
import { baseDebianNames } from '../../lock/base-packages.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { BuildReport, PackageCount } from '../../report/build-report.ts'
import type { Artifacts, Cancellation, Reporting } from '../ports.ts'
import { adoptName, imageName, ownName, plainName, takenNote } from '../project/image-name.ts'
import { isKnownAs } from '../project/known-images.ts'
import { RECIPE_NAME } from '../project/list-recipes.ts'
import { deferRejection, loadLocked } from '../project/load-inputs.ts'
import type { Session } from '../session.ts'
import { StageClock } from '../stage-clock.ts'
import type { BuildRecipeOptions } from './build-and-compare.ts'
import { prefersPublished } from './prefers-published.ts'
import { whileFetching } from './while-fetching.ts'

/**
 * Builds a recipe from its lockfile and compares the image with it: fetch, build without network, compare, check,
 * audit. When the engine has the locked image already, nothing is done.
 *
 * @throws {StillroomError} RECIPE_*, LOCK_*, GENERATED_STALE, PROJECT_* before anything is built; then those of
 *   fetching and of the engine
 */
export async function buildRecipe(
  session: Session,
  name: string,
  options: BuildRecipeOptions,
): Promise<BuildReport> {
  const clock = new StageClock(session.progress)
  clock.stage('recipe and lockfile')
  const plain = plainName(name)
  // asked for early, awaited late: the answers come while this program reads and computes
  const answer = RECIPE_NAME.test(name) ? deferRejection(askEngine(session, plain, false)) : undefined
  const inputs = await loadLocked(session, name)
  const { locked } = inputs
  // an engine is started only now, when all that was written is in order
  const connect = () => askEngine(session, plain, true)
  const start = () =>
    prefersPublished(locked, options) ? connect() : whileFetching(session, inputs, connect)
  const { engine, previous: first } = await (answer?.catch(start) ?? start())
  const about = { recipe: name, expected: locked.image }
  const find = async (tag: string) => (tag === plain ? first : findImage(engine, tag))
  for (const tag of options.noCache ? [] : [plain, await ownName(session, name)]) {
    const present = await asLocked(session.cache, engine, await find(tag), locked)
    if (present === undefined) continue
    await adoptName(session, engine, name, tag)
    await keepPresentTree(session, engine, tag, locked)
    return { ...about, tag, ...unchanged(present, locked), stages: clock.end() }
  }
  const called = await imageName(session, engine, name, locked.image)
  const { name: tag, taken } = called
  if (tag !== plain) session.progress({ kind: 'note', text: takenNote(name, called) })
  // loaded here: an unchanged build needs none of it
  const { buildAndCompare } = await import('./build-and-compare.ts')
  const plan = { ...inputs, tag, previous: await find(tag), isShared: tag === plain && taken !== undefined }
  const result = await buildAndCompare(session, engine, plan, options, clock)
  return { ...about, unchanged: false, ...result, stages: clock.end() }
}

async function askEngine(
  ports: Cancellation & Reporting,
  tag: string,
  start: boolean,
): Promise<{ engine: Engine; previous: EngineImage | undefined }> {
  const engine = await connectEngine({ ...ports, start })
  return { engine, previous: await findImage(engine, tag) }
}

/** An image in the engine, when it is the locked one. */
async function asLocked(
  cache: string,
  engine: Engine,
  present: EngineImage | undefined,
  { image }: LockedPlatform,
): Promise<BuildReport['image'] | undefined> {
  if (image === null || !present) return undefined
  const { id, size, diffIDs, tree } = image
  if (!(await isKnownAs(cache, engine, present, id))) return undefined
  return { id, size, layers: diffIDs.length, tree }
}

/** What is needed for that is loaded only when the store lacks the tree. */
async function keepPresentTree(
  ports: Artifacts & Reporting,
  engine: Engine,
  tag: string,
  { image }: LockedPlatform,
): Promise<void> {
  if (image === null || (await ports.store.hasCompressed(image.tree.slice('sha256:'.length)))) return
  const [{ keepImageTree }, { readImageTree }] = await Promise.all([
    import('./keep-image-tree.ts'),
    import('../../image/read-archive.ts'),
  ])
  await keepImageTree(ports, image, async () => readImageTree(await saveImage(engine, tag)))
}

function unchanged(image: BuildReport['image'], locked: LockedPlatform) {
  const packages = lockedPackages(locked)
  return {
    image,
    verdict: 'identical' as const,
    differing: null,
    unchanged: true,
    fetched: null,
    packages,
    checks: [],
    audit: null,
  }
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

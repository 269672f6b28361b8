import { readFile } from 'node:fs/promises'
import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import type { ContextFiles } from '../../dockerfile/render-context.ts'
import { type BuiltImage, buildImage } from '../../engine/build-image.ts'
import type { Engine } from '../../engine/connect.ts'
import { type EngineImage, findImage, removeImage, saveImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import { readImageArchive } from '../../image/read-archive.ts'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { recordUse } from '../../store/uses.ts'
import { auditRecipe } from '../audit/audit-recipe.ts'
import { knownClean, rememberClean } from '../audit/known-audits.ts'
import { renderGenerated, writeGenerated } from '../project/generated.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import { lockPath, writeLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import type { StageClock } from '../stage-clock.ts'
import { lockedDigests } from '../store/locked-digests.ts'
import type { BuildAudit, BuildRecipeOptions, BuildResult, BuildVerdict } from './build-result.ts'
import { fetchInputs } from './fetch-inputs.ts'
import { rememberImage } from './known-images.ts'
import { runChecks } from './run-checks.ts'
import { stageContext } from './stage-context.ts'

export interface BuildPlan {
  loaded: LoadedRecipe
  lock: Lockfile
  locked: LockedPlatform
  /** `generated/NAME` as it should be. */
  context: ContextFiles
  tag: string
  /** The image that has the tag so far. */
  previous: EngineImage | undefined
}

/** Fetches, builds, holds the image against the lock, and runs the checks. */
export async function buildAndCompare(
  session: Session,
  engine: Engine,
  { loaded, lock, locked, context, tag, previous }: BuildPlan,
  options: BuildRecipeOptions,
  clock: StageClock,
): Promise<Pick<BuildResult, 'image' | 'verdict' | 'checks' | 'packages' | 'audit'>> {
  const { signal, progress } = session
  const { name, recipe, directory } = loaded
  clock.stage('fetch')
  const artifacts = contextArtifacts(locked)
  await recordUse(session.store.directory, name, lockedDigests(locked))
  const fetched = await fetchInputs(session, artifacts, locked)
  for (const damaged of fetched.damaged)
    progress({ kind: 'note', text: `the store's copy of ${damaged} was damaged: fetched again` })
  const staged = await stageContext(session, context, artifacts, directory, locked.epoch)

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
  const loadedImage = await requireLoaded(engine, tag, built)
  await rememberImage(session.cache, { id: built.id, reference: loadedImage.reference })
  // what had the tag before is of no use any more, unless it has another name or is in use
  if (previous && previous.reference !== loadedImage.reference) await removeImage(engine, previous.reference)

  clock.stage('compare')
  const compared = await compare(session.directory, engine, name, recipe, lock, locked, built.id)

  clock.stage('check')
  const report = await runChecks(engine, tag, recipe, locked, signal, (check) =>
    progress({ kind: 'status', text: check }),
  )
  if (!options.audit) return { ...compared, ...report, audit: null }

  clock.stage('audit')
  return { ...compared, ...report, audit: await auditBuilt(session, name, built.id) }
}

/** The image ID says that not a byte is other than in the image that was audited before. */
async function auditBuilt(session: Session, name: string, id: string): Promise<BuildAudit> {
  const lock = await readFile(lockPath(session.directory, name), 'utf8')
  const known = await knownClean(session, { id, lock })
  if (known !== undefined) return known
  const { verdict, files, findings, ignored } = await auditRecipe(session, name)
  const audit = { verdict, explainedShare: files.explainedShare, findings, isKnown: false }
  if (verdict === 'clean' && findings.length + ignored.length === 0)
    await rememberClean(session, { id, lock }, audit)
  return audit
}

/** A builder of the user's may belong to another engine, and load its images there. */
export async function requireLoaded(engine: Engine, tag: string, { id }: BuiltImage): Promise<EngineImage> {
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

/** Equal IDs need no reading; the first image is read to be recorded, a different one to say how far it differs. */
async function compare(
  directory: string,
  engine: Engine,
  name: string,
  recipe: Recipe,
  lock: Lockfile,
  locked: LockedPlatform,
  built: string,
): Promise<{ image: BuildResult['image']; verdict: BuildVerdict }> {
  const expected = locked.image
  if (expected && expected.id === built) {
    const { size, diffIDs, tree } = expected
    return { verdict: 'identical', image: { id: built, size, layers: diffIDs.length, tree } }
  }
  const { id, size, diffIDs, tree } = await readImageArchive(await saveImage(engine, `stillroom/${name}`))
  if (id !== built) throw new Error(`the engine saved image ${id} when asked for ${built}`)
  const image = { id, size, layers: diffIDs.length, tree }
  if (expected) return { verdict: expected.tree === tree ? 'equivalent' : 'different', image }
  const recorded: LockedPlatform = { ...locked, image: { id, tree, size, diffIDs } }
  await writeLock(directory, name, {
    ...lock,
    platforms: { ...lock.platforms, [recipe.platform]: recorded },
  })
  await writeGenerated(directory, name, await renderGenerated(name, recipe, recorded))
  return { verdict: 'recorded', image }
}

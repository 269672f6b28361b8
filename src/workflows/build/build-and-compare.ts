import { readFile } from 'node:fs/promises'
import { lockedDigests } from '../../dockerfile/context-artifacts.ts'
import { packingStages } from '../../dockerfile/render-dockerfile.ts'
import type { BuildOptions } from '../../engine/build-image.ts'
import type { Engine } from '../../engine/connect.ts'
import { type EngineImage, findImage, removeImage, saveImage, tagImage } from '../../engine/find-image.ts'
import type { CachedLayers } from '../../image/cached-image.ts'
import { compareTrees } from '../../image/compare-trees.ts'
import { DiskLayerCache } from '../../image/layer-cache.ts'
import type { LocatedImage } from '../../image/open-image.ts'
import { readImageTree } from '../../image/read-archive.ts'
import type { LockedImage, LockedPlatform } from '../../lock/schema.ts'
import { type BuildAudit, type BuildReport, summarizePaths } from '../../report/build-report.ts'
import { recordUse } from '../../store/uses.ts'
import { auditRecipe, type GivenImage } from '../audit/audit-recipe.ts'
import { knownClean, rememberClean } from '../audit/known-audits.ts'
import { readAhead } from '../audit/read-locked-contents.ts'
import { type ReadImage, readKnownLayers, readSubject } from '../audit/read-subject.ts'
import { renderGenerated, writeGenerated } from '../project/generated.ts'
import { differentName, noteName, ownName } from '../project/image-name.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'
import { lockPath, writeLock } from '../project/lock-file.ts'
import { warnOfProjects, warnOfRepositories } from '../project/warn-of-projects.ts'
import type { Session } from '../session.ts'
import type { StageClock } from '../stage-clock.ts'
import { hasLockedTree, keepLockedTree, readLockedTree } from '../store/locked-tree.ts'
import { buildLocked } from './build-locked.ts'
import { builtImage } from './built-image.ts'
import { keepImageTree } from './keep-image-tree.ts'
import { keepOtherTrees } from './keep-other-trees.ts'
import { prefersPublished } from './prefers-published.ts'
import { reduceBuildCache } from './reduce-build-cache.ts'
import { type ChecksReport, runChecks } from './run-checks.ts'
import { takePublished } from './take-published.ts'
import { type Beside, WorkBeside } from './work-beside.ts'

export interface BuildRecipeOptions {
  /** Whether to read the built image and verify its every file against the lockfile. */
  audit: boolean
  /** Build every step again, whatever the engine remembers or has. */
  noCache: boolean
  /** A buildx builder by name. */
  builder?: string | undefined
  /** Whether to build an image even where the lockfile says where it was published. */
  fromSource?: boolean | undefined
}

export interface BuildPlan extends LockedRecipe {
  /** What the image is to be called when it is as locked. */
  tag: string
  /** The image that has the tag so far. */
  previous: EngineImage | undefined
  /** Whether the tag is another project's, whose image is the locked one here, too. */
  isShared: boolean
}

/** Fetches, builds, compares the image with the lock, runs the checks, and audits. */
export async function buildAndCompare(
  session: Session,
  engine: Engine,
  plan: BuildPlan,
  { noCache, builder, audit, fromSource }: BuildRecipeOptions,
  clock: StageClock,
): Promise<Omit<BuildReport, 'recipe' | 'expected' | 'unchanged' | 'stages'>> {
  const { store } = session
  const { loaded, locked } = plan
  const { name, recipe } = loaded
  await recordUse(store.directory, name, lockedDigests(locked))
  await warnOfProjects(session, loaded)
  warnOfRepositories(session, locked.steps)
  // the name of the recipe's image is not taken before it is known to be the locked one
  const building = `${await ownName(session, name)}:building-${process.pid}`
  const cache = new DiskLayerCache(session.cache)
  await using beside = new WorkBeside(session, clock)
  const check = ({ reference }: EngineImage) =>
    beside.start('check', (own) => {
      const tell = (name: string) => own.progress({ kind: 'status', text: name })
      return runChecks(engine, reference, recipe, locked, own.signal, tell)
    })
  let made: MadeImage
  let compared: Compared
  let tag: string
  let fetched: string | null = null
  try {
    const isWanted = prefersPublished(locked, { fromSource, noCache, builder })
    if (isWanted) clock.stage('fetch the image')
    const taken = isWanted ? await takePublished(session, engine, locked.image, building) : undefined
    const how = { tag: building, noCache, builder, cache, audit, check }
    made = taken
      ? { built: taken, checks: check(taken) }
      : await buildPacked(session, engine, plan, how, clock)
    if (taken) fetched = locked.image?.published?.reference ?? null
    compared = await compare(session, plan, made.read)
    tag = await nameBuilt(session, engine, plan, made.built, compared.verdict)
  } catch (error) {
    // their container would keep the image
    await beside.stop()
    throw error
  } finally {
    await removeImage(engine, building)
  }
  const { built, located } = made
  if (made.context !== undefined)
    await keepOtherTrees(session, engine, plan, { context: made.context, builder })
  // an audit reads the image, and keeps it then
  if (!audit && compared.verdict === 'identical' && locked.image !== null)
    await keepImageTree(session, locked.image, async () =>
      located ? located.read({ cache }) : readImageTree(await saveImage(engine, tag)),
    )

  clock.stage('check')
  const named = { name, tag, id: built.id, image: locked.image }
  const given = located && { located, cache, ...(made.read && { image: made.read }) }
  const auditing = audit ? beside.start('audit', (own) => auditBuilt(own, named, given)) : null
  const report = await made.checks.result
  if (audit) clock.stage('audit')
  const audited = (await auditing?.result) ?? null
  // an audit may read layers from where they were made
  if (builder === undefined) reduceBuildCache(session)
  return { tag, ...compared, fetched, ...report, audit: audited }
}

/** An image that was built or fetched. */
interface MadeImage {
  built: EngineImage & { id: string }
  /** How it is read, and the build context that it was built from, when it was built. */
  located?: LocatedImage
  context?: string
  /** What was read of it, when it is not the locked one. */
  read?: ReadImage | undefined
  checks: Beside<ChecksReport>
}

/** Builds, and reads what is not as locked; what the engine packed in another way than other engines is packed again. */
async function buildPacked(
  session: Session,
  engine: Engine,
  plan: BuildPlan,
  {
    noCache,
    cache,
    audit,
    check,
    ...how
  }: Pick<BuildOptions, 'noCache' | 'builder'> & {
    tag: string
    cache: DiskLayerCache
    audit: boolean
    /** Begins to check an image, while it is read. */
    check: (image: EngineImage) => Beside<ChecksReport>
  },
  clock: StageClock,
): Promise<MadeImage> {
  const { loaded, locked, previous } = plan
  const reading = { cache, md5: false }
  const build = async (again: Pick<BuildOptions, 'noCache' | 'again'>): Promise<MadeImage> => {
    let known: CachedLayers | undefined
    const whileBuilding = async (stop: AbortSignal) => {
      if (audit) await readAhead({ ...session, signal: stop }, locked)
      // an image that the lockfile does not name yet is read, and most of it is as it was
      if (locked.image === null && previous !== undefined)
        known = await readKnownLayers(previous.diffIDs, reading, stop).catch(() => undefined)
    }
    const options = { ...how, ...again, whileBuilding }
    const built = await buildLocked(session, engine, plan, options, (stage) => clock.stage(stage))
    clock.stage('compare')
    const checks = check(built)
    const { id, reference, context } = built
    const located = builtImage(session, engine, {
      loaded,
      locked,
      id,
      reference,
      context,
      builder: how.builder,
      known,
    })
    // equal IDs need no reading; the first image is read to be recorded, a different one to say how far it differs
    const isLocked = locked.image?.id === id
    const read = isLocked ? undefined : await readSubject(located, reading, locked.image?.diffIDs)
    if (read !== undefined && read.id !== id)
      throw new Error(`the engine saved image ${read.id} when asked for ${id}`)
    return { built, located, context, read, checks }
  }
  const first = await build({ noCache })
  if (!first.read || engine.store !== 'graph' || !isPackedOtherwise(first.read, locked.image)) return first
  const text = 'the engine packed the layers as on top of others: they are packed again'
  session.progress({ kind: 'note', text })
  await first.checks.stop()
  const second = await build({ again: packingStages(loaded.recipe, locked) })
  const { reference } = first.built
  if (reference !== second.built.reference) await removeImage(engine, reference)
  return second
}

/**
 * Gives what was built its name: that of the recipe's image when it is as locked. Another one is called `different`
 * beside it, and the locked image keeps its name.
 */
async function nameBuilt(
  session: Session,
  engine: Engine,
  { loaded: { name }, tag, previous, isShared }: BuildPlan,
  { reference }: EngineImage,
  verdict: BuildReport['verdict'],
): Promise<string> {
  const different = differentName(tag)
  const isLocked = verdict === 'identical' || verdict === 'recorded'
  const given = isLocked ? tag : different
  const before = isLocked ? previous : await findImage(engine, different)
  await tagImage(engine, reference, given)
  // what had the name before is of no use any more, unless it has another name or is in use
  if (before && before.reference !== reference) await removeImage(engine, before.reference)
  if (isLocked) {
    if (!isShared) await noteName(session, engine, name, tag)
    await removeImage(engine, different)
  } else {
    const stays = previous === undefined ? `there is no ${tag}` : `${tag} stays as it was`
    const text = `what was built is not the locked image, and is called ${given}: ${stays}; run and shell take the locked image alone`
    session.progress({ kind: 'note', text })
  }
  return given
}

/**
 * The image ID says that not a byte is other than in the image that was audited before. It is read all the same when the
 * store lacks the locked tree, which an audit leaves there.
 */
async function auditBuilt(
  session: Session,
  { name, tag, id, image }: { name: string; tag: string; id: string; image: LockedImage | null },
  given: GivenImage | undefined,
): Promise<BuildAudit> {
  const lock = await readFile(lockPath(session.directory, name), 'utf8')
  const known = await knownClean(session, { id, lock })
  if (known !== undefined && (image?.id !== id || (await hasLockedTree(session, image)))) return known
  const { verdict, trust, files, findings, ignored } = await auditRecipe(session, name, {
    image: tag,
    isNew: true,
    ...(given && { given }),
  })
  const audit = { verdict, trust, explainedShare: files.explainedShare, findings, isKnown: false }
  if (verdict === 'clean' && findings.length + ignored.length === 0)
    await rememberClean(session, { id, lock }, audit)
  return audit
}

/**
 * Whether Docker's graph drivers made a layer by comparing two trees instead of from what was copied into it: other members,
 * in another order. They do where the builder's copy of the layer below is not the one that images have (decision 38).
 */
function isPackedOtherwise({ layers, digest }: ReadImage, expected: LockedImage | null): boolean {
  return !layers.every(({ walked }) => walked) || digest === expected?.tree
}

type Compared = Pick<BuildReport, 'image' | 'verdict' | 'differing'>

async function compare(
  session: Session,
  { loaded: { name, recipe }, lock, locked, tag }: BuildPlan,
  read: ReadImage | undefined,
): Promise<Compared> {
  const { directory, store } = session
  const expected = locked.image
  const image = (of: LockedImage) => ({ id: of.id, size: of.size, layers: of.diffIDs.length, tree: of.tree })
  if (expected && read === undefined) return { verdict: 'identical', image: image(expected), differing: null }
  if (read === undefined) throw new Error('a lockfile that names no image has none to be equal to')
  const {
    id,
    digest: tree,
    tree: { root },
  } = read
  const diffIDs = read.layers.map(({ diffID }) => diffID)
  const size = read.layers.reduce((sum, layer) => sum + layer.size, 0)
  const found = { id, tree, size, diffIDs }
  if (expected?.tree === tree) {
    await keepLockedTree(session, expected, root)
    return { verdict: 'equivalent', image: image(found), differing: null }
  }
  if (expected) {
    const known = await readLockedTree(session, expected)
    const differing = known ? summarizePaths(name, differentName(tag), compareTrees(known, root)) : null
    return { verdict: 'different', image: image(found), differing }
  }
  await keepLockedTree(session, { tree }, root)
  const recorded: LockedPlatform = { ...locked, image: found }
  await recordUse(store.directory, name, lockedDigests(recorded))
  await writeLock(directory, name, {
    ...lock,
    platforms: { ...lock.platforms, [recipe.platform]: recorded },
  })
  await writeGenerated(directory, name, await renderGenerated(name, recipe, recorded))
  return { verdict: 'recorded', image: image(found), differing: null }
}

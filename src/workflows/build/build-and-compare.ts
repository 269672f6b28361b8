import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lockedDigests } from '../../dockerfile/context-artifacts.ts'
import { PACKING_STAGES } from '../../dockerfile/render-dockerfile.ts'
import type { BuildOptions } from '../../engine/build-image.ts'
import type { Engine } from '../../engine/connect.ts'
import { type EngineImage, findImage, removeImage, saveImage, tagImage } from '../../engine/find-image.ts'
import { compareTrees } from '../../image/compare-trees.ts'
import type { ImageTree } from '../../image/image-tree.ts'
import { readImageTree, summarize } from '../../image/read-archive.ts'
import type { LockedImage, LockedPlatform } from '../../lock/schema.ts'
import { type BuildAudit, type BuildReport, summarizePaths } from '../../report/build-report.ts'
import { sweepAbandoned } from '../../store/disk.ts'
import { recordUse } from '../../store/uses.ts'
import { auditRecipe } from '../audit/audit-recipe.ts'
import { knownClean, rememberClean } from '../audit/known-audits.ts'
import { renderGenerated, writeGenerated } from '../project/generated.ts'
import { differentName, noteName, ownName } from '../project/image-name.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'
import { lockPath, writeLock } from '../project/lock-file.ts'
import { warnOfProjects, warnOfRepositories } from '../project/warn-of-projects.ts'
import { savedFiles, spoolImage, sumArchive } from '../save/spooled-image.ts'
import type { Session } from '../session.ts'
import type { StageClock } from '../stage-clock.ts'
import { hasLockedTree, keepLockedTree, readLockedTree } from '../store/locked-tree.ts'
import { buildLocked } from './build-locked.ts'
import { keepImageTree } from './keep-image-tree.ts'
import { runChecks } from './run-checks.ts'
import { takePublished } from './take-published.ts'

export interface BuildRecipeOptions {
  /** Whether to read the built image and verify its every file against the lockfile. */
  audit: boolean
  /** Build every step again, whatever the engine remembers or has. */
  noCache: boolean
  /** A buildx builder by name. */
  builder?: string | undefined
  /** Whether to build an image even where the lockfile says where it was published. */
  fromSource?: boolean
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
  const { signal, progress, store } = session
  const { loaded, locked } = plan
  const { name, recipe } = loaded
  await recordUse(store.directory, name, lockedDigests(locked))
  await warnOfProjects(session, loaded)
  warnOfRepositories(session, locked.steps)
  // the name of the recipe's image is not taken before it is known to be the locked one
  const building = `${await ownName(session, name)}:building-${process.pid}`
  let built: EngineImage & { id: string }
  let compared: Compared
  let tag: string
  let fetched: string | null = null
  try {
    // who wants all of it built, or built elsewhere, wants none that others built
    const isWanted = !fromSource && !noCache && builder === undefined && locked.image?.published !== undefined
    if (isWanted) clock.stage('fetch the image')
    const taken = isWanted ? await takePublished(session, engine, locked.image, building) : undefined
    const made = taken
      ? { built: taken, read: undefined }
      : await buildPacked(session, engine, plan, { tag: building, noCache, builder }, clock)
    if (taken) fetched = locked.image?.published?.reference ?? null
    built = made.built
    compared = await compare(session, plan, made.read)
    tag = await nameBuilt(session, engine, plan, built, compared.verdict)
  } finally {
    await removeImage(engine, building)
  }
  // an audit reads the image, and keeps it then
  if (!audit && compared.verdict === 'identical' && locked.image !== null)
    await keepImageTree(session, locked.image, async () => readImageTree(await saveImage(engine, tag)))

  clock.stage('check')
  const report = await runChecks(engine, tag, recipe, locked, signal, (check) =>
    progress({ kind: 'status', text: check }),
  )
  if (!audit) return { tag, ...compared, fetched, ...report, audit: null }

  clock.stage('audit')
  const named = { name, tag, id: built.id, image: locked.image }
  return { tag, ...compared, fetched, ...report, audit: await auditBuilt(session, named) }
}

/** Builds, and reads what is not as locked; what the engine packed in another way than other engines is packed again. */
async function buildPacked(
  session: Session,
  engine: Engine,
  plan: BuildPlan,
  { noCache, ...how }: Pick<BuildOptions, 'noCache' | 'builder'> & { tag: string },
  clock: StageClock,
): Promise<{ built: EngineImage & { id: string }; read: ReadImage | undefined }> {
  const build = (again: Pick<BuildOptions, 'noCache' | 'again'>) =>
    buildLocked(session, engine, plan, { ...how, ...again }, (stage) => clock.stage(stage))
  const first = await build({ noCache })
  clock.stage('compare')
  const read = await readUnlessLocked(session, engine, plan, first, how.tag)
  if (!read || engine.store !== 'graph' || !isPackedOtherwise(read, plan.locked.image))
    return { built: first, read }
  const text = 'the engine packed the layers as on top of others: they are packed again'
  session.progress({ kind: 'note', text })
  const built = await build({ again: PACKING_STAGES })
  clock.stage('compare')
  const readAgain = await readUnlessLocked(session, engine, plan, built, how.tag)
  if (first.reference !== built.reference) await removeImage(engine, first.reference)
  return { built, read: readAgain }
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
): Promise<BuildAudit> {
  const lock = await readFile(lockPath(session.directory, name), 'utf8')
  const known = await knownClean(session, { id, lock })
  if (known !== undefined && (image?.id !== id || (await hasLockedTree(session, image)))) return known
  const { verdict, trust, files, findings, ignored } = await auditRecipe(session, name, {
    image: tag,
    isNew: true,
  })
  const audit = { verdict, trust, explainedShare: files.explainedShare, findings, isKnown: false }
  if (verdict === 'clean' && findings.length + ignored.length === 0)
    await rememberClean(session, { id, lock }, audit)
  return audit
}

/** Equal IDs need no reading; the first image is read to be recorded, a different one to say how far it differs. */
async function readUnlessLocked(
  session: Session,
  engine: Engine,
  { loaded: { name: recipe }, locked }: BuildPlan,
  { id }: { id: string },
  name: string,
): Promise<ReadImage | undefined> {
  if (locked.image?.id === id) return undefined
  if (locked.image !== null) return describe(await readImageTree(await saveImage(engine, name)), id)
  // the tree and the sum of the archive that `save` writes, from one copy of the image
  const spool = join(session.cache, 'spool')
  await sweepAbandoned(spool)
  await using spooled = await spoolImage(session, engine, name, join(spool, recipe))
  const read = describe(await readImageTree(createReadStream(spooled.path)), id)
  session.progress({ kind: 'status', text: 'the sum of its archive' })
  return { ...read, archive: await sumArchive(session, await savedFiles(session, spooled, id, recipe)) }
}

function describe(image: ImageTree, built: string): ReadImage {
  const { id, size, diffIDs, tree } = summarize(image)
  if (id !== built) throw new Error(`the engine saved image ${id} when asked for ${built}`)
  return { id, size, diffIDs, tree, root: image.root, walked: image.layers.every(({ walked }) => walked) }
}

interface ReadImage extends LockedImage, Pick<ImageTree, 'root'> {
  walked: boolean
}

/**
 * Whether Docker's graph drivers made a layer by comparing two trees instead of from what was copied into it: other members,
 * in another order. They do where the builder's copy of the layer below is not the one that images have (decision 38).
 */
function isPackedOtherwise({ walked, tree }: ReadImage, expected: LockedImage | null): boolean {
  return !walked || tree === expected?.tree
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
  const { id, tree, size, diffIDs, archive, root } = read
  if (expected?.tree === tree) {
    await keepLockedTree(session, expected, root)
    return { verdict: 'equivalent', image: image(read), differing: null }
  }
  if (expected) {
    const known = await readLockedTree(session, expected)
    const differing = known ? summarizePaths(name, differentName(tag), compareTrees(known, root)) : null
    return { verdict: 'different', image: image(read), differing }
  }
  await keepLockedTree(session, { tree }, root)
  const recorded: LockedPlatform = { ...locked, image: { id, tree, size, diffIDs, archive } }
  await recordUse(store.directory, name, lockedDigests(recorded))
  await writeLock(directory, name, {
    ...lock,
    platforms: { ...lock.platforms, [recipe.platform]: recorded },
  })
  await writeGenerated(directory, name, await renderGenerated(name, recipe, recorded))
  return { verdict: 'recorded', image: image(read), differing: null }
}

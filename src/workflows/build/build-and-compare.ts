import { readFile } from 'node:fs/promises'
import { lockedDigests } from '../../dockerfile/context-artifacts.ts'
import { PACKING_STAGES } from '../../dockerfile/render-dockerfile.ts'
import type { BuildOptions } from '../../engine/build-image.ts'
import type { Engine } from '../../engine/connect.ts'
import { type EngineImage, removeImage, saveImage } from '../../engine/find-image.ts'
import { compareTrees } from '../../image/compare-trees.ts'
import type { ImageTree } from '../../image/image-tree.ts'
import { readImageTree, summarize } from '../../image/read-archive.ts'
import type { LockedImage, LockedPlatform } from '../../lock/schema.ts'
import { type BuildAudit, type BuildReport, summarizePaths } from '../../report/build-report.ts'
import { recordUse } from '../../store/uses.ts'
import { auditRecipe } from '../audit/audit-recipe.ts'
import { knownClean, rememberClean } from '../audit/known-audits.ts'
import type { Artifacts, Project } from '../ports.ts'
import { renderGenerated, writeGenerated } from '../project/generated.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'
import { lockPath, writeLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import type { StageClock } from '../stage-clock.ts'
import { hasLockedTree, keepLockedTree, readLockedTree } from '../store/locked-tree.ts'
import { buildLocked } from './build-locked.ts'
import { keepImageTree } from './keep-image-tree.ts'
import { runChecks } from './run-checks.ts'

export interface BuildRecipeOptions {
  /** Whether to read the built image and verify its every file against the lockfile. */
  audit: boolean
  /** Build every step again, whatever the engine remembers or has. */
  noCache: boolean
  /** A buildx builder by name. */
  builder?: string | undefined
}

export interface BuildPlan extends LockedRecipe {
  tag: string
  /** The image that has the tag so far. */
  previous: EngineImage | undefined
}

/** Fetches, builds, compares the image with the lock, runs the checks, and audits. */
export async function buildAndCompare(
  session: Session,
  engine: Engine,
  plan: BuildPlan,
  { noCache, builder, audit }: BuildRecipeOptions,
  clock: StageClock,
): Promise<Omit<BuildReport, 'recipe' | 'tag' | 'expected' | 'unchanged' | 'stages'>> {
  const { signal, progress, store } = session
  const { loaded, locked, tag, previous } = plan
  const { name, recipe } = loaded
  await recordUse(store.directory, name, lockedDigests(locked))
  const build = (how: Pick<BuildOptions, 'noCache' | 'again'>) =>
    buildLocked(session, engine, plan, { tag, builder, ...how }, (stage) => clock.stage(stage))
  let built = await build({ noCache })
  clock.stage('compare')
  let read = await readUnlessLocked(engine, plan, built)
  if (read && engine.store === 'graph' && isPackedOtherwise(read, locked.image)) {
    progress({
      kind: 'note',
      text: 'the engine packed the layers as on top of others: they are packed again',
    })
    const unwanted = built
    built = await build({ again: PACKING_STAGES })
    clock.stage('compare')
    read = await readUnlessLocked(engine, plan, built)
    if (unwanted.reference !== built.reference) await removeImage(engine, unwanted.reference)
  }
  // what had the tag before is of no use any more, unless it has another name or is in use
  if (previous && previous.reference !== built.reference) await removeImage(engine, previous.reference)

  const compared = await compare(session, plan, read)
  // an audit reads the image, and keeps it then
  if (!audit && compared.verdict === 'identical' && locked.image !== null)
    await keepImageTree(session, locked.image, async () => readImageTree(await saveImage(engine, tag)))

  clock.stage('check')
  const report = await runChecks(engine, tag, recipe, locked, signal, (check) =>
    progress({ kind: 'status', text: check }),
  )
  if (!audit) return { ...compared, ...report, audit: null }

  clock.stage('audit')
  return {
    ...compared,
    ...report,
    audit: await auditBuilt(session, { name, id: built.id, image: locked.image }),
  }
}

/**
 * The image ID says that not a byte is other than in the image that was audited before. It is read all the same when the
 * store lacks the locked tree, which an audit leaves there.
 */
async function auditBuilt(
  session: Session,
  { name, id, image }: { name: string; id: string; image: LockedImage | null },
): Promise<BuildAudit> {
  const lock = await readFile(lockPath(session.directory, name), 'utf8')
  const known = await knownClean(session, { id, lock })
  if (known !== undefined && (image?.id !== id || (await hasLockedTree(session, image)))) return known
  const { verdict, trust, files, findings, ignored } = await auditRecipe(session, name, { isNew: true })
  const audit = { verdict, trust, explainedShare: files.explainedShare, findings, isKnown: false }
  if (verdict === 'clean' && findings.length + ignored.length === 0)
    await rememberClean(session, { id, lock }, audit)
  return audit
}

/** Equal IDs need no reading; the first image is read to be recorded, a different one to say how far it differs. */
async function readUnlessLocked(
  engine: Engine,
  { locked, tag }: BuildPlan,
  built: { id: string },
): Promise<ReadImage | undefined> {
  if (locked.image?.id === built.id) return undefined
  const read = await readImageTree(await saveImage(engine, tag))
  const { id, size, diffIDs, tree } = summarize(read)
  if (id !== built.id) throw new Error(`the engine saved image ${id} when asked for ${built.id}`)
  return { id, size, diffIDs, tree, root: read.root, walked: read.layers.every(({ walked }) => walked) }
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

async function compare(
  ports: Project & Artifacts,
  { loaded: { name, recipe }, lock, locked }: BuildPlan,
  read: ReadImage | undefined,
): Promise<Pick<BuildReport, 'image' | 'verdict' | 'differing'>> {
  const { directory } = ports
  const expected = locked.image
  const image = (of: LockedImage) => ({ id: of.id, size: of.size, layers: of.diffIDs.length, tree: of.tree })
  if (expected && read === undefined) return { verdict: 'identical', image: image(expected), differing: null }
  if (read === undefined) throw new Error('a lockfile that names no image has none to be equal to')
  const { id, tree, size, diffIDs, root } = read
  if (expected?.tree === tree) {
    await keepLockedTree(ports, expected, root)
    return { verdict: 'equivalent', image: image(read), differing: null }
  }
  if (expected) {
    const known = await readLockedTree(ports, expected)
    const differing = known ? summarizePaths(name, compareTrees(known, root)) : null
    return { verdict: 'different', image: image(read), differing }
  }
  await keepLockedTree(ports, { tree }, root)
  const recorded: LockedPlatform = { ...locked, image: { id, tree, size, diffIDs } }
  await recordUse(ports.store.directory, name, lockedDigests(recorded))
  await writeLock(directory, name, {
    ...lock,
    platforms: { ...lock.platforms, [recipe.platform]: recorded },
  })
  await writeGenerated(directory, name, await renderGenerated(name, recipe, recorded))
  return { verdict: 'recorded', image: image(read), differing: null }
}

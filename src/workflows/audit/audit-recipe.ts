import { relative, resolve } from 'node:path'
import { type AuditPolicy, auditImage, auditLocked, isLockedTree } from '../../audit/audit-image.ts'
import type { AuditResult } from '../../audit/audit-report.ts'
import type { LockedContents } from '../../audit/expect/locked-contents.ts'
import { countLockedLayers, type ImageSubject, type LockSubject } from '../../audit/subject.ts'
import type { PlacedArtifact } from '../../dockerfile/context-artifacts.ts'
import { connectEngine } from '../../engine/connect.ts'
import { findImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import { DiskLayerCache } from '../../image/layer-cache.ts'
import { type LocatedImage, locateImage } from '../../image/open-image.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import type { TreeNode } from '../../image/tree-node.ts'
import { requireFresh } from '../../lock/compare-lock.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'
import type { Artifacts, Cache, Fetching } from '../ports.ts'
import { differentName, imageName } from '../project/image-name.ts'
import { readLockText, requireLock } from '../project/lock-file.ts'
import { readConfig } from '../project/read-config.ts'
import { registryImages } from '../registry-images.ts'
import type { Session } from '../session.ts'
import { keepLockedTree, readLockedTree } from '../store/locked-tree.ts'
import { knownExplanation, rememberExplanation } from './known-audits.ts'
import { readLockedContents } from './read-locked-contents.ts'
import { type ReadImage, type Reading, readSubject, withInventory } from './read-subject.ts'

const PLATFORM = 'linux/amd64'

/**
 * Audits the image that the engine has of a recipe against the recipe's lockfile.
 *
 * @param image what the engine calls it; left out, it is the locked one, or else the last that a build found different
 * @param isNew whether it was just built from the lockfile: when it is another than the locked one and there is no locked
 *   tree to say where, its own layers count as locked, or all that steps made would be found; `strict`: whether what is
 *   taken on trust is a finding;
 *   `onRead`: for those who need more than the report; `given`: how the image is read, and what was read of it
 * @throws {StillroomError} LOCK_*; IMAGE_MISSING when the engine has none; those of reading images and of fetching
 */
export async function auditRecipe(
  session: Session,
  name: string,
  {
    image,
    isNew = false,
    strict = false,
    onRead,
    given,
  }: { image?: string; isNew?: boolean; strict?: boolean; onRead?: OnRead; given?: GivenImage } = {},
): Promise<AuditResult> {
  const lockfile = await requireLock(session.directory, name)
  const path = `recipes/${name}/lock.json`
  const lock = { lockfile, path, isNew }
  return auditReference(session, image ?? (await presentName(session, lockfile)), {
    platform: PLATFORM,
    lock,
    strict,
    onRead,
    given,
  })
}

/** An image that somebody else found, and perhaps read. */
export interface GivenImage {
  located: LocatedImage
  /** Where its layers are kept. */
  cache: DiskLayerCache
  image?: ReadImage
}

/** Called once with what was read of an image, and what is known of its lock on this machine. */
export type OnRead = (image: ImageSubject, lock: LockSubject) => void

async function presentName(session: Session, { recipe, platforms }: Lockfile): Promise<string> {
  const engine = await connectEngine(session)
  const { name } = await imageName(session, engine, recipe, platforms[PLATFORM]?.image ?? null)
  const different = differentName(name)
  const isOnly = !(await findImage(engine, name)) && (await findImage(engine, different))
  return isOnly ? different : name
}

/**
 * Audits an image against a lockfile, or by itself when there is none.
 *
 * @param what a name or ID of the engine's, an archive, an OCI layout, or `docker://` and a name in a registry
 * @param options path of a lockfile; the platform to take of several, which a lockfile says itself
 * @throws {StillroomError} as {@link auditRecipe}
 */
export async function auditAny(
  session: Session,
  what: string,
  {
    lock,
    platform,
    strict = false,
  }: { lock: string | undefined; platform: string | undefined; strict?: boolean },
): Promise<AuditResult> {
  if (lock === undefined) return auditReference(session, what, { platform, lock, strict })
  const path = resolve(session.directory, lock)
  const text = await readLockText(path, lock)
  const shown = relative(session.directory, path)
  const lockfile = parseLock(text, shown)
  requireFresh(lockfile, lockfile.inputs)
  const named = { lockfile, path: shown, isNew: false }
  return auditReference(session, what, { platform: platform ?? PLATFORM, lock: named, strict })
}

async function auditReference(
  session: Session,
  what: string,
  {
    platform,
    lock,
    strict,
    onRead,
    given,
  }: {
    platform: string | undefined
    lock: NamedLock | undefined
    strict: boolean
    onRead?: OnRead | undefined
    given?: GivenImage | undefined
  },
): Promise<AuditResult> {
  const { progress } = session
  const { audit } = await readConfig(session.directory)
  const policy = { ignore: audit?.ignore ?? [], today: new Date().toISOString().slice(0, 10), strict }
  const cache = strict ? undefined : (given?.cache ?? new DiskLayerCache(session.cache))
  const registry = registryImages(session)
  const located =
    given?.located ?? (await locateImage(session, what, { registry, ...(platform && { platform }) }))
  try {
    progress({ kind: 'status', text: 'locked files' })
    const named = lock && lockedBy(lock)
    const known = named && !strict ? await knownExplanation(session, named.lockfile) : undefined
    const present = named && known === undefined ? await presentContents(session, named) : undefined
    progress({ kind: 'status', text: `reading ${what}` })
    const reading = { cache, md5: named === undefined, lock: named }
    const read = given?.image ?? (await readSubject(located, reading, named?.locked.image?.diffIDs))
    const image = { ...read, reference: what }
    progress({ kind: 'status', text: 'comparing' })
    const isKnown = named && known && isLockedTree(image, image.digest, named.locked)
    const report = isKnown
      ? auditLocked(image, named, known, policy)
      : await auditRead(session, { located, named, present, image, reading }, policy)
    await keep(session, { named, image, report, cache })
    if (onRead && named) {
      const contents = present ?? (await presentContents(session, named))
      const layers = countLockedLayers(image.layers, named.locked)
      onRead(await withInventory(located, image, reading), { ...named, contents, layers })
    }
    return report
  } finally {
    await located.close()
  }
}

/** The audit of an image of which not all is known. */
async function auditRead(
  session: Session,
  about: {
    located: LocatedImage
    named: LockedBy | undefined
    /** What was read of the locked artifacts that are at hand. */
    present: LockedContents | undefined
    image: ReadImage
    reading: Reading
  },
  policy: AuditPolicy,
): Promise<AuditResult> {
  const { located, named, image, reading } = about
  if (named === undefined) return auditImage(await withInventory(located, image, reading), undefined, policy)
  const tree = await treeToCompare(session, named, image)
  const present = about.present ?? (await presentContents(session, named))
  // which paths differ is known from the tree: nothing is fetched to say whose they are
  const isEnough = tree !== undefined || !lacksArtifacts(present)
  const contents = isEnough ? present : await fetchedContents(session, named)
  const md5 = lacksArtifacts(contents)
  const read = md5 && !reading.md5 ? await readSubject(located, { ...reading, md5 }) : image
  const subject = { ...named, contents, ...(tree && { tree }), ...layersOf(named, image, tree) }
  return auditImage(await withInventory(located, read, { ...reading, md5 }), subject, policy)
}

interface NamedLock {
  lockfile: Lockfile
  path: string
  /** Whether the image was just built from it. */
  isNew: boolean
}

type LockedBy = Omit<LockSubject, 'layers' | 'contents' | 'tree'> & Pick<NamedLock, 'isNew'>

/** Without all locked artifacts, package managers' own lists must do, which have md5 sums. */
const lacksArtifacts = ({ missing }: LockedContents) => missing.length > 0

/** Keeps what later audits may go by: the locked tree, and of an image in which nothing was found, what it holds. */
async function keep(
  session: Session,
  about: {
    named: LockedBy | undefined
    image: ReadImage
    report: AuditResult
    cache: DiskLayerCache | undefined
  },
): Promise<void> {
  const { named, image, report, cache } = about
  const locked = named?.locked.image
  if (locked?.tree === image.digest) await keepLockedTree(session, locked, (image.sif ?? image.tree).root)
  // a finding may be a secret, which is not to be copied into the cache
  if (report.findings.length + report.ignored.length > 0) return
  await cache?.save()
  if (named && report.trust.owners === 'artifacts' && isLockedTree(image, image.digest, named.locked))
    await rememberExplanation(session, named.lockfile, report)
}

/** The locked tree, which only an image with other files needs: that of the locked layers in it, or the store's. */
async function treeToCompare(
  ports: Artifacts,
  { locked }: LockedBy,
  { digest, inner }: ReadImage,
): Promise<TreeNode | undefined> {
  if (locked.image === null || digest === locked.image.tree) return undefined
  if (inner === undefined || treeDigest(inner) !== locked.image.tree)
    return readLockedTree(ports, locked.image)
  await keepLockedTree(ports, locked.image, inner)
  return inner
}

/** Which layers of an image count as locked: of a new one with nothing to compare it with, its own. */
function layersOf(
  { locked, isNew }: LockedBy,
  { layers, digest }: ReadImage,
  tree: TreeNode | undefined,
): Pick<LockSubject, 'layers'> & Partial<Pick<LockSubject, 'locked'>> {
  const isUnknown = locked.image !== null && locked.image.tree !== digest && tree === undefined
  return isNew && isUnknown
    ? { locked: { ...locked, image: null }, layers: layers.length }
    : { layers: countLockedLayers(layers, locked) }
}

function lockedBy({ lockfile, path, isNew }: NamedLock): LockedBy {
  const recipe = recordedRecipe(lockfile)
  const locked = lockfile.platforms[recipe.platform]
  if (locked === undefined) {
    throw new StillroomError('LOCK_STALE', `${path} has nothing for ${recipe.platform}`, {
      hint: `run: stillroom lock recipe ${lockfile.recipe}`,
    })
  }
  return { lockfile, path, platform: recipe.platform, locked, recipe, isNew }
}

/** What the artifacts of a lock hold, those that are at hand. */
function presentContents(session: Session, { locked }: LockedBy): Promise<LockedContents> {
  return readLockedContents(session, locked, session.directory, async () => {})
}

/** What the artifacts of a lock hold: those that must be read and the store lacks are fetched. */
function fetchedContents(session: Session, { locked }: LockedBy): Promise<LockedContents> {
  return readLockedContents(session, locked, session.directory, (files) =>
    fetchMissing(session, locked, files),
  )
}

/** That an artifact cannot be had is reported by the audit, as inconclusive. */
async function fetchMissing(
  ports: Cache & Fetching,
  locked: LockedPlatform,
  files: PlacedArtifact[],
): Promise<void> {
  try {
    // most audits fetch nothing
    const { fetchInputs } = await import('../build/fetch-inputs.ts')
    await fetchInputs(ports, { files }, locked)
  } catch (error) {
    if (!(error instanceof StillroomError) || ports.signal.aborted) throw error
    ports.progress({ kind: 'note', text: error.message.split('\n', 1)[0]?.slice(0, 200) ?? '' })
  }
}

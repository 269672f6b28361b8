import { relative, resolve } from 'node:path'
import { auditImage } from '../../audit/audit-image.ts'
import type { AuditReport } from '../../audit/audit-report.ts'
import type { PolicyException } from '../../audit/policy.ts'
import { countLockedLayers, type ImageSubject, type LockSubject } from '../../audit/subject.ts'
import { headWantedByAudit, wantedByAudit } from '../../audit/wanted-by-audit.ts'
import type { PlacedArtifact } from '../../dockerfile/context-artifacts.ts'
import { StillroomError } from '../../error.ts'
import { DiskLayerCache } from '../../image/layer-cache.ts'
import { type LocatedImage, locateImage } from '../../image/open-image.ts'
import type { ReadOptions } from '../../image/read-options.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import {
  digestsForInventory,
  md5WantedByInventory,
  readInventory,
  wantedByInventory,
} from '../../inventory/read-inventory.ts'
import { requireFresh } from '../../lock/compare-lock.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import type { Artifacts, Cache, Fetching } from '../ports.ts'
import { readLockText, requireLock } from '../project/lock-file.ts'
import { readConfig } from '../project/read-config.ts'
import type { Session } from '../session.ts'
import { keepLockedTree, readLockedTree } from '../store/locked-tree.ts'
import { readLockedContents } from './read-locked-contents.ts'

const PLATFORM = 'linux/amd64'

/**
 * Audits the image that the engine has of a recipe against the recipe's lockfile.
 *
 * @param isNew whether it was just built from the lockfile: when it is another than the locked one and there is no locked
 *   tree to say where, its own layers count as locked, or all that steps made would be found
 * @throws {StillroomError} LOCK_*; IMAGE_MISSING when the engine has none; those of reading images and of fetching
 */
export async function auditRecipe(
  session: Session,
  name: string,
  { isNew = false } = {},
): Promise<AuditReport> {
  const lockfile = await requireLock(session.directory, name)
  return auditReference(session, `stillroom/${name}`, PLATFORM, {
    lockfile,
    path: `recipes/${name}/lock.json`,
    isNew,
  })
}

/**
 * Audits an image against a lockfile, or by itself when there is none.
 *
 * @param what a name or ID of the engine's, an archive, or an OCI layout
 * @param options path of a lockfile; the platform to take of several, which a lockfile says itself
 * @throws {StillroomError} as {@link auditRecipe}
 */
export async function auditAny(
  session: Session,
  what: string,
  { lock, platform }: { lock: string | undefined; platform: string | undefined },
): Promise<AuditReport> {
  if (lock === undefined) return auditReference(session, what, platform, undefined)
  const path = resolve(session.directory, lock)
  const text = await readLockText(path, lock)
  const shown = relative(session.directory, path)
  const lockfile = parseLock(text, shown)
  requireFresh(lockfile, lockfile.inputs)
  return auditReference(session, what, platform ?? PLATFORM, { lockfile, path: shown, isNew: false })
}

async function auditReference(
  session: Session,
  what: string,
  platform: string | undefined,
  lock: { lockfile: Lockfile; path: string; isNew: boolean } | undefined,
): Promise<AuditReport> {
  const { progress } = session
  const { audit } = await readConfig(session.directory)
  const cache = new DiskLayerCache(session.cache)
  const located = await locateImage(session, what, { ...(platform && { platform }) })
  try {
    progress({ kind: 'status', text: 'locked files' })
    const held = lock === undefined ? undefined : await lockSubject(session, lock)
    progress({ kind: 'status', text: `reading ${what}` })
    const md5 = held === undefined || held.contents.missing.length > 0
    const image = await imageSubject(located, { md5, cache })
    progress({ kind: 'status', text: 'comparing' })
    const subject = held && (await subjectOf(session, held, image, lock?.isNew === true))
    const report = auditImage(image, subject, policyOf(audit?.ignore ?? []))
    if (held?.locked.image?.tree === report.image.tree)
      await keepLockedTree(session, held.locked.image, image.tree.root)
    // a finding may be a secret, which is not to be copied into the cache
    if (report.findings.length === 0 && report.ignored.length === 0) await cache.save()
    return report
  } finally {
    await located.close()
  }
}

/** What an image is compared with, once it was read. */
async function subjectOf(
  ports: Artifacts,
  held: Omit<LockSubject, 'layers'>,
  { tree, layers }: ImageSubject,
  isNew: boolean,
): Promise<LockSubject> {
  const { locked } = held
  const subject = { ...held, layers: countLockedLayers(layers, locked) }
  if (locked.image === null || treeDigest(tree.root) === locked.image.tree) return subject
  const root = await readLockedTree(ports, locked.image)
  if (root !== undefined) return { ...subject, tree: root }
  return isNew ? { ...held, locked: { ...locked, image: null }, layers: layers.length } : subject
}

/** What a lock names, and what its artifacts hold: those that must be read and the store lacks are fetched. */
async function lockSubject(
  session: Session,
  { lockfile, path }: { lockfile: Lockfile; path: string },
): Promise<Omit<LockSubject, 'layers'>> {
  const recipe = recordedRecipe(lockfile)
  const locked = lockfile.platforms[recipe.platform]
  if (locked === undefined) {
    throw new StillroomError('LOCK_STALE', `${path} has nothing for ${recipe.platform}`, {
      hint: `run: stillroom lock recipe ${lockfile.recipe}`,
    })
  }
  const fetch = (files: PlacedArtifact[]) => fetchMissing(session, locked, files)
  const contents = await readLockedContents(session, locked, session.directory, fetch)
  return { lockfile, path, platform: recipe.platform, locked, recipe, contents }
}

/** That an artifact cannot be had is reported by the audit, as inconclusive. */
async function fetchMissing(
  ports: Cache & Fetching,
  locked: LockedPlatform,
  files: PlacedArtifact[],
): Promise<void> {
  try {
    await fetchInputs(ports, { files }, locked)
  } catch (error) {
    if (!(error instanceof StillroomError) || ports.signal.aborted) throw error
    ports.progress({ kind: 'note', text: error.message.split('\n', 1)[0]?.slice(0, 200) ?? '' })
  }
}

async function imageSubject(
  located: LocatedImage,
  { md5, cache }: { md5: boolean; cache: DiskLayerCache },
): Promise<ImageSubject> {
  const options: ReadOptions = {
    keep: (path, size) => wantedByAudit(path, size) || wantedByInventory(path, size),
    head: headWantedByAudit,
    md5: md5 && md5WantedByInventory,
    cache,
  }
  const first = await located.read(options)
  const digests = digestsForInventory(first.tree, { md5 })
  const image = digests === undefined ? first : await located.read({ ...options, ...digests })
  const { reference, id, config, layers, tree } = image
  return { reference, id, config, layers, tree, inventory: await readInventory(tree) }
}

function policyOf(ignore: readonly PolicyException[]) {
  return { ignore, today: new Date().toISOString().slice(0, 10) }
}

import { lockedDigests } from '../../dockerfile/context-artifacts.ts'
import { layerFiles } from '../../image/layer-cache.ts'
import type { CacheUsage, FileCache } from '../../store/file-cache.ts'
import { forgetUses, readUses } from '../../store/uses.ts'
import { contentsFiles } from '../audit/artifact-contents.ts'
import { auditNotes } from '../audit/known-audits.ts'
import type { Artifacts, Cache, Project } from '../ports.ts'
import { listRecipes } from '../project/list-recipes.ts'
import { readLock } from '../project/lock-file.ts'

/** What is put in the store belongs to a run that may not have said yet what it needs it for. */
const SETTLED_AFTER = 86_400_000
const DAY = 86_400_000

export interface StoreUsage {
  /** The store's own directory. */
  directory: string
  entries: number
  bytes: number
  /** What each recipe needs of it, here or elsewhere; entries that several need count for each. */
  recipes: { recipe: string; entries: number; bytes: number; lastUsed: string | null }[]
  /** Entries that no lock known here needs. */
  unused: { entries: number; bytes: number }
  /** What is kept beside the store to be quicker: without it all is the same. */
  caches: Caches<CacheUsage>
}

type Caches<T> = Record<'layers' | 'audits' | 'contents', T>

async function eachCache<T>(ports: Cache, act: (cache: FileCache) => Promise<T>): Promise<Caches<T>> {
  return {
    layers: await act(layerFiles(ports.cache)),
    audits: await act(auditNotes(ports)),
    contents: await act(contentsFiles(ports)),
  }
}

/** Counts what the store holds and for which recipes. */
export async function storeUsage(ports: Project & Artifacts & Cache): Promise<StoreUsage> {
  const sizes = new Map<string, number>()
  for await (const { sha256, size } of ports.store.entries()) sizes.set(sha256, size)
  const needs = new Map<string, { digests: Set<string>; lastUsed: string | null }>()
  for (const [recipe, digests] of await projectDigests(ports.directory)) {
    needs.set(recipe, { digests: new Set(digests), lastUsed: null })
  }
  for (const { recipe, digests, last } of await readUses(ports.store.directory)) {
    const need = needs.get(recipe) ?? { digests: new Set<string>(), lastUsed: null }
    for (const digest of digests) need.digests.add(digest)
    need.lastUsed ??= last.toISOString()
    needs.set(recipe, need)
  }
  const total = (digests: Iterable<string>) => {
    const present = [...digests].filter((digest) => sizes.has(digest))
    return {
      entries: present.length,
      bytes: present.reduce((sum, digest) => sum + (sizes.get(digest) ?? 0), 0),
    }
  }
  const used = new Set([...needs.values()].flatMap(({ digests }) => [...digests]))
  const all = total(sizes.keys())
  const recipes = [...needs].map(([recipe, need]) => ({
    recipe,
    ...total(need.digests),
    lastUsed: need.lastUsed,
  }))
  return {
    directory: ports.store.directory,
    ...all,
    recipes: recipes.sort((a, b) => b.bytes - a.bytes || (a.recipe < b.recipe ? -1 : 1)),
    unused: total([...sizes.keys()].filter((digest) => !used.has(digest))),
    caches: await eachCache(ports, (cache) => cache.usage()),
  }
}

export interface StoreCleaning {
  removed: { entries: number; bytes: number }
  kept: { entries: number; bytes: number }
  /** The same of each cache. */
  caches: Caches<{ removed: CacheUsage; kept: CacheUsage }>
  dryRun: boolean
}

export interface CleaningOptions {
  days: number
  dryRun: boolean
  /** Recipes whose needs alone count; then what came in today goes, too, and all of the caches. */
  only?: readonly string[] | undefined
}

/**
 * Removes what nobody needs: neither a lock of this project, nor any lock that was fetched in the last `days`, nor
 * a run of the last day. And what the caches have that was not used in these days, or is more than they may hold.
 */
export async function cleanStore(
  ports: Project & Artifacts & Cache,
  { days, dryRun, only }: CleaningOptions,
): Promise<StoreCleaning> {
  const { store } = ports
  const now = Date.now()
  const oldest = new Date(now - days * DAY)
  const counts = (recipe: string) => only === undefined || only.includes(recipe)
  const projects = await projectDigests(ports.directory)
  const needed = new Set(projects.flatMap(([recipe, digests]) => (counts(recipe) ? digests : [])))
  for (const { recipe, digests, last } of await readUses(store.directory)) {
    if (counts(recipe) && (only !== undefined || last >= oldest))
      for (const digest of digests) needed.add(digest)
  }
  const removed = { entries: 0, bytes: 0 }
  const kept = { entries: 0, bytes: 0 }
  for await (const { sha256, size, since } of store.entries()) {
    const isSettled = only !== undefined || now - since.getTime() >= SETTLED_AFTER
    const keep = needed.has(sha256) || !isSettled
    if (!keep && !dryRun) await store.discard(sha256)
    const side = keep ? kept : removed
    side.entries += 1
    side.bytes += size
  }
  if (!dryRun) await forgetUses(store.directory, oldest)
  const since = only === undefined ? oldest : new Date(now)
  const caches = await eachCache(ports, (cache) => cache.clean(since, { dryRun }))
  return { removed, kept, caches, dryRun }
}

/** @throws {StillroomError} LOCK_INVALID, LOCK_VERSION: what a lock needs that can't be read is not known, so nothing is removed */
async function projectDigests(directory: string): Promise<[recipe: string, digests: string[]][]> {
  const found: [string, string[]][] = []
  for (const recipe of await listRecipes(directory)) {
    const lock = await readLock(directory, recipe)
    if (lock) found.push([recipe, Object.values(lock.platforms).flatMap(lockedDigests)])
  }
  return found
}

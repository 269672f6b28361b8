import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from '../../error.ts'
import { writing } from '../../store/disk.ts'
import type { Artifacts, Cache, Project } from '../ports.ts'
import { readRecords } from '../run/task-record.ts'
import { cleanStore } from '../store/store-usage.ts'
import type { PruneItem, PruneOptions } from './prune-item.ts'

/**
 * What lies in the cache directory, but for engines.
 *
 * @param users processes that use it now: build contexts and what was put aside may be theirs
 */
export async function findInCache(
  ports: Project & Artifacts & Cache,
  options: PruneOptions,
  users: readonly number[],
): Promise<PruneItem[]> {
  const used = users.length > 0 ? `process ${users.join(', ')} may use it` : null
  return [
    ...(await storeItems(ports, options, used)),
    await directory(ports, 'contexts', 'build contexts', 'contexts', used),
    await directory(ports, 'contexts', 'unpacked packages for them', 'derived', used),
    await directory(ports, 'temporary', 'repositories being fetched', 'git', used),
    await directory(ports, 'temporary', 'images being fetched', 'spool', used),
    await directory(ports, 'temporary', 'where builders find contexts', 'builder-paths', used),
    ...(await taskItems(ports)),
  ]
}

async function storeItems(
  ports: Project & Artifacts & Cache,
  { days, all, keep }: PruneOptions,
  used: string | null,
): Promise<PruneItem[]> {
  const only = all && used === null ? keep : undefined
  const plan = await cleanStore(ports, { days, dryRun: true, only })
  const why =
    used !== null && all
      ? used
      : only
        ? `needed by ${keep.join(', ')}`
        : 'needed by locks, or new since yesterday'
  const caches = Object.entries(plan.caches)
  let cleaning: Promise<unknown> | undefined
  const clean = async () => {
    cleaning ??= cleanStore(ports, { days, dryRun: false, only })
    await cleaning
  }
  return [
    { kind: 'artifacts', what: 'artifacts', bytes: plan.kept.bytes, keptFor: why },
    {
      kind: 'artifacts',
      what: 'artifacts that no lock needs',
      bytes: plan.removed.bytes,
      keptFor: null,
      remove: clean,
    },
    ...caches.flatMap(([name, { kept, removed }]): PruneItem[] => [
      {
        kind: 'cache',
        what: `cache of ${name}`,
        bytes: kept.bytes,
        keptFor: `used in the last ${days} days`,
      },
      { kind: 'cache', what: `cache of ${name}`, bytes: removed.bytes, keptFor: null, remove: clean },
    ]),
  ]
}

async function directory(
  { cache }: Cache,
  kind: PruneItem['kind'],
  what: string,
  name: string,
  keptFor: string | null,
): Promise<PruneItem> {
  const path = join(cache, name)
  const remove = async () => {
    for (const entry of (await readdir(path).catch(unlessMissing)) ?? [])
      await writing(path, () => rm(join(path, entry), { recursive: true, force: true }))
  }
  return { kind, what, bytes: await ownBytes(path, name === 'derived'), keptFor, remove }
}

/** What files take; of those with several names only where it is asked for: the others are links to the store. */
async function ownBytes(path: string, linked: boolean): Promise<number> {
  let sum = 0
  for (const entry of (await readdir(path, { recursive: true, withFileTypes: true }).catch(unlessMissing)) ??
    []) {
    if (!entry.isFile()) continue
    const found = await stat(join(entry.parentPath, entry.name)).catch(unlessMissing)
    if (found && (linked || found.nlink === 1)) sum += found.blocks * 512
  }
  return sum
}

async function taskItems({ cache }: Cache): Promise<PruneItem[]> {
  const records = await readRecords(cache)
  return Promise.all(
    records.map(async ({ recipe, task, state, log }): Promise<PruneItem> => {
      const what = `what task ${task} of ${recipe} has written`
      const { size = 0 } = (await stat(log).catch(unlessMissing)) ?? {}
      const runs = state === 'running' || state === 'elsewhere'
      const place = join(log, '..')
      return {
        kind: 'tasks',
        what,
        bytes: size,
        keptFor: runs ? 'it runs' : null,
        remove: () => writing(place, () => rm(place, { recursive: true, force: true })),
      }
    }),
  )
}

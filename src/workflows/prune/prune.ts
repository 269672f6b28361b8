import { emptyCache } from '../../store/cache-users.ts'
import type { Session } from '../session.ts'
import { findEngines } from './find-engines.ts'
import { findInCache } from './find-in-cache.ts'
import { findInEngine } from './find-in-engine.ts'
import type { PruneItem, PruneOptions } from './prune-item.ts'

export interface PruneResult {
  /** What stillroom has on this machine; `keptFor` says why something stays, and is null for what goes. */
  items: Omit<PruneItem, 'remove'>[]
  /** In bytes, about. */
  frees: number
  /** Whether it was removed; else this was only a plan. */
  removed: boolean
}

/**
 * Finds what stillroom has on this machine, and removes what nothing needs. A build that runs meanwhile loses nothing, and
 * one that begins waits until the end.
 *
 * @param agree asked before anything is removed
 * @throws {StillroomError} LOCK_INVALID, LOCK_VERSION: what a lock needs that can't be read is not known; ENGINE_*,
 *   NOT_WRITABLE
 */
export async function prune(
  session: Session,
  options: PruneOptions,
  agree: (plan: PruneResult) => Promise<boolean>,
): Promise<PruneResult> {
  const cautious = await findAll(session, options, [])
  const plan = { items: cautious.map(withoutRemove), frees: freed(cautious), removed: false }
  if (!(await agree(plan))) return plan
  await using emptying = await emptyCache(session.cache)
  // found again: meanwhile somebody may have come to need something
  const items = await findAll(session, options, emptying.users)
  for (const { keptFor, remove, what } of items) {
    if (keptFor !== null || !remove) continue
    session.signal.throwIfAborted()
    session.progress({ kind: 'status', text: what })
    await remove()
  }
  return { items: items.map(withoutRemove), frees: freed(items), removed: true }
}

async function findAll(
  session: Session,
  options: PruneOptions,
  users: readonly number[],
): Promise<PruneItem[]> {
  const cache = await findInCache(session, options, users)
  const engine = await findInEngine(session, options, users)
  const engines = await findEngines(session, options, users)
  // an image that shares all of its layers takes nothing, and is there all the same
  return [...engine, ...engines, ...cache].filter(({ bytes, kind }) => bytes !== 0 || kind === 'image')
}

const withoutRemove = ({ remove: _, ...item }: PruneItem) => item

const freed = (items: readonly PruneItem[]) =>
  items.reduce((sum, { bytes, keptFor }) => sum + (keptFor === null ? (bytes ?? 0) : 0), 0)

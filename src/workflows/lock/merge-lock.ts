import { readFile } from 'node:fs/promises'
import { StillroomError } from '../../error.ts'
import { type MergeConflict, mergeLocks } from '../../lock/merge/merge-locks.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import type { Lockfile } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import { writeFileAtomic } from '../../store/disk.ts'

/** Paths of the three files that git gives to a merge driver: `%O %A %B`. */
export interface MergeFiles {
  base: string
  ours: string
  theirs: string
}

export interface MergeLockResult {
  recipe: string
  outcome: 'merged' | 'conflict'
  /** Why a new lock is needed. */
  conflicts: MergeConflict[]
}

/**
 * Merges two lockfiles by meaning, and writes the result to `ours`, which stays as it is when there are conflicts.
 *
 * @throws {StillroomError} LOCK_MISSING, LOCK_INVALID, LOCK_VERSION; DISK_FULL, NOT_WRITABLE
 */
export async function mergeLock(files: MergeFiles): Promise<MergeLockResult> {
  const [base, ours, theirs] = await Promise.all([
    readBase(files.base),
    readSide(files.ours, 'ours'),
    readSide(files.theirs, 'theirs'),
  ])
  const merged = mergeLocks(base, ours, theirs)
  const { recipe } = ours
  if (merged.kind === 'conflict') return { recipe, outcome: 'conflict', conflicts: merged.conflicts }
  const text = serializeLock(merged.lock)
  parseLock(text, 'the merged lockfile')
  await writeFileAtomic(files.ours, text)
  return { recipe, outcome: 'merged', conflicts: [] }
}

/** git gives an empty file when both sides added the lockfile. */
async function readBase(path: string): Promise<Lockfile | undefined> {
  const text = await readText(path)
  return text === '' ? undefined : parseLock(text, `base (${path})`)
}

async function readSide(path: string, side: string): Promise<Lockfile> {
  return parseLock(await readText(path), `${side} (${path})`)
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause
    throw new StillroomError('LOCK_MISSING', `cannot merge: there is no lockfile "${path}"`, { cause })
  })
}

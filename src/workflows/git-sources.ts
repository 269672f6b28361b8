import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../error.ts'
import type { LockedGit, LockedPlatform } from '../lock/schema.ts'
import type { GitStep } from '../recipe/schema.ts'
import type { LfsDownload } from '../resolve/git/lfs-batch.ts'
import { type GitOptions, refetchGit, resolveGit } from '../resolve/git/resolve-git.ts'
import { fetchArtifacts } from '../store/fetch-artifacts.ts'
import type { Session } from './session.ts'

/** Pins a git step, and keeps its archive. @throws {StillroomError} as `resolveGit` */
export async function lockGit(session: Session, step: GitStep): Promise<LockedGit> {
  session.progress({ kind: 'stage', title: `resolving ${step.url} ${step.ref}` })
  return resolveGit(step, await gitOptions(session))
}

/**
 * Makes those archives of a lock's git steps that the store lacks, from the commits that they are of.
 *
 * @throws {StillroomError} as `refetchGit`
 */
export async function fetchGitSteps(session: Session, { steps }: LockedPlatform): Promise<void> {
  for (const step of steps) {
    if (step.kind !== 'git' || (await session.store.verify(step))) continue
    session.progress({ kind: 'status', text: `${step.url} ${step.commit.slice(0, 12)}` })
    await refetchGit(step, await gitOptions(session)).catch((error: unknown) => {
      throw mismatchOf(step, error)
    })
  }
}

/** A commit's files cannot change: only how they are put together, or what git-lfs keeps for them. */
function mismatchOf({ url, commit }: LockedGit, error: unknown): unknown {
  if (!(error instanceof StillroomError) || error.code !== 'ARTIFACT_MISMATCH') return error
  return new StillroomError('ARTIFACT_MISMATCH', `archive of ${url} ${commit}: ${error.message}`, {
    hint: 'the lock was made by another stillroom, or edited: lock again with --upgrade and compare',
    ...(error.details === undefined ? {} : { details: error.details }),
  })
}

/** What fetching from git needs of this machine. */
export async function gitOptions(session: Session): Promise<GitOptions> {
  const { env, cache, store, signal } = session
  const { git, ca } = await session.sources()
  const temporary = join(cache, 'git')
  await mkdir(temporary, { recursive: true })
  return {
    env,
    mirrors: git,
    ca,
    temporary,
    signal,
    keep: (content, expected) => store.put(content, expected),
    fetchLarge: (downloads) => fetchLarge(session, downloads, ca),
  }
}

async function fetchLarge(
  { store, signal }: Session,
  downloads: readonly LfsDownload[],
  ca: string | undefined,
): Promise<(sha256: string) => string> {
  const artifacts = downloads.map(({ oid, size, url }) => {
    return { name: `git-lfs ${oid}`, file: oid, sha256: oid, size, origin: { kind: 'url' as const, url } }
  })
  await fetchArtifacts(artifacts, {
    store,
    signal,
    locate: async ({ sha256 }) =>
      downloads
        .filter(({ oid }) => oid === sha256)
        .map(({ url, headers }) => ({ url, headers, label: 'git-lfs', ...(ca === undefined ? {} : { ca }) })),
  })
  return (sha256) => store.path(sha256)
}

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ErrorCode, StillroomError } from '../../error.ts'
import { withOthers } from '../../lock/other-recipes.ts'
import type { LockedGit, LockedPlatform } from '../../lock/schema.ts'
import type { GitStep } from '../../recipe/schema.ts'
import type { LfsDownload } from '../../resolve/git/lfs-batch.ts'
import { type GitOptions, refetchGit, resolveGit } from '../../resolve/git/resolve-git.ts'
import { fetchArtifacts } from '../../store/fetch-artifacts.ts'
import type { Artifacts, Cache, Cancellation, Environment, Fetching, Reporting, Upstreams } from '../ports.ts'

/** Pins a git step, and keeps its archive. @throws {StillroomError} as `resolveGit` */
export async function lockGit(ports: Cache & Fetching, step: GitStep): Promise<LockedGit> {
  ports.progress({ kind: 'stage', title: `resolving ${step.url} ${step.ref}` })
  return resolveGit(step, await gitOptions(ports, noteArchive(ports)))
}

/**
 * Makes those archives of a lock's git steps that the store lacks, from the commits that they are of.
 *
 * @throws {StillroomError} as `refetchGit`
 */
export async function fetchGitSteps(ports: Cache & Fetching, locked: LockedPlatform): Promise<void> {
  for (const step of withOthers(locked).flatMap(({ steps }) => steps)) {
    if (step.kind !== 'git' || (await ports.store.verify(step))) continue
    ports.progress({ kind: 'status', text: `${step.url} ${step.commit.slice(0, 12)}` })
    await refetchGit(step, await gitOptions(ports, noteArchive(ports))).catch((error: unknown) => {
      throw failureOf(step, error)
    })
  }
}

const noteArchive =
  ({ progress }: Reporting) =>
  (swhid: string) =>
    progress({
      kind: 'note',
      text: `its repository gives it no more: ${swhid} came from the archive of commits`,
    })

const LIKELY: Partial<Record<ErrorCode, string>> = {
  GIT_COMMIT_GONE: 'a force-push, and a clean-up after it',
  GIT_REPOSITORY_GONE: 'moved, removed, or hidden from this login',
  GIT_LFS_GONE: 'removed from the git-lfs server, or never pushed there',
}

/** Names the archive that is missing besides what git says. */
function failureOf({ url, commit, sha256, size }: LockedGit, error: unknown): unknown {
  if (!(error instanceof StillroomError) || !/^(GIT|ARTIFACT|FETCH)_/.test(error.code)) return error
  const { code, hint, details } = error
  const likely = LIKELY[code] === undefined ? '' : `; likely ${LIKELY[code]}`
  const head = `could not get ${url} ${commit}: file "tree.tar", expected sha256 ${sha256}, ${size} bytes`
  // a commit's files cannot change: only how they are put together, or what git-lfs keeps for them
  const advice =
    code === 'ARTIFACT_MISMATCH'
      ? 'the lock was made by another stillroom, or edited: lock again with --upgrade and compare'
      : hint
  return new StillroomError(code, `${head}\n  ${error.message}${likely}`, {
    hint: advice,
    details,
    cause: error,
  })
}

/**
 * What fetching from git needs of this machine.
 *
 * @param onArchive is told of each commit that only the archive of commits had
 */
export async function gitOptions(
  ports: Environment & Cancellation & Cache & Artifacts & Upstreams,
  onArchive?: (swhid: string) => void,
): Promise<GitOptions> {
  const { env, cache, store, signal } = ports
  const { git, commitArchive, ca } = await ports.sources()
  const temporary = join(cache, 'git')
  await mkdir(temporary, { recursive: true })
  return {
    env,
    mirrors: git,
    ca,
    archive:
      commitArchive === undefined
        ? undefined
        : { url: commitArchive, ca, ...(onArchive && { onUse: onArchive }) },
    temporary,
    signal,
    keep: (content, expected) => store.put(content, expected),
    fetchLarge: (downloads) => fetchLarge(ports, downloads, ca),
  }
}

async function fetchLarge(
  { store, signal }: Cancellation & Artifacts,
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
        .map(({ url, headers }) => ({ url, headers, label: 'git-lfs', ca })),
  })
  return (sha256) => store.path(sha256)
}

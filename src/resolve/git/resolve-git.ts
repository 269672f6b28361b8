import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../error.ts'
import { tarHeader } from '../../formats/tar/write-tar.ts'
import type { LockedGit } from '../../lock/schema.ts'
import { trustedCertificates } from '../../net/trusted-certificates.ts'
import type { GitStep } from '../../recipe/schema.ts'
import { gitUrls, type Mirrors } from '../../sources/find-mirrors.ts'
import { firstGood } from '../../sources/first-good.ts'
import { archiveSnapshot } from './archive-snapshot.ts'
import type { CommitArchive } from './commit-archive.ts'
import { type LfsDownload, locateLfs } from './lfs-batch.ts'
import type { ObjectReader } from './object-reader.ts'
import { fetchCommit, findRef, type NamedRef, resolveRef } from './remote-repository.ts'
import { type GitRunner, gitRunner } from './run-git.ts'
import { pinsOf, type Snapshot, takeSnapshot } from './snapshot.ts'

export interface GitOptions {
  env: Readonly<Record<string, string | undefined>>
  /** See `gitUrls`. */
  mirrors: Mirrors
  /** Certificates (PEM) to trust besides the machine's own. */
  ca: string | undefined
  /** Where a commit is looked for that no source of its repository gives. */
  archive?: CommitArchive | undefined
  /** An existing directory for what is fetched; it is empty of it afterwards. */
  temporary: string
  signal: AbortSignal
  /** Takes an archive into the store; with `expected`, only that one. */
  keep: (
    content: AsyncIterable<Uint8Array>,
    expected?: { sha256: string; size: number },
  ) => Promise<{ sha256: string; size: number }>
  /** Fetches what git-lfs keeps, each verified, and gives the file by sha256. */
  fetchLarge: (downloads: readonly LfsDownload[]) => Promise<(sha256: string) => string>
  backoff?: number
}

/**
 * Pins a git step: finds the commit that its ref names now, fetches that with the user's own git, and keeps a
 * deterministic archive of it.
 *
 * @throws {StillroomError} GIT_REF_UNKNOWN, GIT_REF_AMBIGUOUS, GIT_PATH_UNKNOWN, GIT_COMMIT_GONE, GIT_REPOSITORY_GONE,
 *   GIT_LOGIN_REFUSED, GIT_FETCH_FAILED, GIT_OBJECT_INVALID, GIT_SUBMODULE_INVALID, GIT_LFS_GONE
 */
export async function resolveGit(step: GitStep, options: GitOptions): Promise<LockedGit> {
  const { url, ref, submodules, lfs, subdir } = step
  return withGit(options, async (runner, directory) => {
    const commit = await resolveRef(gitUrls(url, options.mirrors), ref, runner)
    return archive({ url, commit, submodules, lfs, subdir }, options, runner, directory)
  })
}

/**
 * Makes the archive of a locked git step again, wherever its ref has moved.
 *
 * @throws {StillroomError} ARTIFACT_MISMATCH when it is another than locked; as `resolveGit`
 */
export async function refetchGit(locked: LockedGit, options: GitOptions): Promise<void> {
  const { url, commit, size, sha256 } = locked
  const parts = { url, commit, submodules: locked.submodules.length > 0, lfs: locked.lfs.length > 0 }
  const expected = { sha256, size }
  const keep: GitOptions['keep'] = (content) => options.keep(content, expected)
  await withGit(options, (runner, directory) => archive(parts, { ...options, keep }, runner, directory))
}

/**
 * The refs that a git step's ref means now.
 *
 * @throws {StillroomError} GIT_REF_UNKNOWN; as `resolveGit`
 */
export async function presentRefs(
  { url, ref }: Pick<GitStep, 'url' | 'ref'>,
  options: GitOptions,
): Promise<NamedRef[]> {
  return withGit(options, (runner) => findRef(gitUrls(url, options.mirrors), ref, runner))
}

/**
 * Passes when one commit can still be fetched, for itself, from its repository or the archive of commits.
 *
 * @throws {StillroomError} GIT_COMMIT_GONE; as `resolveGit`
 */
export async function probeCommit(
  { url, commit }: { url: string; commit: string },
  options: GitOptions,
): Promise<void> {
  const { archive, mirrors } = options
  await withGit(options, (runner, directory) =>
    fetchCommit(directory, gitUrls(url, mirrors), commit, { ...runner, archive }),
  )
}

type Parts = Pick<GitStep, 'url' | 'submodules' | 'lfs' | 'subdir'> & { commit: string }

async function archive(
  { url, commit, submodules, lfs, subdir }: Parts,
  options: GitOptions,
  runner: GitRunner,
  directory: string,
): Promise<LockedGit> {
  const readers: ObjectReader[] = []
  const sourcesOf = (address: string) => gitUrls(address, options.mirrors)
  try {
    const { backoff, archive } = options
    const how = { ...runner, backoff, archive, directory, sourcesOf, submodules, lfs, readers }
    const snapshot = await takeSnapshot(url, commit, how)
    if (subdir !== undefined && !hasDirectory(snapshot, Buffer.from(subdir).toString('latin1'))) {
      throw new StillroomError(
        'GIT_PATH_UNKNOWN',
        `${url} has no directory "${subdir}" at commit ${commit}`,
        {
          hint: 'correct subdir in the recipe; one in a submodule needs submodules: true',
        },
      )
    }
    const pins = pinsOf(snapshot)
    const largeFile = await fetchLarge(snapshot, options, runner)
    const kept = await options.keep(archiveSnapshot(snapshot, tarHeader, largeFile))
    return { kind: 'git', url, commit, tree: snapshot.tree, ...pins, size: kept.size, sha256: kept.sha256 }
  } finally {
    for (const reader of readers) reader[Symbol.dispose]()
  }
}

async function fetchLarge(
  snapshot: Snapshot,
  options: GitOptions,
  runner: GitRunner,
): Promise<((sha256: string) => string) | undefined> {
  const all = flatten(snapshot).filter(({ lfs }) => lfs.size > 0)
  if (all.length === 0) return undefined
  const downloads: LfsDownload[] = []
  for (const { url, lfs } of all) {
    const objects = new Map([...lfs.values()].map(({ sha256, size }) => [sha256, { oid: sha256, size }]))
    const ask = (source: string) => locateLfs(source, [...objects.values()], { ...runner, ca: options.ca })
    // one source that has them all: a mirror may keep a repository without its large files
    downloads.push(...(await firstGood(gitUrls(url, options.mirrors), ask)))
  }
  return options.fetchLarge(downloads)
}

function hasDirectory({ leaves, submodules }: Snapshot, path: string): boolean {
  if (leaves.some((leaf) => leaf.path.startsWith(`${path}/`))) return true
  return [...submodules].some(
    ([at, inner]) =>
      (path === at && inner.leaves.length > 0) ||
      (path.startsWith(`${at}/`) && hasDirectory(inner, path.slice(at.length + 1))),
  )
}

function flatten(snapshot: Snapshot): Snapshot[] {
  return [snapshot, ...[...snapshot.submodules.values()].flatMap(flatten)]
}

async function withGit<T>(
  options: GitOptions,
  work: (runner: GitRunner & { backoff?: number | undefined }, directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(options.temporary, 'git-'))
  try {
    let certificates: string | undefined
    if (options.ca !== undefined) {
      certificates = join(directory, 'certificates.pem')
      await writeFile(certificates, `${trustedCertificates(options.ca).join('\n')}\n`)
    }
    return await work({ ...gitRunner(options, certificates), backoff: options.backoff }, directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

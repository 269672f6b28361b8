import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../error.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { type CommitArchive, commitSwhid, fetchFromArchive } from './commit-archive.ts'
import { followRedirects } from './follow-redirects.ts'
import { GitRefusal, type GitRunner, runGit, runLocalGit } from './run-git.ts'
import { refusalOf, type TryOptions, trySources } from './try-sources.ts'

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * The object that a ref of a remote repository names now: a branch, a tag (that of an annotated one is the commit
 * it is of), a full ref. A commit's id names itself, and nobody is asked.
 *
 * @param urls where the repository may be had, best first
 * @throws {StillroomError} GIT_REF_UNKNOWN; GIT_REF_AMBIGUOUS when a branch and a tag of that name differ; as
 *   `trySources`
 */
export async function resolveRef(
  urls: readonly string[],
  ref: string,
  runner: GitRunner & TryOptions,
): Promise<string> {
  if (isCommit(ref)) return ref
  const [first, second] = await findRef(urls, ref, runner)
  if (second !== undefined && second.id !== first.id) {
    throw new StillroomError(
      'GIT_REF_AMBIGUOUS',
      `${urls.at(-1)} has a branch and a tag "${ref}": ${first.id} and ${second.id}`,
      { hint: `write "${first.name}" or "${second.name}" in the recipe` },
    )
  }
  return first.id
}

/** Whether a recipe's ref is a commit's id, which names the same for ever. */
export function isCommit(ref: string): boolean {
  return COMMIT.test(ref)
}

/** A ref by its full name, and the object that it names: of an annotated tag, the commit it is of. */
export interface NamedRef {
  name: string
  id: string
}

/**
 * The refs of a remote repository that a short name means, a branch before a tag; one of its full name.
 *
 * @throws {StillroomError} GIT_REF_UNKNOWN; as `trySources`
 */
export async function findRef(
  urls: readonly string[],
  ref: string,
  runner: GitRunner & TryOptions,
): Promise<[NamedRef, ...NamedRef[]]> {
  const list = (url: string, at: GitRunner) => runGit(at, ['ls-remote', '--quiet', '--', url])
  const ask = (url: string) => followRedirects(url, runner, list)
  const listing = await trySources(urls, `asking for the refs of ${urls.at(-1)}`, ask, runner)
  const refs = parseListing(listing?.toString('utf8') ?? '')
  const names = ref === 'HEAD' || ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`]
  const [first, ...others] = names.flatMap((name) => {
    const id = refs.get(`${name}^{}`) ?? refs.get(name)
    return id === undefined ? [] : [{ name, id }]
  })
  if (first === undefined) throw unknownRef(urls.at(-1) ?? '', ref, refs)
  return [first, ...others]
}

function parseListing(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, id, name] = /^([0-9a-f]{40,64})\t(.+)$/.exec(line) ?? []
      return id === undefined || name === undefined ? [] : [[name, id]]
    }),
  )
}

function unknownRef(url: string, ref: string, refs: ReadonlyMap<string, string>): StillroomError {
  const short = [...refs.keys()]
    .filter((name) => /^refs\/(heads|tags)\//.test(name) && !name.endsWith('^{}'))
    .map((name) => name.replace(/^refs\/(heads|tags)\//, ''))
  const shown = short.slice(0, 10).join(', ') || 'none'
  const abbreviated = /^[0-9a-f]{7,39}$/.test(ref)
  return new StillroomError('GIT_REF_UNKNOWN', `${url} has no branch or tag "${ref}"`, {
    hint: abbreviated
      ? 'if it is a commit, write all its 40 digits'
      : `it has: ${shown}${short.length > 10 ? ` and ${short.length - 10} more` : ''}`,
  })
}

export interface FetchOptions extends GitRunner, TryOptions {
  /** Where a commit is looked for that no source of its repository gives. */
  archive?: CommitArchive | undefined
}

/**
 * Fetches one commit into a bare repository below a directory, alone where the server gives single commits, else with
 * all branches and tags; from an archive of commits when no source of the repository gives it.
 *
 * @param urls where the repository may be had, best first
 * @returns the repository's directory
 * @throws {StillroomError} GIT_COMMIT_GONE when no source has the commit; as `trySources`
 */
export async function fetchCommit(
  parent: string,
  urls: readonly string[],
  commit: string,
  runner: FetchOptions,
): Promise<string> {
  const directory = await mkdtemp(join(parent, 'repository-'))
  const format = commit.length === 64 ? ['--object-format=sha256'] : []
  await runLocalGit(runner, ['init', '--quiet', '--bare', '--template=', ...format, directory])
  const fetchFrom = (url: string, at: GitRunner, what: readonly string[]) =>
    runGit(at, [
      ...['-C', directory, 'fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--force'],
      ...what.filter((word) => word.startsWith('--')),
      '--',
      url,
      ...what.filter((word) => !word.startsWith('--')),
    ])
  const fetch = (from: string, ...what: string[]) =>
    followRedirects(from, runner, (url, at) => fetchFrom(url, at, what))
  const ask = async (url: string) => {
    try {
      await fetch(url, '--depth=1', commit)
    } catch (error) {
      if (!(error instanceof GitRefusal) || refusalOf(error.said) !== 'object') throw error
      // a server that gives only what its refs lead to
      await fetch(url, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*')
      await runGit(runner, ['-C', directory, 'cat-file', '-e', `${commit}^{commit}`]).catch((refused) => {
        throw refused instanceof GitRefusal ? new GitRefusal(`not our ref ${commit}`) : refused
      })
    }
    return directory
  }
  const url = urls.at(-1) ?? ''
  try {
    const found = await trySources(urls, `fetching commit ${commit} of ${url}`, ask, runner)
    if (found === undefined) throw commitGone(url, commit)
  } catch (error) {
    if (!(error instanceof StillroomError)) throw error
    await fetchArchived(directory, commit, runner, error)
  }
  return directory
}

/** @throws {StillroomError} `failure`, with what the archive said, when it gives no such commit */
async function fetchArchived(
  directory: string,
  commit: string,
  { archive, ...runner }: FetchOptions,
  failure: StillroomError,
): Promise<void> {
  const { code, message, hint, details } = failure
  const swhid = commitSwhid(commit)
  const failed = (more: string, advice: string) =>
    new StillroomError(code, `${message}${more}`, {
      hint: [hint, advice].filter((text) => text).join('; '),
      details: { ...details, swhid },
      cause: failure,
    })
  if (swhid === undefined) throw failure
  if (archive === undefined)
    throw failed(
      '',
      `Software Heritage may have it as ${swhid}, and was not asked: STILLROOM_SOFTWARE_HERITAGE (or sources.softwareHeritage) is "none"`,
    )
  const place = redactUrl(archive.url)
  let has: boolean
  try {
    has = await fetchFromArchive(directory, commit, archive, runner)
  } catch (error) {
    if (!(error instanceof StillroomError)) throw error
    throw failed(`\n  ${place}: ${error.message}`, '')
  }
  if (!has) throw failed(`\n  ${place} has no ${swhid}`, '')
}

function commitGone(url: string, commit: string): StillroomError {
  return new StillroomError('GIT_COMMIT_GONE', `${url} has no commit ${commit} (any more)`, {
    hint: 'a force-push and a clean-up take commits away. The store of a machine that has built the recipe has its files, and so may a mirror (STILLROOM_GIT_MIRRORS); or name a ref that is there and lock again: stillroom lock recipe NAME',
    details: { url, commit },
  })
}

import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../error.ts'
import { GitRefusal, type GitRunner, runGit } from './run-git.ts'
import { refusalOf, type TryOptions, tryPlaces } from './try-places.ts'

/**
 * Fetches one commit into a bare repository below a directory, alone where the server gives single commits, else with
 * all branches and tags.
 *
 * @param urls where the repository may be had, best place first
 * @returns the repository's directory
 * @throws {StillroomError} GIT_COMMIT_GONE when no place has the commit; as `tryPlaces`
 */
export async function fetchCommit(
  parent: string,
  urls: readonly string[],
  commit: string,
  runner: GitRunner & TryOptions,
): Promise<string> {
  const directory = await mkdtemp(join(parent, 'repository-'))
  const format = commit.length === 64 ? ['--object-format=sha256'] : []
  await local(runner, ['init', '--quiet', '--bare', '--template=', ...format, directory])
  const fetch = (url: string, ...what: string[]) =>
    runGit(runner, [
      ...['-C', directory, 'fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--force'],
      ...what.filter((word) => word.startsWith('--')),
      '--',
      url,
      ...what.filter((word) => !word.startsWith('--')),
    ])
  const ask = async (url: string) => {
    try {
      await fetch(url, '--depth=1', commit)
    } catch (error) {
      if (!(error instanceof GitRefusal) || refusalOf(error.said) !== 'object') throw error
      // a server that gives what its refs lead to, and nothing by name
      await fetch(url, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*')
      await runGit(runner, ['-C', directory, 'cat-file', '-e', `${commit}^{commit}`]).catch((refused) => {
        throw refused instanceof GitRefusal ? new GitRefusal(`not our ref ${commit}`) : refused
      })
    }
    return directory
  }
  const url = urls.at(-1) ?? ''
  const found = await tryPlaces(urls, `fetching commit ${commit} of ${url}`, ask, runner)
  if (found === undefined) {
    throw new StillroomError('GIT_COMMIT_GONE', `${url} has no commit ${commit} (any more)`, {
      hint: 'a force-push and a clean-up take commits away. The store of a machine that has built the recipe has its files, and so may a mirror (STILLROOM_GIT_MIRRORS); or name a ref that is there and lock again: stillroom lock recipe NAME',
      details: { url, commit },
    })
  }
  return found
}

/** What git does on this machine alone must work. */
export async function local(
  runner: GitRunner,
  args: readonly string[],
  input?: Uint8Array | string,
): Promise<Buffer> {
  try {
    return await runGit(runner, args, input)
  } catch (error) {
    if (!(error instanceof GitRefusal)) throw error
    throw new StillroomError('GIT_FETCH_FAILED', `git cannot work on what it fetched: ${error.said}`, {
      hint: 'check git itself: git --version (2.31 or newer)',
    })
  }
}

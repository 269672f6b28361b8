import { StillroomError } from '../../error.ts'
import { type GitRunner, runGit } from './run-git.ts'
import { type TryOptions, tryPlaces } from './try-places.ts'

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * The object that a ref of a remote repository names now: a branch, a tag (that of an annotated one is the commit
 * it is of), a full ref. A commit's id names itself, and nobody is asked.
 *
 * @param urls where the repository may be had, best place first
 * @throws {StillroomError} GIT_REF_UNKNOWN; GIT_REF_AMBIGUOUS when a branch and a tag of that name differ; as
 *   `tryPlaces`
 */
export async function resolveRef(
  urls: readonly string[],
  ref: string,
  runner: GitRunner & TryOptions,
): Promise<string> {
  if (COMMIT.test(ref)) return ref
  const ask = (url: string) => runGit(runner, ['ls-remote', '--quiet', '--', url])
  const listing = await tryPlaces(urls, `asking for the refs of ${urls.at(-1)}`, ask, runner)
  const refs = parseListing(listing?.toString('utf8') ?? '')
  const names = ref === 'HEAD' || ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`]
  const found = names.flatMap((name) => {
    const id = refs.get(`${name}^{}`) ?? refs.get(name)
    return id === undefined ? [] : [{ name, id }]
  })
  const [first, second] = found
  if (first === undefined) throw unknownRef(urls.at(-1) ?? '', ref, refs)
  if (second !== undefined && second.id !== first.id) {
    throw new StillroomError(
      'GIT_REF_AMBIGUOUS',
      `${urls.at(-1)} has a branch and a tag "${ref}": ${first.id} and ${second.id}`,
      { hint: `write "${first.name}" or "${second.name}" in the recipe` },
    )
  }
  return first.id
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

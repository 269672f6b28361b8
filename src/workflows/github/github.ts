import { z } from 'zod'
import { StillroomError } from '../../error.ts'
import { tryJson } from '../../formats/json/try-json.ts'
import { type Answer, askOnce } from '../../net/http-get.ts'
import { Unreachable } from '../../net/http-request.ts'
import { type Attempt, parseRetryAfter, retryOf, withRetries } from '../../net/retry.ts'

/** Where GitHub's REST API is asked, and for which repository. */
export interface GitHub {
  /** `https://HOST/...` without a slash at its end. */
  api: string
  /** Address of the same GitHub's GraphQL. */
  graphql?: string
  /** `OWNER/NAME`. */
  repository: string
  /** Never shown. */
  token: string
  signal: AbortSignal
  /** Milliseconds before the first retry; doubled each time. */
  backoff?: number
  /** The longest that a rate limit is waited for, in milliseconds. */
  patience?: number
}

export interface GitHubReply {
  status: number
  data: unknown
  /** Address of the next page, as the `Link` header says. */
  next: string | undefined
}

const RETRIES = 3
const PATIENCE = 90_000

/**
 * What a job of GitHub Actions knows about itself.
 *
 * @throws {StillroomError} USAGE when it is not one, or has no token
 */
export function gitHubOf(env: Readonly<Record<string, string | undefined>>, signal: AbortSignal): GitHub {
  const { GITHUB_API_URL: api, GITHUB_REPOSITORY: repository, GITHUB_TOKEN: token } = env
  const missing = Object.entries({ GITHUB_API_URL: api, GITHUB_REPOSITORY: repository, GITHUB_TOKEN: token })
    .filter(([, value]) => !value)
    .map(([name]) => name)
  if (!api || !repository || !token) {
    throw new StillroomError('USAGE', `cannot talk to GitHub: ${missing.join(', ')} not set`, {
      hint: 'run it in a job of GitHub Actions, with GITHUB_TOKEN: ${{ github.token }} in its env',
    })
  }
  const root = api.replace(/\/+$/, '')
  const graphql = env['GITHUB_GRAPHQL_URL'] || `${root.replace(/\/v3$/, '')}/graphql`
  return { api: root, graphql, repository, token, signal }
}

/** Who wrote a comment or an issue; null for an account that is gone. */
export const Author = z.object({ login: z.string() }).nullish()
type Author = z.infer<typeof Author>

const Viewer = z.object({ data: z.object({ viewer: z.object({ login: z.string() }) }) })
const User = z.object({ login: z.string() })

/** Whose a job's own token is. */
const JOB = 'github-actions[bot]'

/**
 * Those of some comments or issues that the token's own account wrote. A user's token says whose it is; an app's says it
 * to GraphQL alone, which is asked when the entries are not of the app that jobs have their tokens of.
 */
export async function ownEntries<T extends { user?: Author }>(
  gitHub: GitHub,
  entries: readonly T[],
): Promise<T[]> {
  if (entries.length === 0) return []
  const by = (login: string) =>
    entries.filter(({ user }) => user?.login.toLowerCase() === login.toLowerCase())
  const user = await askGitHub(gitHub, 'GET', `${gitHub.api}/user`)
  const known = user.status === 200 ? User.safeParse(user.data).data : undefined
  if (known !== undefined) return by(known.login)
  if (by(JOB).length > 0 || gitHub.graphql === undefined) return by(JOB)
  const viewer = await askGitHub(gitHub, 'POST', gitHub.graphql, { query: '{ viewer { login } }' })
  return by(Viewer.safeParse(viewer.data).data?.data.viewer.login ?? JOB)
}

/**
 * One request of GitHub's REST API. A rate limit is waited for as long as GitHub says, up to a limit; errors of the
 * server are tried again. Every other status is the caller's: 403 is what a fork's token gets.
 *
 * @param path below the repository: `/issues?state=open`, or a whole address of the same API or of its GraphQL
 * @param done looked at before a request is sent again: the reply, if the one that failed had its effect after all
 * @throws {StillroomError} GITHUB_FAILED when it does not answer, or its limit lasts too long
 */
export async function askGitHub(
  gitHub: GitHub,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: unknown,
  done?: () => Promise<GitHubReply | undefined>,
): Promise<GitHubReply> {
  const { api, repository, signal, backoff = 1000, patience = PATIENCE } = gitHub
  const url = path.startsWith('/') ? `${api}/repos/${repository}${path}` : path
  if (!url.startsWith(`${api}/`) && url !== gitHub.graphql)
    throw failed(method, path, `it leads away from ${api}`)
  let tries = 0
  const attempt = async (): Promise<Attempt<GitHubReply, string>> => {
    const made = tries > 0 ? await done?.() : undefined
    if (made) return { done: made }
    tries += 1
    return request(gitHub, method, url, body)
  }
  const timing = { retries: RETRIES, backoff, retryAfterCap: patience }
  const result = await withRetries(url, attempt, { signal, timing })
  if ('done' in result) return result.done
  throw failed(method, path, `${result.failure}, after ${tries === 1 ? '1 try' : `${tries} tries`}`)
}

/** Every entry of a list, page by page. @throws {StillroomError} GITHUB_FAILED, also for a status other than success */
export async function listGitHub(gitHub: GitHub, path: string): Promise<unknown[]> {
  const entries: unknown[] = []
  let next: string | undefined = path
  while (next !== undefined) {
    const reply: GitHubReply = await askGitHub(gitHub, 'GET', next)
    if (reply.status !== 200 || !Array.isArray(reply.data))
      throw failed('GET', path, `HTTP status ${reply.status}`, { status: reply.status })
    entries.push(...reply.data)
    next = reply.next
  }
  return entries
}

async function request(
  { token, signal, patience = PATIENCE }: GitHub,
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  body: unknown,
): Promise<Attempt<GitHubReply, string>> {
  const headers = {
    accept: 'application/vnd.github+json',
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'user-agent': 'stillroom',
    'x-github-api-version': '2022-11-28',
  }
  const options = {
    method,
    signal,
    redirects: 0,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }
  const answer = await askOnce({ url, headers }, options).catch((error) => {
    if (error instanceof Unreachable) return error
    throw error
  })
  if (answer instanceof Unreachable)
    return { failure: answer.message, retry: answer.permanent ? 'no' : 'later' }
  const { status, header } = answer
  const text = Buffer.from(answer.body).toString()
  if (status === 429 || (status === 403 && isLimit(answer, text))) {
    const after = limitWait(answer)
    const failure = `HTTP status ${status}, its rate limit; it asks to wait ${Math.ceil(after / 1000)} s`
    return { failure, retry: after > patience ? 'no' : { after } }
  }
  const retry = retryOf(answer)
  if (retry !== 'no') return { failure: `HTTP status ${status}`, retry }
  const next = /<([^>]+)>;\s*rel="next"/.exec(header('link') ?? '')?.[1]
  return { done: { status, data: tryJson(text), next } }
}

type Headers = Pick<Answer, 'header'>

/** A 403 is a rate limit when it says when to come back, that nothing is left, or, as secondary limits may, in words. */
function isLimit({ header }: Headers, text: string): boolean {
  return (
    header('retry-after') !== undefined || header('x-ratelimit-remaining') === '0' || /rate limit/i.test(text)
  )
}

function limitWait({ header }: Headers): number {
  const after = parseRetryAfter(header('retry-after'), Date.now())
  if (after !== undefined) return after
  const reset = Number(header('x-ratelimit-reset') ?? Number.NaN)
  return Number.isFinite(reset) ? Math.max(0, reset * 1000 - Date.now()) : 60_000
}

function failed(
  method: string,
  path: string,
  reason: string,
  details: { status?: number } = {},
): StillroomError {
  return new StillroomError('GITHUB_FAILED', `GitHub rejected ${method} ${path}: ${reason}`, {
    details,
    hint: "see GitHub's status page, and the permissions of the job's token; then run it again",
  })
}

import { setTimeout as delay } from 'node:timers/promises'
import { StillroomError } from '../../error.ts'

/** Where GitHub's REST API is asked, and for which repository. */
export interface GitHub {
  /** `https://HOST/...` without a slash at its end. */
  api: string
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

const TRIES = 4
const PATIENCE = 90_000

/**
 * What a job of GitHub Actions is told about itself.
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
  return { api: api.replace(/\/+$/, ''), repository, token, signal }
}

/**
 * One request of GitHub's REST API. A rate limit is waited for as long as GitHub says, up to a bound; errors of the
 * server are tried again. Every other status is the caller's: 403 is what a fork's token gets.
 *
 * @param path below the repository: `/issues?state=open`, or a whole address of the same API
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
  if (!url.startsWith(`${api}/`)) throw failed(method, path, `it leads away from ${api}`)
  for (let attempt = 1; ; attempt += 1) {
    const { wait, reason, reply } = await request(gitHub, method, url, body)
    if (reply) return reply
    const pause = wait ?? backoff * 2 ** (attempt - 1)
    if (attempt >= TRIES || pause > patience) {
      const limit = wait === undefined ? '' : `; it asks to wait ${Math.ceil(wait / 1000)} s`
      throw failed(method, path, `${reason}${limit}, after ${attempt === 1 ? '1 try' : `${attempt} tries`}`)
    }
    await delay(pause, undefined, { signal })
    const found = await done?.()
    if (found) return found
  }
}

/** Every entry of a list, page by page. @throws {StillroomError} GITHUB_FAILED, also for a status that is no success */
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
  { token, signal }: GitHub,
  method: string,
  url: string,
  body: unknown,
): Promise<{ wait?: number; reason?: string; reply?: GitHubReply }> {
  const { default: makeFetchHappen } = await import('make-fetch-happen')
  const options = {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'user-agent': 'stillroom',
      'x-github-api-version': '2022-11-28',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    retry: false,
    redirect: 'error',
    cache: 'no-store',
    timeout: 30_000,
    // its types lack it
    signal,
  }
  const response = await makeFetchHappen(url, options as never).catch((error: Error & { code?: string }) => {
    if (signal.aborted) throw signal.reason
    return error
  })
  if (response instanceof Error) return { reason: response.code ?? response.message }
  const { status, headers } = response
  if (status >= 500) return { reason: `HTTP status ${status}` }
  const text = await response.text()
  const limited = status === 429 || (status === 403 && isLimit(headers, text))
  if (limited) return { reason: `HTTP status ${status}, its rate limit`, wait: limitWait(headers) }
  const next = /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1]
  return { reply: { status, data: parse(text), next } }
}

interface Headers {
  get(name: string): string | null
}

/** A 403 is a rate limit when it says when to come back, that nothing is left, or, as secondary limits may, in words. */
function isLimit(headers: Headers, text: string): boolean {
  return (
    headers.get('retry-after') !== null ||
    headers.get('x-ratelimit-remaining') === '0' ||
    /rate limit/i.test(text)
  )
}

function limitWait(headers: Headers): number {
  const after = Number(headers.get('retry-after') ?? Number.NaN)
  if (Number.isFinite(after)) return Math.max(0, after * 1000)
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN)
  return Number.isFinite(reset) ? Math.max(0, reset * 1000 - Date.now()) : 60_000
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function failed(
  method: string,
  path: string,
  reason: string,
  details: { status?: number } = {},
): StillroomError {
  return new StillroomError('GITHUB_FAILED', `GitHub did not take ${method} ${path}: ${reason}`, {
    details,
    hint: "see GitHub's status page, and the permissions of the job's token; then run it again",
  })
}

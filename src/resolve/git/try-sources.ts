import { setTimeout as delay } from 'node:timers/promises'
import { type ErrorCode, StillroomError } from '../../error.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { GitRefusal, ownershipHint } from './run-git.ts'

/** What a source's refusal means, by git's own words (2.30 to 2.50, LC_ALL=C). */
export type Refusal = 'login' | 'repository' | 'object' | 'certificate' | 'owner' | 'other'

const WORDS: [Refusal, RegExp][] = [
  [
    'object',
    /not our ref|unadvertised object|remote did not send|couldn't find remote ref|no such remote ref|could not fetch [0-9a-f]{40}|expected .*unborn/i,
  ],
  ['owner', /dubious ownership/],
  ['certificate', /certificate|Host key verification failed|SSL /i],
  [
    'login',
    /could not read (Username|Password)|Authentication failed|Access denied|Permission denied|returned error: 40[13]|terminal prompts disabled/i,
  ],
  [
    'repository',
    /repository .*not found|returned error: 404|not appear to be a git repository|No such file or directory|not found: did you run/i,
  ],
]

export function refusalOf(said: string): Refusal {
  return WORDS.find(([, words]) => words.test(said))?.[0] ?? 'other'
}

export interface TryOptions {
  signal: AbortSignal
  /** Milliseconds before the second try; doubled each time. 1000 by default. */
  backoff?: number | undefined
}

const TRIES = 3

/**
 * Asks one source after the other, best first, and each again when it failed in a way that may pass.
 *
 * @param doing for messages: `finding ref "main"`
 * @returns undefined when all sources answer that they have no such object
 * @throws {StillroomError} GIT_LOGIN_REFUSED, GIT_REPOSITORY_GONE, GIT_FETCH_FAILED when none gave it
 */
export async function trySources<T>(
  urls: readonly string[],
  doing: string,
  ask: (url: string) => Promise<T>,
  { signal, backoff = 1000 }: TryOptions,
): Promise<T | undefined> {
  const refusals: { url: string; kind: Refusal; said: string }[] = []
  for (const url of urls) {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      try {
        return await ask(url)
      } catch (error) {
        if (!(error instanceof GitRefusal)) throw error
        const kind = refusalOf(error.said)
        if (kind === 'other' && attempt < TRIES) {
          await delay(backoff * 2 ** (attempt - 1), undefined, { signal })
          continue
        }
        refusals.push({ url, kind, said: error.said })
        break
      }
    }
  }
  if (refusals.every(({ kind }) => kind === 'object')) return undefined
  throw failure(doing, refusals)
}

function failure(
  doing: string,
  refusals: readonly { url: string; kind: Refusal; said: string }[],
): StillroomError {
  const kinds = refusals.map(({ kind }) => kind)
  const said = refusals.map(({ url, said: words }) => `  ${redactUrl(url)}: ${words}`).join('\n')
  const message = `git failed while ${doing}:\n${said}`
  const details = { places: refusals.map(({ url, kind }) => ({ url: redactUrl(url), kind })) }
  const owner = refusals.map(({ said: words }) => ownershipHint(words)).find((each) => each !== undefined)
  if (owner !== undefined) return new StillroomError('GIT_FETCH_FAILED', message, { hint: owner, details })
  const { code, hint } = FAILURES.find(({ when }) => when(kinds)) ?? UNKNOWN
  return new StillroomError(code, message, { hint, details })
}

/** What all refusals together mean, and what to do; the first that holds counts. */
const FAILURES: { when: (kinds: Refusal[]) => boolean; code: ErrorCode; hint: string }[] = [
  {
    when: (kinds) => kinds.includes('login'),
    code: 'GIT_LOGIN_REFUSED',
    hint: 'log in as for git clone (ssh agent, credential helper, GIT_ASKPASS), or set STILLROOM_GIT_TOKENS="https://HOST/=TOKEN"',
  },
  {
    when: (kinds) => kinds.includes('certificate'),
    code: 'GIT_FETCH_FAILED',
    hint: 'name the certificate authority in SSL_CERT_FILE or in sources.ca of stillroom.config.ts',
  },
  {
    when: (kinds) => kinds.every((kind) => kind === 'repository' || kind === 'object'),
    code: 'GIT_REPOSITORY_GONE',
    hint: 'if it has moved, name its new address in the recipe, or a mirror in STILLROOM_GIT_MIRRORS; the store of a machine that has built the recipe has its files',
  },
]
const UNKNOWN = {
  code: 'GIT_FETCH_FAILED',
  hint: 'check that git can reach it from here: git ls-remote URL',
} as const

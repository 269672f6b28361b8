import { execFile } from 'node:child_process'
import { StillroomError } from '../../error.ts'
import { redactUrl } from '../../net/redact-url.ts'

/** How git is run for one piece of work: see `gitRunner`. */
export interface GitRunner {
  /** All that git gets of an environment. */
  env: Record<string, string>
  /** What must not be shown, even if git prints it. */
  secrets: readonly string[]
  signal: AbortSignal
  /** More of git's own options, which come before its command. */
  options?: readonly string[]
}

/**
 * What to do when git refuses a repository because somebody else owns it: it would take that one's configuration.
 * Undefined when that is not why.
 */
export function ownershipHint(said: string): string | undefined {
  const [, path] = /dubious ownership in repository at '([^']*)'/.exec(said) ?? []
  if (path === undefined) return undefined
  return `it belongs to another user; if you trust it: git config --global --add safe.directory '${path}'`
}

/** git said no: what it printed, without credentials. */
export class GitRefusal extends Error {
  readonly said: string
  constructor(said: string) {
    super(said)
    this.said = said
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Says which repository git works on, as in a hook's environment: ours are others (`git rev-parse --local-env-vars`); and how it
 * reads paths.
 */
const OF_A_REPOSITORY = [
  ...['GIT_DIR', 'GIT_WORK_TREE', 'GIT_IMPLICIT_WORK_TREE', 'GIT_COMMON_DIR', 'GIT_PREFIX', 'GIT_NAMESPACE'],
  ...['GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES', 'GIT_CONFIG'],
  ...[
    'GIT_SHALLOW_FILE',
    'GIT_GRAFT_FILE',
    'GIT_REPLACE_REF_BASE',
    'GIT_INTERNAL_SUPER_PREFIX',
    'GIT_ATTR_SOURCE',
  ],
  ...['LITERAL', 'GLOB', 'NOGLOB', 'ICASE'].map((how) => `GIT_${how}_PATHSPECS`),
]

/** Of a repository's own configuration, what would run programs or do more than is asked for. */
export const GIT_OPTIONS: readonly string[] = [
  ...['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'protocol.ext.allow=never', 'protocol.version=2'],
  ...['gc.auto=0', 'maintenance.auto=false', 'submodule.recurse=false', 'fetch.recurseSubmodules=false'],
  'advice.detachedHead=false',
].flatMap((setting) => ['-c', setting])

/** Reads two variables, so that a token is in no file and on no command line. */
const HELPER = (number: number) =>
  `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$STILLROOM_GIT_USER_${number}" "$STILLROOM_GIT_SECRET_${number}"; }; f`

/**
 * The one way in which git is run, on what was fetched and on the user's own repositories. Its environment is the
 * user's, with ssh agent, credential helpers, GIT_ASKPASS and `safe.directory` as they are, but no repository's; it asks
 * nothing on the terminal; with the tokens of STILLROOM_GIT_TOKENS, each for its host alone.
 * docs/decisions/0015-one-git.md says why.
 *
 * @param certificates a file of certificates (PEM) to trust
 * @throws {StillroomError} CONFIG_INVALID when STILLROOM_GIT_TOKENS can't be read
 */
export function gitRunner(
  { env, signal }: { env: Environment; signal: AbortSignal },
  certificates?: string,
): GitRunner {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OF_A_REPOSITORY.includes(entry[0]),
  )
  const result: Record<string, string> = {
    GIT_HTTP_LOW_SPEED_LIMIT: '1',
    GIT_HTTP_LOW_SPEED_TIME: '60',
    ...Object.fromEntries(kept),
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    LC_ALL: 'C',
    ...(certificates === undefined ? {} : { GIT_SSL_CAINFO: certificates }),
  }
  delete result.STILLROOM_GIT_TOKENS
  const tokens = parseTokens(env.STILLROOM_GIT_TOKENS ?? '')
  let count = Number(result.GIT_CONFIG_COUNT ?? 0)
  for (const [number, { prefix, user, secret }] of tokens.entries()) {
    result[`STILLROOM_GIT_USER_${number}`] = user
    result[`STILLROOM_GIT_SECRET_${number}`] = secret
    // an empty one first: the user's own helpers would otherwise be asked before
    for (const value of ['', HELPER(number)]) {
      result[`GIT_CONFIG_KEY_${count}`] = `credential.${prefix}.helper`
      result[`GIT_CONFIG_VALUE_${count}`] = value
      count += 1
    }
  }
  if (count > 0) result.GIT_CONFIG_COUNT = String(count)
  return { env: result, secrets: tokens.map(({ secret }) => secret), signal }
}

/**
 * Runs git and gives what it prints.
 *
 * @throws GitRefusal when git ends with an error; the signal's reason when that aborts
 */
export async function runGit(...words: Parameters<typeof tryGit>): Promise<Buffer> {
  const { printed, said } = await tryGit(...words)
  if (said !== undefined) throw new GitRefusal(redact(said, words[0].secrets))
  return printed
}

/**
 * The same; what git says when it ends with an error is all that it said, with what must not be shown.
 *
 * @throws the signal's reason when that aborts
 */
export async function tryGit(
  { env, signal, options: more = [] }: GitRunner,
  args: readonly string[],
  input: Uint8Array | string = '',
): Promise<{ printed: Buffer; said: string | undefined }> {
  signal.throwIfAborted()
  const result = await new Promise<{ printed: Buffer; said: string | undefined }>((resolve) => {
    const options = { env, encoding: 'buffer', signal, maxBuffer: 1 << 30 } as const
    const child = execFile('git', [...GIT_OPTIONS, ...more, ...args], options, (error, stdout, stderr) =>
      resolve({ printed: stdout, said: error ? stderr.toString('utf8') || error.message : undefined }),
    )
    // what git started may hold its pipes open after git has ended
    const leave = () => void [child.stdout, child.stderr].map((pipe) => pipe?.destroy())
    signal.addEventListener('abort', leave, { once: true })
    child.once('close', () => signal.removeEventListener('abort', leave))
    // git may end before it has read all: what it says of that counts
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
  signal.throwIfAborted()
  return result
}

/** What git prints, as text without its last newline; the refusal when git says no. @throws as `runGit`, else */
export async function askGit(...words: Parameters<typeof runGit>): Promise<string | GitRefusal> {
  try {
    return (await runGit(...words)).toString('utf8').replace(/\n$/, '')
  } catch (error) {
    if (error instanceof GitRefusal) return error
    throw error
  }
}

/** As `runGit`, for what git does with a repository that was fetched: it must work. @throws {StillroomError} GIT_FETCH_FAILED */
export async function runLocalGit(
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

/** `https://HOST[:PORT]/=[USER:]TOKEN`, several separated by spaces. */
function parseTokens(text: string): { prefix: string; user: string; secret: string }[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const match = /^(https?:\/\/[^/=@?#]+)\/?=(?:([^:]*):)?([^:]+)$/.exec(word)
      if (!match) {
        const shown = redactUrl(word.replace(/=.*/s, '=...'))
        throw new StillroomError(
          'CONFIG_INVALID',
          `cannot use STILLROOM_GIT_TOKENS: expected https://HOST/=[USER:]TOKEN, got "${shown}"`,
        )
      }
      const [, prefix = '', user = 'token', secret = ''] = match
      return { prefix, user, secret }
    })
}

function redact(text: string, secrets: readonly string[]): string {
  const shown = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), redactUrl(text))
  const lines = shown
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  return lines.slice(-6).join('; ')
}

import { StillroomError } from '../../error.ts'
import { redactUrl } from '../../net/redact-url.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Of a repository that git was started in, such as from a hook: ours are others. */
const OF_A_REPOSITORY = [
  ...['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY', 'GIT_COMMON_DIR', 'GIT_PREFIX'],
  ...[
    'GIT_ALTERNATE_OBJECT_DIRECTORIES',
    'GIT_SHALLOW_FILE',
    'GIT_GRAFT_FILE',
    'GIT_NAMESPACE',
    'GIT_CONFIG',
  ],
]

/** Reads two variables, so that a token is in no file and on no command line. */
const HELPER = (number: number) =>
  `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$STILLROOM_GIT_USER_${number}" "$STILLROOM_GIT_SECRET_${number}"; }; f`

/**
 * The environment of git: the user's own, with ssh agent, credential helpers and GIT_ASKPASS as they are, but asking
 * nothing on the terminal; with the tokens of STILLROOM_GIT_TOKENS, each for its host alone.
 *
 * @param certificates a file of certificates (PEM) to trust
 * @throws {StillroomError} CONFIG_INVALID when STILLROOM_GIT_TOKENS can't be read
 */
export function gitEnvironment(env: Environment, certificates?: string): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OF_A_REPOSITORY.includes(entry[0]),
  )
  const result: Record<string, string> = {
    GIT_HTTP_LOW_SPEED_LIMIT: '1',
    GIT_HTTP_LOW_SPEED_TIME: '60',
    ...Object.fromEntries(kept),
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_ATTR_NOSYSTEM: '1',
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
  return result
}

/** Secrets that must not be shown, whatever a program prints. */
export function gitSecrets(env: Environment): string[] {
  return parseTokens(env.STILLROOM_GIT_TOKENS ?? '').map(({ secret }) => secret)
}

/** `https://HOST[:PORT]/=[USER:]TOKEN`, several parted by blanks. */
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

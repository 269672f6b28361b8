/** Kinds of credentials by how they look; the first group, or else all of a match, is what is secret. */
const PATTERNS: { what: string; pattern: RegExp }[] = [
  { what: 'a private key', pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/ },
  {
    what: 'a token of a git host',
    pattern: /\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,})/,
  },
  { what: 'an access key of a cloud', pattern: /\b((?:AKIA|ASIA)[A-Z0-9]{16})\b/ },
  { what: 'a token of a chat', pattern: /\b(xox[abprs]-[A-Za-z0-9-]{10,})/ },
  { what: 'a token of a package index', pattern: /\b(pypi-[A-Za-z0-9_-]{40,}|npm_[A-Za-z0-9]{36})/ },
  { what: 'a login in an address', pattern: /\b[a-z][a-z0-9+.-]*:\/\/([^\s/:@"'$]*:[^\s/@"'$]+)@/i },
]

const SECRET_NAME =
  /(^|[_.-])(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)([_.-]|$)/i

/** Whether a variable or label by that name holds a credential. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !/(_FILE|_PATH|_DIR)$/i.test(name)
}

/** What a text holds that should stay secret: its kind, never the secret itself. */
export function findSecret(text: string): string | undefined {
  return PATTERNS.find(
    ({ pattern }) =>
      pattern.test(text) && [...text.matchAll(new RegExp(pattern, `${pattern.flags}g`))].some(isReal),
  )?.what
}

/** How manuals and comments write an address with a login: `http://username:password@host.com`. */
const EXAMPLE_LOGIN = /^[^\w:]*user(name)?[^\w:]*:[^\w:]*pass(w(or)?d)?[^\w:]*$/i

const isReal = ([, secret = '']: RegExpExecArray) => !EXAMPLE_LOGIN.test(secret)

/** A text with credentials left out. */
export function redact(text: string): string {
  let clean = text
  for (const { pattern } of PATTERNS)
    clean = clean.replaceAll(new RegExp(pattern, `${pattern.flags}g`), (match, group?: string) =>
      typeof group === 'string' ? match.replace(group, '(redacted)') : '(redacted)',
    )
  return clean.replaceAll(
    /\b(\w*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY)\w*)=("[^"]*"|'[^']*'|\S+)/gi,
    '$1=(redacted)',
  )
}

/** `NAME=value` or `name: value` at the end of a line, as shells and YAML have it; `NAME = "value"`, `"name": "value"` and their like anywhere. */
const SETTINGS = [
  /^[ \t]*(?:(?:export|declare -x|setenv|set -gx|ENV)[ \t]+)?(?:- )?(?<name>[\w.-]{3,64})(?:[= \t]|:[ \t]+)(?<value>[^\s"'$`<>(){}[\],;#]{4,})[ \t]*$/gm,
  // what is no name of a variable
  /^[ \t]*(?<name>[\w.-]{3,64})[ \t]+=[ \t]*(?![A-Za-z_.]+[ \t]*$)(?<value>[^\s"'$`<>(){}[\],;#]{4,})[ \t]*$/gm,
  /(?<![\w.-])(?<name>[\w.-]{3,64})["']?[ \t]*(?:=>?|:)[ \t]*(?<mark>["'])(?<value>[^"'\s$`<>(){}]{4,})\k<mark>/g,
]

/** What stands before the host of an address without a password is often a token. */
const USER_OF_ADDRESS = /\bhttps?:\/\/[^\s/@:"'`<>{}$*]{8,}@[\w.-]/

/**
 * Whether an option of a command line gives a password, token or key: `--api-key 0a1b`, `--token=0a1b`.
 */
export function givesSecret(words: readonly string[]): boolean {
  return words.some((word, i) => {
    const [, name = '', own] = /^--?([\w.-]+)(?:=(.*))?$/s.exec(word) ?? []
    const value = own ?? words[i + 1] ?? ''
    return isSecretName(name.replaceAll('-', '_')) && !/^(-|\$|$)/.test(value)
  })
}

/**
 * Whether a text sets something whose name says that it is a password, token or key to a value of its own. More than
 * {@link findSecret} this errs on the side of caution: it is for files of which nobody knows whose they are.
 */
export function setsSecret(text: string): boolean {
  if (USER_OF_ADDRESS.test(text)) return true
  return SETTINGS.some((pattern) =>
    [...text.matchAll(pattern)].some(({ groups }) => {
      const { name = '', value = '' } = groups ?? {}
      const isPlaceholder =
        /^(true|false|none|null|undefined|optional|required|string|bytes|number|integer|boolean|object|x+|\*+)$/i.test(
          value,
        )
      return isSecretName(name) && !isPlaceholder && value.toLowerCase() !== name.toLowerCase()
    }),
  )
}

import type { Machine } from './machine.ts'

type Environment = Readonly<Record<string, string | undefined>>
/** Puts the login that is known for a URL into it; one that has a login already stays as it is. */
export type AddLogin = (url: string) => string

const APT = '/etc/apt/auth.conf'

/** Logins of apt: auth.conf and auth.conf.d (apt_auth.conf(5)). What this user may not read is not used, as by apt. */
export async function aptLogins(machine: Machine): Promise<AddLogin> {
  const names = await machine.readDirectory(`${APT}.d`)
  const parts = names.filter((name) => name.endsWith('.conf')).map((name) => `${APT}.d/${name}`)
  const texts = await Promise.all([APT, ...parts].map((path) => machine.readFile(path)))
  const entries = texts.flatMap((text) => parseNetrc(text ?? ''))
  return withLogins(entries, matchesApt)
}

/** Logins of pip: NETRC, or netrc in the home directory. */
export async function netrcLogins(env: Environment, machine: Machine): Promise<AddLogin> {
  const home = env.HOME ? [`${env.HOME}/.netrc`, `${env.HOME}/_netrc`] : []
  for (const path of env.NETRC ? [env.NETRC] : home) {
    const text = await machine.readFile(path)
    if (text !== undefined) return withLogins(parseNetrc(text), matchesNetrc)
  }
  return (url) => url
}

function withLogins(
  entries: readonly NetrcEntry[],
  matches: (entry: NetrcEntry, url: URL) => boolean,
): AddLogin {
  return (text) => {
    if (!/^https?:/.test(text) || !URL.canParse(text)) return text
    const url = new URL(text)
    const entry = url.username === '' ? entries.find((candidate) => matches(candidate, url)) : undefined
    if (entry === undefined) return text
    url.username = encodeURIComponent(entry.login)
    url.password = encodeURIComponent(entry.password)
    return text.endsWith('/') ? url.href : url.href.replace(/\/+$/, '')
  }
}

/** `[SCHEME://]HOST[:PORT][/PATH]`; without a scheme it is for https alone, so that no password goes out in the open. */
function matchesApt({ machine }: NetrcEntry, url: URL): boolean {
  const [, scheme = 'https', host, port, path = ''] =
    /^(?:([a-z+]+):\/\/)?([^/:]+)(?::(\d+))?(\/.*)?$/i.exec(machine ?? '') ?? []
  if (host?.toLowerCase() !== url.hostname || `${scheme.toLowerCase()}:` !== url.protocol) return false
  return (port === undefined || port === portOf(url)) && url.pathname.startsWith(path)
}

function matchesNetrc({ machine }: NetrcEntry, url: URL): boolean {
  return machine === undefined || machine.toLowerCase() === url.hostname
}

function portOf({ port, protocol }: URL): string {
  return port === '' ? (protocol === 'https:' ? '443' : '80') : port
}

/** A login for one machine. */
interface NetrcEntry {
  /** As written; undefined for `default`, which stands for all others. */
  machine: string | undefined
  login: string
  password: string
}

/**
 * Reads the format of `~/.netrc` and of apt's `auth.conf`: words in any lines, quoted where they hold spaces; `#`
 * begins a comment; a `macdef` goes on to the next empty line. An entry without a password is skipped.
 */
function parseNetrc(text: string): NetrcEntry[] {
  const entries: Partial<NetrcEntry>[] = []
  const words = tokens(text.replace(/^[ \t]*macdef\b.*\n(?:.+\n?)*/gm, ''))
  for (let word = words.next(); !word.done; word = words.next()) {
    const last = entries.at(-1)
    const value = (): string => words.next().value ?? ''
    if (word.value === 'machine') entries.push({ machine: value() })
    else if (word.value === 'default') entries.push({ machine: undefined })
    else if (word.value === 'login' && last) last.login = value()
    else if (word.value === 'password' && last) last.password = value()
    else if (word.value === 'account') value()
  }
  return entries.flatMap(({ machine, login = '', password }) =>
    password === undefined ? [] : [{ machine, login, password }],
  )
}

function* tokens(text: string): Generator<string, undefined> {
  for (const [, comment, quoted, plain] of text.matchAll(/(#.*)|"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
    if (comment !== undefined) continue
    yield quoted?.replace(/\\(.)/g, '$1') ?? plain ?? ''
  }
}

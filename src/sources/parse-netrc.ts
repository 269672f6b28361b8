/** A login for one machine. */
export interface NetrcEntry {
  /** As written; undefined for `default`, which stands for all others. */
  machine: string | undefined
  login: string
  password: string
}

/**
 * Reads the format of `~/.netrc` and of apt's `auth.conf`: words in any lines, quoted where they hold blanks; `#`
 * begins a comment; a `macdef` goes on to the next empty line. An entry without a password is read over.
 */
export function parseNetrc(text: string): NetrcEntry[] {
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

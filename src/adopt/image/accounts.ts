/** Files of accounts, which are compared and put together line by line, by name. */
export const ACCOUNT_FILES: ReadonlySet<string> = new Set([
  'etc/passwd',
  'etc/group',
  'etc/shadow',
  'etc/gshadow',
  'etc/subuid',
  'etc/subgid',
])

/** Whether two files of accounts say the same, whatever the order and the days of last change. */
export function sameAccounts(path: string, a: Buffer | undefined, b: Buffer | undefined): boolean {
  // the day of the last change says when the account was made
  const lines = (content: Buffer) =>
    linesOf(content)
      .map((line) => (path === 'etc/shadow' ? line.replace(/^([^:]*:[^:]*:)\d*:/, '$1:') : line))
      .sort()
      .join('\n')
  return a !== undefined && b !== undefined && lines(a) === lines(b)
}

/**
 * A file of accounts as the image that is built must have it: its own lines, in which an account of the same numbers is as in the
 * original, and those that only the original has. No password goes along.
 *
 * @returns also the names of accounts whose password was left out
 */
export function mergeAccounts(
  path: string,
  original: Buffer,
  built: Buffer | undefined,
): { content: Buffer; passwords: string[] } {
  const passwords: string[] = []
  const theirs = new Map(linesOf(original).map((line) => [nameOf(line), line]))
  const own = built === undefined ? [] : linesOf(built)
  const known = new Set(own.map(nameOf))
  const kept = own.map((line) => {
    const other = theirs.get(nameOf(line))
    // programs of packages have been told these numbers
    return other !== undefined && numbersOf(path, other) === numbersOf(path, line) ? other : line
  })
  const added = [...theirs].filter(([name]) => !known.has(name)).map(([, line]) => line)
  const lines = [...kept, ...added].map((line) => withoutPassword(path, line, passwords))
  return { content: Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1'), passwords }
}

const nameOf = (line: string) => line.split(':', 1)[0] ?? ''

const linesOf = (content: Buffer) =>
  content
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')

function numbersOf(path: string, line: string): string {
  const fields = line.split(':')
  if (path === 'etc/passwd') return fields.slice(2, 4).join(':')
  return path === 'etc/group' ? (fields[2] ?? '') : ''
}

function withoutPassword(path: string, line: string, found: string[]): string {
  const fields = line.split(':')
  const password = fields[1] ?? ''
  if (path.startsWith('etc/sub') || password === 'x' || /^[!*]*$/.test(password)) return line
  found.push(fields[0] ?? '')
  return [fields[0], '!', ...fields.slice(2)].join(':')
}

import { type AttributeChange, isPlain } from './maintainer-scripts.ts'

/** What a line of tmpfiles.d(5) makes at a path, and who may do what with it then. */
export interface TmpfilesEffect {
  path: string
  /** Undefined of a line that changes what is there. */
  type?: 'file' | 'directory' | 'symlink'
  /** Of a symlink. */
  target?: string
  changes: AttributeChange[]
}

const TYPES: Record<string, TmpfilesEffect['type']> = {
  d: 'directory',
  D: 'directory',
  v: 'directory',
  q: 'directory',
  Q: 'directory',
  f: 'file',
  F: 'file',
  L: 'symlink',
}

/** Reads `type path mode user group age argument`: what systemd-tmpfiles makes when a package is set up. */
export function tmpfilesEffects(text: string): TmpfilesEffect[] {
  return text.split('\n').flatMap((line): TmpfilesEffect[] => {
    const words = (line.replace(/^\s*#.*/, '').match(/"[^"]*"|\S+/g) ?? []).map((word) =>
      word.replaceAll('"', ''),
    )
    const [what = '', path = '', mode = '-', user = '-', group = '-', , ...argument] = words
    const letter = what.charAt(0)
    const type = TYPES[letter]
    // %-specifiers are of a machine that runs
    if (!path.startsWith('/') || !isPlain(path) || path.includes('%')) return []
    if (type === undefined && !/^[zZe]$/.test(letter)) return []
    if (type === 'symlink') return [{ path, type, target: argument.join(' '), changes: [] }]
    const scope = letter === 'Z' ? { isDeep: true } : {}
    const changes: AttributeChange[] = []
    if (user !== '-' || group !== '-')
      changes.push({ kind: 'owner', path, ...scope, ...given('user', user), ...given('group', group) })
    if (mode !== '-') changes.push({ kind: 'mode', path, ...scope, text: mode.replace(/^[:~]+/, '') })
    return [{ path, ...(type === undefined ? {} : { type }), changes }]
  })
}

const given = <K extends string>(key: K, value: string) =>
  (value === '-' ? {} : { [key]: value.replace(/^:/, '') }) as { [key in K]?: string }

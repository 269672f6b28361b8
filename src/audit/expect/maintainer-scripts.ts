import type { Command } from './shell-commands.ts'

/** Whether a word means itself: no variable, no program's output, no pattern. */
export const isPlain = (word: string): boolean => /^[\w@%+=:,./-]+$/.test(word)

/** What an `update-alternatives --install` asks for; a slave is a name, its link, and where it leads. */
export interface AlternativeCall {
  name: string
  link: string
  path: string
  priority: string
  slaves: { name: string; link: string; path: string }[]
}

/** The alternatives that a script installs; undefined for each call with a word that is not plain. */
export function alternativeCalls(commands: readonly Command[]): (AlternativeCall | undefined)[] {
  return commands.flatMap(([program = '', ...words]) => {
    const at = words.indexOf('--install')
    return /(^|\/)update-alternatives$/.test(program) && at !== -1 ? [readCall(words.slice(at + 1))] : []
  })
}

function readCall(words: readonly string[]): AlternativeCall | undefined {
  if (!words.every(isPlain)) return undefined
  const [link, name, path, priority, ...rest] = words
  if (link === undefined || name === undefined || path === undefined || priority === undefined)
    return undefined
  const slaves = []
  for (let at = 0; at < rest.length; at += 4) {
    const [flag, to = '', slave = '', target = ''] = rest.slice(at, at + 4)
    if (flag !== '--slave' || target === '') return undefined
    slaves.push({ name: slave, link: to, path: target })
  }
  return { name, link, path, priority, slaves }
}

/** One thing that a script does to who may do what with a path. */
export type AttributeChange = {
  path: string
  /** A pattern (glob(7)): it does so to what has such a name in the directory `path`, and not to that. */
  names?: string
  /** Whether it does so to all that is in it, too. */
  isDeep?: boolean
  /** Set where it does so to a symlink itself, and not to what that leads to. */
  ofLinks?: true
} & (
  | { kind: 'mode'; text: string }
  | { kind: 'owner'; user?: string; group?: string }
  | { kind: 'capability'; text: string }
)

/** What a script's calls of chown, chgrp, chmod, install, mkdir, dpkg-statoverride and setcap do to paths that they name. */
export function attributeChanges(commands: readonly Command[]): AttributeChange[] {
  return commands.flatMap(([program = '', ...words]): AttributeChange[] => {
    const name = baseName(program)
    const args = words.filter((word) => !word.startsWith('-') && word !== '')
    const [first = '', ...paths] = args
    const isDeep = words.some((word) => /^-\w*R|^--recursive$/.test(word))
    const places = paths.flatMap((path) => placesOf(path, isDeep))
    switch (name) {
      case 'chown':
      case 'chgrp': {
        if (!isPlain(first)) return []
        const [user = '', group = ''] = name === 'chgrp' ? ['', first] : first.split(/[:.]/)
        // `user:` is the user's own group
        const own = group === '' && /[:.]$/.test(first) ? user : group
        const ofLinks = words.some((word) => /^-\w*h|^--no-dereference$/.test(word))
        return places.map((place) => ({
          ...{ kind: 'owner' as const, ...place, ...named(user, own) },
          ...(ofLinks && { ofLinks }),
        }))
      }
      case 'chmod':
        return places.map((place) => ({ kind: 'mode', ...place, text: first }))
      case 'setcap':
        return places.map((place) => ({ kind: 'capability', ...place, text: first }))
      case 'dpkg-statoverride': {
        const [user = '', group = '', text = '', path = ''] = args
        if (!words.includes('--add') || !path.startsWith('/') || ![user, group, text, path].every(isPlain))
          return []
        return [
          { kind: 'owner', path, ...named(user, group) },
          { kind: 'mode', path, text },
        ]
      }
      case 'mkdir':
      case 'install':
        return installed(words)
      default:
        return []
    }
  })
}

const baseName = (program: string) => program.slice(program.lastIndexOf('/') + 1)

/** Where an argument leads: its last part may be a pattern (`/etc/bind/named.conf*`), and no other. */
function placesOf(word: string, isDeep: boolean): Pick<AttributeChange, 'path' | 'names' | 'isDeep'>[] {
  const [, path = '', names = ''] = /^(\/.*)\/([^/]*)$/.exec(word) ?? []
  const place =
    word.startsWith('/') && isPlain(word)
      ? { path: word }
      : isPlain(path) && PATTERN.test(names)
        ? { path, names }
        : undefined
  return place === undefined ? [] : [{ ...place, ...(isDeep ? { isDeep } : {}) }]
}

const PATTERN = /^[\w@%+=:,.*?[\]!-]+$/

/** What a script makes that is empty at first: directories, and files by `touch` or of `/dev/null`. */
export function createdPaths(commands: readonly Command[]): { path: string; type: 'file' | 'directory' }[] {
  return commands.flatMap(([program = '', ...words]): { path: string; type: 'file' | 'directory' }[] => {
    const name = baseName(program)
    const { paths, isDirectory } = installArguments(words)
    if (name === 'mkdir' || (name === 'install' && isDirectory))
      return paths.flatMap((path) => parentsOf(path).map((each) => ({ path: each, type: 'directory' })))
    const isEmptied = name === 'install' && paths[0] === '/dev/null'
    const made = name === 'touch' ? paths : isEmptied ? paths.slice(1) : []
    return made.map((path) => ({ path, type: 'file' }))
  })
}

/** A path with the directories above it, which `mkdir -p` makes, too. */
function parentsOf(path: string): string[] {
  const names = path.split('/').filter(Boolean)
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)
}

/** Arguments of install(1), mkdir(1), touch(1): options, and the plain paths. */
function installArguments(words: readonly string[]): {
  options: Map<string, string>
  paths: string[]
  isDirectory: boolean
} {
  const options = new Map<string, string>()
  const paths: string[] = []
  let isDirectory = false
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (/^-\w*d\w*$|^--directory$/.test(word)) isDirectory = true
    const [, option, value] =
      /^-[a-zA-Z]*?([mog])([^\s]*)$/.exec(word) ?? /^--(mode|owner|group)(?:=(\S+))?$/.exec(word) ?? []
    if (option !== undefined && (value === undefined || value === '')) {
      at += 1
      options.set(option.charAt(0), words[at] ?? '')
    } else if (option !== undefined) options.set(option.charAt(0), value ?? '')
    else if (word.startsWith('/') && isPlain(word)) paths.push(word)
  }
  return { options, paths, isDirectory }
}

function installed(words: readonly string[]): AttributeChange[] {
  const { options, paths, isDirectory } = installArguments(words)
  const text = options.get('m')
  const targets = isDirectory ? paths : paths.slice(-1)
  return targets.flatMap((path) => [
    { kind: 'owner' as const, path, ...named(options.get('o') ?? '', options.get('g') ?? '') },
    ...(text === undefined ? [] : [{ kind: 'mode' as const, path, text }]),
  ])
}

const named = (user: string, group: string) => ({
  ...(user === '' ? {} : { user }),
  ...(group === '' ? {} : { group }),
})

/** Units that a script switches on or off with `deb-systemd-helper`: `fstrim.timer`. */
export function enabledUnits(commands: readonly Command[]): string[] {
  return commands
    .filter(([program = '', ...words]) => program.endsWith('deb-systemd-helper') && words.includes('enable'))
    .map((words) => words.at(-1) ?? '')
    .filter(isPlain)
}

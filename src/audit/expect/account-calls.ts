import { isPlain } from './maintainer-scripts.ts'
import type { Command } from './shell-commands.ts'

/** What a package says of an account: undefined where it says nothing, and a word with `$` where it can't be read. */
export type AccountCall =
  | UserCall
  | { kind: 'group'; name: string; isSystem: boolean; id?: string }
  | { kind: 'member'; user: string; group: string }

export interface UserCall {
  kind: 'user'
  name: string
  /** Whether it changes a user that is there. */
  isChange: boolean
  isSystem: boolean
  uid?: string
  /** The first group, by its name or number. */
  group?: string
  gecos?: string
  home?: string
  shell?: string
  /** What makes it: each has defaults of its own. */
  by: 'adduser' | 'useradd' | 'sysusers'
}

/** Options of adduser(8) and addgroup(8) that take a word. */
const LONG =
  /^--(home|shell|uid|gid|firstuid|lastuid|firstgid|lastgid|ingroup|gecos|comment|conf|add-extra-groups|groups)(?:=(.*))?$/s
/** Options of useradd(8), usermod(8) and groupadd(8) that take a word, by their long names. */
const SHORT: Record<string, string> = {
  b: 'base-dir',
  c: 'comment',
  d: 'home',
  e: 'expiredate',
  f: 'inactive',
  g: 'ingroup',
  G: 'groups',
  k: 'skel',
  K: 'key',
  p: 'password',
  s: 'shell',
  u: 'uid',
  l: 'login',
  R: 'root',
  P: 'prefix',
  A: 'administrators',
  M: 'members',
}
const USERADD =
  /^--(home-dir|home|comment|gid|groups|shell|uid|base-dir|expiredate|inactive|key|password|skel|root|prefix|login)(?:=(.*))?$/s

interface Arguments {
  options: Map<string, string>
  flags: Set<string>
  names: string[]
}

/** Options and names of a call, whatever order they come in. */
function readArguments(words: readonly string[], style: 'long' | 'short'): Arguments {
  const found: Arguments = { options: new Map(), flags: new Set(), names: [] }
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const [, long, value] = (style === 'long' ? LONG : USERADD).exec(word) ?? []
    const letters = /^-([a-zA-Z]+)$/.exec(word)?.[1]
    if (long !== undefined) {
      if (value === undefined) at += 1
      const name = { 'home-dir': 'home', gid: style === 'long' ? 'gid' : 'ingroup' }[long] ?? long
      found.options.set(name, value ?? words[at] ?? '')
    } else if (letters !== undefined && style === 'short') {
      for (const letter of letters) {
        const name = SHORT[letter]
        found.flags.add(letter)
        if (name === undefined) continue
        at += 1
        found.options.set(name, words[at] ?? '')
      }
    } else if (word.startsWith('-')) found.flags.add(word)
    else if (word !== '') found.names.push(word)
  }
  return found
}

/** Accounts that a script makes and changes by adduser, addgroup, useradd, groupadd, usermod, gpasswd and chsh. */
export function accountCalls(commands: readonly Command[]): AccountCall[] {
  return commands.flatMap(([program = '', ...words]) => {
    switch (program.slice(program.lastIndexOf('/') + 1)) {
      case 'adduser':
      case 'addgroup':
        return byAdduser(program.endsWith('group'), readArguments(words, 'long'))
      case 'useradd':
        return byUseradd(readArguments(words, 'short'), false)
      case 'usermod':
        return byUseradd(readArguments(words, 'short'), true)
      case 'groupadd':
      case 'groupmod':
        return byGroupadd(words)
      case 'gpasswd':
        return byGpasswd(words)
      case 'chsh': {
        const { options, names } = readArguments(words, 'short')
        return names.map((name): UserCall => ({ ...CHANGE, name, ...only({ shell: options.get('shell') }) }))
      }
      default:
        return []
    }
  })
}

const CHANGE = { kind: 'user', isChange: true, isSystem: false, by: 'useradd' } as const

function byAdduser(isGroup: boolean, { options, flags, names }: Arguments): AccountCall[] {
  const [name, second] = names
  if (name === undefined) return []
  const isSystem = flags.has('--system')
  const gid = options.get('gid')
  if (isGroup || (flags.has('--group') && !isSystem)) {
    if (second !== undefined) return [{ kind: 'member', user: name, group: second }]
    return [{ kind: 'group', name, isSystem, ...only({ id: gid }) }]
  }
  if (second !== undefined) return [{ kind: 'member', user: name, group: second }]
  const uid = options.get('uid')
  const hasOwn = flags.has('--group') || !isSystem
  const group = options.get('ingroup') ?? gid ?? (hasOwn ? name : 'nogroup')
  const gecos = options.get('gecos') ?? options.get('comment')
  const user: UserCall = {
    kind: 'user',
    name,
    isChange: false,
    isSystem,
    group,
    by: 'adduser',
    ...only({ uid, gecos, home: options.get('home'), shell: options.get('shell') }),
  }
  return hasOwn ? [user, { kind: 'group', name, isSystem, ...only({ id: gid ?? uid }) }] : [user]
}

function byUseradd({ options, flags, names }: Arguments, isChange: boolean): AccountCall[] {
  const name = names.at(-1)
  if (name === undefined) return []
  const isSystem = flags.has('r') || flags.has('--system')
  const uid = options.get('uid')
  const own = options.get('ingroup')
  const members = (options.get('groups') ?? '').split(',').filter((group) => group !== '')
  const user: UserCall = {
    kind: 'user',
    name,
    isChange,
    isSystem,
    by: 'useradd',
    ...only({
      uid,
      gecos: options.get('comment'),
      home: options.get('home'),
      shell: options.get('shell'),
      group: own ?? (isChange ? undefined : name),
    }),
  }
  return [
    user,
    ...(own === undefined && !isChange ? [{ kind: 'group' as const, name, isSystem }] : []),
    ...members.map((group) => ({ kind: 'member' as const, user: name, group })),
  ]
}

function byGroupadd(words: readonly string[]): AccountCall[] {
  const at = words.findIndex((word) => word === '-g' || word === '--gid')
  const [, joined] = /^--gid=(.*)$/.exec(words.find((word) => word.startsWith('--gid=')) ?? '') ?? []
  const id = joined ?? (at === -1 ? undefined : words[at + 1])
  const name =
    words.filter((word, index) => !word.startsWith('-') && index !== at + 1).at(-1) ??
    (at === -1 ? words.at(-1) : undefined)
  if (name === undefined) return []
  const isSystem = words.some((word) => word === '--system' || /^-\w*r/.test(word))
  return [{ kind: 'group', name, isSystem, ...only({ id }) }]
}

function byGpasswd(words: readonly string[]): AccountCall[] {
  const [flag, user, group] = words
  if (flag === '-M' && user !== undefined && group !== undefined)
    return user.split(',').map((each) => ({ kind: 'member', user: each, group }))
  const isAdded = flag === '-a' || flag === '--add'
  return isAdded && user !== undefined && group !== undefined ? [{ kind: 'member', user, group }] : []
}

/** Without what is undefined. */
function only<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

/** A file of sysusers.d(5): `u name id "gecos" home shell`, `g name id`, `m user group`, `r - 500-900`. */
export function sysusersCalls(text: string): AccountCall[] {
  return text.split('\n').flatMap((line): AccountCall[] => {
    const words = (line.replace(/^\s*#.*/, '').match(/"(?:[^"\\]|\\.)*"|'[^']*'|\S+/g) ?? []).map((word) =>
      word.replace(/^(["'])(.*)\1$/s, '$2'),
    )
    const [type = '', name = '', id, gecos, home, shell] = words.map((word, index) =>
      word === '-' && index > 1 ? undefined : word,
    )
    // %-specifiers are what a machine is called, which no package goes by
    if (!isPlain(name)) return []
    switch (type.replace(/[!-]/g, '')) {
      case 'u': {
        const [uid, group] = (id ?? '').startsWith('/') ? ['$file', '$file'] : (id ?? '').split(':')
        const own = uid === '' || uid === '-' ? undefined : uid
        const user: UserCall = {
          kind: 'user',
          name,
          isChange: false,
          isSystem: true,
          by: 'sysusers',
          group: group ?? name,
          ...only({ uid: own, gecos, home, shell }),
        }
        return group === undefined
          ? [user, { kind: 'group', name, isSystem: true, ...only({ id: own }) }]
          : [user]
      }
      case 'g':
        return [{ kind: 'group', name, isSystem: true, ...only({ id: id?.startsWith('/') ? '$file' : id }) }]
      case 'm':
        return id === undefined
          ? []
          : [
              { kind: 'member', user: name, group: id },
              { kind: 'group', name: id, isSystem: true },
            ]
      default:
        return []
    }
  })
}

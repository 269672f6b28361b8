/** A command of a shell script: its words without quotes. */
export type Command = readonly string[]

/**
 * Commands of a maintainer script, as far as they can be read without running it: a line each, also those of branches that
 * are not taken. Words keep their variables (`$prio`): {@link isPlain} says which have none.
 */
export function commandsOf(script: string): Command[] {
  return script
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/&&|\|\||;|\|/))
    .map((text) => wordsOf(text))
    .filter((words) => words.length > 0)
}

/** Whether a word means itself: no variable, no program's output, no pattern. */
export const isPlain = (word: string): boolean => /^[\w@%+=:,./-]+$/.test(word)

const BEFORE = new Set(['if', 'then', 'else', 'elif', 'do', 'while', '!', '{', '('])

function wordsOf(text: string): string[] {
  const words = text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []
  const first = words.findIndex((word) => !BEFORE.has(word) && !/^\w+=\S*$/.test(word))
  if (first === -1) return []
  const found: string[] = []
  for (const word of words.slice(first)) {
    if (/^\d*[<>]/.test(word)) break
    found.push(word.replaceAll(/["']/g, '').replace(/^\$(DPKG_ROOT|\{DPKG_ROOT(:-)?\})\/*(?=\/|[^/])/, ''))
  }
  return found
}

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
} & (
  | { kind: 'mode'; text: string }
  | { kind: 'owner'; user?: string; group?: string }
  | { kind: 'capability'; text: string }
)

/** What a script's calls of chown, chgrp, chmod, install, mkdir, dpkg-statoverride and setcap do to paths that they name. */
export function attributeChanges(commands: readonly Command[]): AttributeChange[] {
  return commands.flatMap(([program = '', ...words]) => {
    const args = words.filter((word) => !word.startsWith('-') && word !== '')
    const [first = '', ...paths] = args
    const places = paths.filter((path) => path.startsWith('/') && isPlain(path))
    switch (program.slice(program.lastIndexOf('/') + 1)) {
      case 'chown':
      case 'chgrp': {
        if (!isPlain(first)) return []
        const [user = '', group = ''] = program.endsWith('chgrp') ? ['', first] : first.split(/[:.]/)
        return places.map((path) => ({ kind: 'owner', path, ...named(user, group) }))
      }
      case 'chmod':
        return places.map((path) => ({ kind: 'mode', path, text: first }))
      case 'setcap':
        return places.map((path) => ({ kind: 'capability', path, text: first }))
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

function installed(words: readonly string[]): AttributeChange[] {
  const options = new Map<string, string>()
  const paths: string[] = []
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const [, option, value] =
      /^-\w*([mog])(\S*)$/.exec(word) ?? /^--(mode|owner|group)=(\S+)$/.exec(word) ?? []
    if (option !== undefined && value === '') {
      at += 1
      options.set(option, words[at] ?? '')
    } else if (option !== undefined) options.set(option.charAt(0), value ?? '')
    else if (word.startsWith('/') && isPlain(word)) paths.push(word)
  }
  const path = paths.at(-1)
  if (path === undefined) return []
  const text = options.get('m')
  return [
    { kind: 'owner', path, ...named(options.get('o') ?? '', options.get('g') ?? '') },
    ...(text === undefined ? [] : [{ kind: 'mode' as const, path, text }]),
  ]
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

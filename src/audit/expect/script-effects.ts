import picomatch from 'picomatch'
import type { FileTree } from '../../image/file-tree.ts'
import { type AccountCall, accountCalls } from './account-calls.ts'
import { type Attributes, changed, type Ids, idsByName } from './attributes.ts'
import {
  type AlternativeCall,
  type AttributeChange,
  alternativeCalls,
  attributeChanges,
  createdPaths,
  enabledUnits,
  isPlain,
} from './maintainer-scripts.ts'
import { commandsOf } from './shell-commands.ts'
import { tmpfilesEffects } from './tmpfiles.ts'

/** Scripts of one package, as texts. */
export interface PackageScripts {
  name: string
  texts: readonly string[]
}

/**
 * What packages set that their scripts say in another way than by plain words; by path: mode, owner, group, and a capability.
 * From each package's own maintainer scripts in Debian 11 to 13.
 */
const KNOWN: readonly [
  by: string,
  path: string,
  mode: number,
  user: string,
  group: string,
  capability?: string,
][] = [
  ['openssh-client', 'usr/bin/ssh-agent', 0o2755, 'root', '_ssh'],
  ['iputils-ping', 'usr/bin/ping', 0o755, 'root', 'root', 'cap_net_raw+ep'],
  ['iputils-ping', 'usr/bin/ping', 0o4755, 'root', 'root'],
  ['iputils-arping', 'usr/bin/arping', 0o755, 'root', 'root', 'cap_net_raw+ep'],
  ['iputils-arping', 'usr/bin/arping', 0o4755, 'root', 'root'],
  ['dbus', 'usr/lib/dbus-1.0/dbus-daemon-launch-helper', 0o4754, 'root', 'messagebus'],
  ['cron', 'usr/bin/crontab', 0o2755, 'root', 'crontab'],
  ['cron', 'var/spool/cron/crontabs', 0o1730, 'root', 'crontab'],
  ['ssl-cert', 'etc/ssl/private', 0o710, 'root', 'ssl-cert'],
  ['man-db', 'var/cache/man', 0o755, 'man', 'man'],
]

/** What the maintainer scripts of all packages do, as far as their text says it plainly. */
export class ScriptEffects {
  readonly #scripts: readonly PackageScripts[]
  readonly #place: (path: string) => string
  readonly #ids: Ids
  #names: ReadonlyMap<string, readonly string[]> | undefined
  readonly #changes = new Map<string, { change: AttributeChange; order: number }[]>()
  readonly #links = new Map<string, string>()
  readonly #accounts: AccountCall[] = []
  readonly #created = new Map<string, 'file' | 'directory'>()
  readonly #known = new Map<string, Attributes[]>()
  readonly #alternatives = new Map<string, AlternativeCall[]>()
  /** Units that scripts switch on. */
  readonly units: ReadonlySet<string>
  /** Scripts of `/etc/init.d` that scripts switch on by `update-rc.d NAME defaults`. */
  readonly services: ReadonlySet<string>
  /** Login shells that scripts add by `add-shell`. */
  readonly shells: ReadonlySet<string>
  /** Whether some alternative is installed by a call with variables. */
  readonly hasOtherAlternatives: boolean

  /** @param place where a path that a script names lies in the image */
  constructor(tree: FileTree, scripts: readonly PackageScripts[], place: (path: string) => string) {
    this.#scripts = scripts
    this.#place = place
    this.#ids = { users: idsByName(tree, 'passwd'), groups: idsByName(tree, 'group') }
    const units = new Set<string>()
    const shells = new Set<string>()
    const services = new Set<string>()
    let hasOther = false
    let order = 0
    const note = (path: string, change: AttributeChange) =>
      this.#changes.set(path, [...(this.#changes.get(path) ?? []), { change, order: order++ }])
    for (const { texts } of scripts)
      for (const text of texts) {
        if (!CHANGES.test(text)) continue
        const commands = commandsOf(text)
        // variables that change together may be read in pairs that never were
        if (OPEN_ALTERNATIVE.test(text)) hasOther = true
        for (const change of attributeChanges(commands)) {
          const path = place(change.path.replace(/^\/+|\/+$/g, ''))
          const { names, ...own } = change
          note(path, change)
          for (const at of ledTo(tree, path, change)) note(at, { ...own, path: at })
        }
        this.#accounts.push(...accountCalls(commands))
        for (const { path, type } of createdPaths(commands))
          this.#created.set(place(path.replace(/^\/+|\/+$/g, '')), type)
        for (const [program, ...words] of commands)
          if (/(^|\/)add-shell$/.test(program ?? ''))
            for (const word of words.filter(isPlain)) shells.add(word)
        for (const [program, name = '', what] of commands)
          if (/(^|\/)update-rc\.d$/.test(program ?? '') && /^defaults/.test(what ?? '') && isPlain(name))
            services.add(name)
        for (const unit of enabledUnits(commands)) units.add(unit)
        for (const call of alternativeCalls(commands))
          if (call === undefined) hasOther = true
          else this.#alternatives.set(call.name, [...(this.#alternatives.get(call.name) ?? []), call])
      }
    for (const name of tree.list(TMPFILES).filter((each) => each.endsWith('.conf')))
      for (const { path, type, target, changes } of tmpfilesEffects(
        tree.read(`${TMPFILES}/${name}`)?.toString('latin1') ?? '',
      )) {
        const at = place(path.replace(/^\/+|\/+$/g, ''))
        for (const change of changes) note(at, change)
        if (type === 'symlink') this.#links.set(at, target ?? '')
        else if (type !== undefined) this.#created.set(at, type)
      }
    const names = new Set(scripts.map(({ name }) => name))
    for (const [by, path, mode, user, group, capability] of KNOWN) {
      if (!names.has(by)) continue
      const owner: AttributeChange = { kind: 'owner', path, user, group }
      const state = changed({ mode, uid: 0, gid: 0 }, owner, this.#ids)
      const full =
        capability && state && changed(state, { kind: 'capability', path, text: capability }, this.#ids)
      const found = full || state
      if (found) this.#known.set(path, [...(this.#known.get(path) ?? []), found])
    }
    this.units = units
    this.shells = shells
    this.services = services
    this.hasOtherAlternatives = hasOther
  }

  /** Numeric id of a group of the image. */
  groupId(name: string): number | undefined {
    return this.#ids.groups.get(name)
  }

  /** Whether a script of a package says a text. */
  says(name: string, text: string): boolean {
    return this.#scripts.some(
      (each) => each.name === name && each.texts.some((script) => script.includes(text)),
    )
  }

  /** Packages whose scripts name a path of the image, without a slash in front: sorted. */
  namedBy(path: string): readonly string[] {
    this.#names ??= namesIn(this.#scripts, this.#place)
    return this.#names.get(path) ?? []
  }

  /** Calls of update-alternatives in plain words, by the name of the alternative. */
  get alternatives(): ReadonlyMap<string, readonly AlternativeCall[]> {
    return this.#alternatives
  }

  /** Accounts that scripts make and change by plain words. */
  get accounts(): readonly AccountCall[] {
    return this.#accounts
  }

  /** What scripts and lists of tmpfiles.d(5) make at a path, empty at first; undefined when they make nothing there that their text says plainly. */
  created(path: string): 'file' | 'directory' | undefined {
    return this.#created.get(path)
  }

  /** Where a symlink leads that a list of tmpfiles.d(5) asks for. */
  linkAt(path: string): string | undefined {
    return this.#links.get(path)
  }

  /** How scripts may leave a path that begins as it is in its package: they may or may not come to do each thing. */
  states(path: string, from: Attributes): Attributes[] {
    const changes = this.#changesOf(path)
    const found = new Map<string, Attributes>()
    const add = (state: Attributes) => found.set(JSON.stringify(state), state)
    add(from)
    for (const change of changes)
      for (const state of [...found.values()]) {
        const next = found.size < MOST_STATES ? changed(state, change, this.#ids) : undefined
        if (next !== undefined) add(next)
      }
    found.delete(JSON.stringify(from))
    return [...(this.#known.get(path) ?? []), ...found.values()]
  }

  /** Changes of a path itself, and of all that is in a directory above it, in their order. */
  #changesOf(path: string): AttributeChange[] {
    const own = (this.#changes.get(path) ?? []).filter(({ change }) => change.names === undefined)
    const above = []
    for (let end = path.lastIndexOf('/'), to = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const name = path.slice(end + 1, to)
      const isParent = to === path.length
      above.push(
        ...(this.#changes.get(path.slice(0, end)) ?? []).filter(({ change: { names, isDeep } }) =>
          names === undefined ? isDeep : (isParent || isDeep) && picomatch.isMatch(name, names),
        ),
      )
      to = end
    }
    return [...above, ...own].sort((a, b) => a.order - b.order).map(({ change }) => change)
  }
}

/** Where the symlinks lead that a change is of: chown and chmod follow those that they are given. */
function ledTo(tree: FileTree, path: string, { names, isDeep, ofLinks }: AttributeChange): string[] {
  if (ofLinks || isDeep) return []
  const given =
    names === undefined
      ? [path]
      : tree
          .list(path)
          .filter((name) => picomatch.isMatch(name, names))
          .map((name) => `${path}/${name}`)
  return given
    .filter((each) => tree.findLink(each)?.inode.type === 'symlink')
    .flatMap((each) => tree.find(each)?.path ?? [])
}

/** A call of update-alternatives that has a variable. */
const OPEN_ALTERNATIVE = /update-alternatives(?:[^\n\\$]|\\\n|\\.)*\$/
const MOST_STATES = 64
const TMPFILES = 'usr/lib/tmpfiles.d'

const CHANGES =
  /\b(chown|chgrp|chmod|install|mkdir|touch|adduser|addgroup|useradd|usermod|groupadd|groupmod|gpasswd|chsh|setcap|dpkg-statoverride|update-alternatives|add-shell|update-rc\.d|deb-systemd-helper)\b/

/** Which packages' scripts name which paths: words with a slash, without a variable in front. */
function namesIn(
  scripts: readonly PackageScripts[],
  place: (path: string) => string,
): Map<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const { name, texts } of scripts)
    for (const word of new Set(texts.flatMap((text) => text.match(PATH_WORD) ?? []))) {
      const path = place(word.replace(/^\/+|\/+$/g, ''))
      const names = found.get(path)
      if (names === undefined) found.set(path, [name])
      else if (!names.includes(name)) names.push(name)
    }
  for (const names of found.values()) names.sort()
  return found
}

const PATH_WORD = /(?<![\w.+@:~*?])(?:\/[\w.+@:~-]+)+/g

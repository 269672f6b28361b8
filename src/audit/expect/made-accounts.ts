import type { AccountCall, UserCall } from './account-calls.ts'

/** A line of passwd(5). */
export interface UserEntry {
  name: string
  uid: string
  gid: string
  gecos: string
  home: string
  shell: string
}

const NO_LOGIN = /\/(nologin|false|sync)$/
const NONE = ['/usr/sbin/nologin', '/sbin/nologin', '/bin/false']

/** Shells that a call without one gives. */
function usualShells({ by, isSystem }: UserCall): readonly string[] {
  if (by === 'useradd') return ['/bin/sh', '/bin/bash']
  return by === 'adduser' && !isSystem ? ['/bin/bash'] : NONE
}

const isKnown = (word: string) => !word.includes('$')
const SYSTEM = { from: 100, to: 999 }

/** Accounts that packages make and change, by what their scripts and lists of accounts say. */
export class MadeAccounts {
  readonly #users = new Map<string, UserCall[]>()
  readonly #groups = new Map<string, { id?: string; isSystem: boolean }[]>()
  readonly #members = new Set<string>()
  readonly #groupIds: ReadonlyMap<string, string>

  /** @param groupIds of the image, by the group's name */
  constructor(calls: readonly AccountCall[], groupIds: ReadonlyMap<string, string>) {
    this.#groupIds = groupIds
    for (const call of calls) {
      if (call.kind === 'user') this.#users.set(call.name, [...(this.#users.get(call.name) ?? []), call])
      if (call.kind === 'group') this.#groups.set(call.name, [...(this.#groups.get(call.name) ?? []), call])
      if (call.kind === 'member') this.#members.add(`${call.user} ${call.group}`)
    }
  }

  /** Whether packages make a user of that name by plain words. */
  hasUser(name: string): boolean {
    return this.#users.get(name)?.some(({ isChange }) => !isChange) ?? false
  }

  hasGroup(name: string): boolean {
    return this.#groups.has(name)
  }

  isMember(user: string, group: string): boolean {
    return this.#members.has(`${user} ${group}`)
  }

  /** Whether an entry is one that packages make: each field is what some call gives it, or its program by itself. */
  isUser(entry: UserEntry): boolean {
    const calls = this.#users.get(entry.name) ?? []
    const made = calls.filter(({ isChange }) => !isChange)
    return (
      made.some(({ uid, isSystem }) => isId(entry.uid, uid, isSystem)) &&
      calls.some((call) => this.#isGroupOf(entry, call)) &&
      calls.some(({ home, by, isSystem, isChange }) =>
        home === undefined
          ? !isChange && isUsualHome(entry, by, isSystem)
          : !isKnown(home) || home === entry.home,
      ) &&
      calls.some((call) =>
        call.shell === undefined
          ? !call.isChange && usualShells(call).includes(entry.shell)
          : isKnown(call.shell)
            ? call.shell === entry.shell
            : NO_LOGIN.test(entry.shell),
      ) &&
      calls.some(({ gecos, isChange }) =>
        gecos === undefined
          ? !isChange && /^,*$/.test(entry.gecos)
          : !isKnown(gecos) || gecos.replace(/,+$/, '') === entry.gecos.replace(/,+$/, ''),
      )
    )
  }

  #isGroupOf({ name, gid, uid }: UserEntry, { group }: UserCall): boolean {
    if (group === undefined) return false
    if (!isKnown(group)) return gid !== '0'
    return group === gid || this.#groupIds.get(group) === gid || (group === name && uid === gid)
  }

  /** Whether a group of that id is one that packages make. */
  isGroup(name: string, gid: string): boolean {
    return this.#groups.get(name)?.some(({ id, isSystem }) => isId(gid, id, isSystem)) ?? false
  }
}

/** An id as a call gives it; one of the range that its program takes from when it gives none. */
function isId(actual: string, given: string | undefined, isSystem: boolean): boolean {
  if (given !== undefined && isKnown(given)) return actual === given
  const number = Number(actual)
  return isSystem ? number >= SYSTEM.from && number <= SYSTEM.to : number >= SYSTEM.from && number < 60_000
}

function isUsualHome({ name, home }: UserEntry, by: UserCall['by'], isSystem: boolean): boolean {
  if (by === 'sysusers') return home === '/' || home === '/nonexistent'
  return home === `/home/${name}` || (by === 'adduser' && isSystem && home === '/nonexistent')
}

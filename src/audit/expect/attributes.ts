import type { FileTree } from '../../image/file-tree.ts'
import type { AttributeChange } from './maintainer-scripts.ts'

/** Who may do what with a path. */
export interface Attributes {
  mode: number
  uid: number
  gid: number
  /** Value of the attribute `security.capability`, a character a byte. */
  capability?: string
}

/** Numeric ids by name, of users (`etc/passwd`) or groups (`etc/group`). */
export function idsByName(tree: FileTree, file: 'passwd' | 'group'): Map<string, number> {
  const lines = (tree.read(`etc/${file}`)?.toString('latin1') ?? '').split('\n')
  return new Map(lines.map((line) => line.split(':')).map(([name = '', , id = '']) => [name, Number(id)]))
}

export interface Ids {
  users: ReadonlyMap<string, number>
  groups: ReadonlyMap<string, number>
}

/** A path after one change of a maintainer script; undefined when it names a user or mode that is not known. */
export function changed(
  from: Attributes,
  change: AttributeChange,
  { users, groups }: Ids,
): Attributes | undefined {
  switch (change.kind) {
    case 'mode': {
      const mode = changedMode(from.mode, change.text)
      return mode === undefined ? undefined : { ...from, mode }
    }
    case 'owner': {
      const uid = change.user === undefined ? from.uid : idOf(change.user, users)
      const gid = change.group === undefined ? from.gid : idOf(change.group, groups)
      return uid === undefined || gid === undefined ? undefined : { ...from, uid, gid }
    }
    case 'capability': {
      const capability = encodeCapability(change.text)
      return capability === undefined ? undefined : { ...from, capability }
    }
  }
}

const idOf = (name: string, ids: ReadonlyMap<string, number>) =>
  /^\d+$/.test(name) ? Number(name) : ids.get(name)

/** chmod(1): octal digits, or letters such as `u+s,g-w`. */
export function changedMode(mode: number, text: string): number | undefined {
  if (/^[0-7]{3,5}$/.test(text)) return Number.parseInt(text, 8)
  let found = mode
  for (const part of text.split(',')) {
    const [, who = '', sign, what = ''] = /^([ugoa]*)([-+=])([rwxst]*)$/.exec(part) ?? []
    if (sign === undefined) return undefined
    const all = who === '' || who.includes('a') ? 'ugo' : who
    let bits = what.includes('t') ? 0o1000 : 0
    let mask = 0
    for (const [letter, shift, special] of [
      ['u', 6, 0o4000],
      ['g', 3, 0o2000],
      ['o', 0, 0],
    ] as const) {
      if (!all.includes(letter)) continue
      mask |= (0o7 << shift) | special
      for (const [index, permission] of ['x', 'w', 'r'].entries())
        if (what.includes(permission)) bits |= (1 << index) << shift
      if (what.includes('s')) bits |= special
    }
    if (sign === '+') found |= bits
    else if (sign === '-') found &= ~bits
    else found = (found & ~mask) | bits
  }
  return found
}

/** Capabilities that packages give, by their numbers (capability.h). */
const CAPABILITIES = new Map([
  ['cap_dac_override', 1],
  ['cap_dac_read_search', 2],
  ['cap_setgid', 6],
  ['cap_setuid', 7],
  ['cap_net_bind_service', 10],
  ['cap_net_admin', 12],
  ['cap_net_raw', 13],
  ['cap_ipc_lock', 14],
  ['cap_sys_ptrace', 19],
  ['cap_sys_admin', 21],
  ['cap_sys_nice', 23],
  ['cap_perfmon', 38],
])

/** `cap_net_raw+ep` as the kernel keeps it: revision 2, effective, little-endian (capability.h, `vfs_cap_data`). */
export function encodeCapability(text: string): string | undefined {
  const [, names = ''] = /^([\w,]+)[+=](?:ep|pe)$/.exec(text) ?? []
  const numbers = names.split(',').map((name) => CAPABILITIES.get(name.toLowerCase()))
  const permitted = [0, 0]
  for (const number of numbers) {
    if (number === undefined) return undefined
    permitted[number >> 5] = ((permitted[number >> 5] ?? 0) | (1 << (number & 31))) >>> 0
  }
  const value = Buffer.alloc(20)
  value.writeUInt32LE(0x0200_0001)
  value.writeUInt32LE(permitted[0] ?? 0, 4)
  value.writeUInt32LE(permitted[1] ?? 0, 12)
  return value.toString('latin1')
}

import type { Inode } from '../image/layer-entry.ts'
import type { ExpectedFile } from './expected-files.ts'
import type { Issue } from './judge-file.ts'

const SET_ID = 0o6000
const STICKY = 0o1000
const OTHERS_WRITE = 0o002

/**
 * Mode, owner and privileges of a path against those its owner gives. Without an owner, only what gives privileges is
 * told: setuid, setgid and capabilities of files, and places where everybody may write.
 *
 * @param mayChange whether the owner's maintainer scripts set such a mode or owner
 */
export function permissionIssue(
  path: string,
  inode: Inode,
  owners: readonly ExpectedFile[],
  mayChange: (owner: string, file: ExpectedFile) => boolean,
): Issue | undefined {
  if (inode.type === 'symlink') return undefined
  const { mode, uid, gid } = inode
  const known = owners.filter((file) => file.type === inode.type && file.mode !== undefined)
  if (known.some((file) => file.mode === mode && fits(file.uid, uid) && fits(file.gid, gid))) return undefined
  const last = known.at(-1) ?? owners.at(-1)
  if (last !== undefined && mayChange(last.owner, last)) return undefined
  const given = last?.mode ?? 0
  const whose = last === undefined ? {} : { owner: last.owner }
  const evidence =
    last?.mode === undefined ? {} : { expected: show(last.mode, last.uid ?? uid, last.gid ?? gid) }
  const common = { path, ...whose, ...evidence, actual: show(mode, uid, gid) }
  const isFile = inode.type === 'file'
  // a package that does not say its modes has its files as they are
  if (last !== undefined && last.mode === undefined) return undefined
  if (isFile && (mode & SET_ID & ~given) !== 0)
    return { ...common, rule: 'setuid', message: `${privileges(mode)}, which no package asks for` }
  if (isFile && last === undefined && inode.xattrs.has('security.capability'))
    return { ...common, rule: 'setuid', message: 'it has capabilities, which no package asks for' }
  const isOpen =
    (mode & OTHERS_WRITE & ~given) !== 0 && !(inode.type === 'directory' && (mode & STICKY) !== 0)
  if (isOpen) return { ...common, rule: 'world-writable', message: 'everybody may write to it' }
  if (last === undefined) return undefined
  return {
    ...common,
    rule: 'file-mode',
    message: `its mode or owner differs from what ${last.owner} gives it`,
  }
}

const fits = (expected: number | undefined, actual: number) => expected === undefined || expected === actual

function privileges(mode: number): string {
  const bits = [mode & 0o4000 ? 'setuid' : '', mode & 0o2000 ? 'setgid' : ''].filter(Boolean)
  return `it runs with its owner's rights (${bits.join(' and ')})`
}

function show(mode: number, uid: number, gid: number): string {
  return `${mode.toString(8).padStart(4, '0')} ${uid}:${gid}`
}

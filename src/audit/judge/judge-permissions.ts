import type { Inode } from '../../image/layer-entry.ts'
import type { ExpectedFile } from '../expect/expected-files.ts'
import type { Issue } from '../finding.ts'
import { isOfImageBase, type JudgeContext } from './judge-context.ts'

const SET_ID = 0o6000
const STICKY = 0o1000
const OTHERS_WRITE = 0o002

/**
 * Decides whether a path's mode, owner and privileges are legitimate: those that its owner gives, or that a maintainer
 * script of its package sets. Without an owner, only privileges are an issue: setuid, setgid and capabilities of files,
 * and files and directories that everybody may write to.
 */
export function judgePermissions(
  path: string,
  inode: Inode,
  owners: readonly ExpectedFile[],
  context: JudgeContext,
): Issue | undefined {
  const { type, mode, uid, gid } = inode
  if (type === 'symlink' || isOfImageBase(inode, context.lock)) return undefined
  const known = owners.filter((file) => file.type === type && file.mode !== undefined)
  if (known.some((file) => file.mode === mode && fits(file.uid, uid) && fits(file.gid, gid))) return undefined
  const last = known.at(-1) ?? owners.at(-1)
  if (last === undefined) return privilegeIssue(path, inode, 0, {})
  if (setByMaintainer(path, mode, last, context)) return undefined
  // a package that does not say its modes has its files as they are
  if (last.mode === undefined) return undefined
  const facts = {
    owner: last.owner,
    expected: show(last.mode, last.uid ?? uid, last.gid ?? gid),
    actual: show(mode, uid, gid),
  }
  const message = `its mode or owner differs from what ${last.owner} gives it`
  return privilegeIssue(path, inode, last.mode, facts) ?? { rule: 'file-mode', path, message, ...facts }
}

const fits = (expected: number | undefined, actual: number) => expected === undefined || expected === actual

/** Privileges beyond those that an owner gives. */
function privilegeIssue(
  path: string,
  { type, mode, uid, gid, xattrs }: Inode,
  given: number,
  facts: Pick<Issue, 'owner' | 'expected' | 'actual'>,
): Issue | undefined {
  const common = { path, actual: show(mode, uid, gid), ...facts }
  const isFile = type === 'file'
  if (isFile && (mode & SET_ID & ~given) !== 0)
    return { ...common, rule: 'setuid', message: `${privileges(mode)}, which no package asks for` }
  if (isFile && facts.owner === undefined && xattrs.has('security.capability'))
    return { ...common, rule: 'setuid', message: 'it has capabilities, which no package asks for' }
  const isOpen = (mode & OTHERS_WRITE & ~given) !== 0 && !(type === 'directory' && (mode & STICKY) !== 0)
  return isOpen ? { ...common, rule: 'world-writable', message: 'everybody may write to it' } : undefined
}

function privileges(mode: number): string {
  const bits = [mode & 0o4000 ? 'setuid' : '', mode & 0o2000 ? 'setgid' : ''].filter(Boolean)
  return `it runs with its owner's rights (${bits.join(' and ')})`
}

function show(mode: number, uid: number, gid: number): string {
  return `${mode.toString(8).padStart(4, '0')} ${uid}:${gid}`
}

/** Whether a maintainer script of the owner's package gives a file of that name another owner, and the mode that it has. */
function setByMaintainer(
  path: string,
  mode: number,
  file: ExpectedFile,
  { lock, packages }: JudgeContext,
): boolean {
  const sha256 = packages.get(file.owner)?.artifact?.sha256 ?? ''
  const control = lock?.contents.artifacts.get(sha256)?.control ?? {}
  const name = path.slice(path.lastIndexOf('/') + 1)
  return ['preinst', 'postinst'].some((member) => {
    const script = control[member]?.text
    if (!script?.includes(name) || !/\b(chown|chgrp|chmod|install|dpkg-statoverride)\b/.test(script))
      return false
    return file.mode === mode || new RegExp(`\\b0?${mode.toString(8)}\\b`).test(script)
  })
}

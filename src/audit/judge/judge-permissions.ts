import type { Inode } from '../../image/layer-entry.ts'
import type { Attributes } from '../expect/attributes.ts'
import type { ExpectedFile } from '../expect/expected-files.ts'
import type { Issue } from '../finding.ts'
import { hasLock, isForeign, isOfImageBase, type JudgeContext } from './judge-context.ts'

const SET_ID = 0o6000
const STICKY = 0o1000
const OTHERS_WRITE = 0o002
const CAPABILITY = 'security.capability'

/**
 * Decides whether a path's mode, owner, and extended attributes are legitimate: those that its owner gives, or that a
 * maintainer script sets. Whatever nobody says anything of is root's, of mode 0644 or 0755, when it is compared with a lock;
 * without one, only privileges are an issue: setuid, setgid and capabilities of files, and files and directories that
 * everybody may write to.
 */
export function judgePermissions(
  path: string,
  inode: Inode,
  owners: readonly ExpectedFile[],
  context: JudgeContext,
): Issue | undefined {
  if (isOfImageBase(inode, context.lock)) return undefined
  const isLocked = hasLock(context) && !isForeign(inode, context.lock)
  const own = owners.filter(({ type, made }) => type === inode.type && !(made && isLocked))
  const last = own.at(-1) ?? owners.at(-1)
  const allowed = allowedAttributes(path, inode, own, context)
  if (allowed.some((each) => fits(each, inode))) return undefined
  const [first] = allowed
  // scripts say what a path may become, and not what it is before them
  const isSaid = own.some(({ mode, atMost }) => mode !== undefined || atMost !== undefined)
  if (!isSaid || first === undefined) return judgeUnsaid(path, inode, last, context)
  const facts = {
    ...(last === undefined ? {} : { owner: last.owner }),
    expected: show(
      first.mode ?? inode.mode,
      first.uid ?? inode.uid,
      first.gid ?? inode.gid,
      first.capability,
    ),
    actual: show(inode.mode, inode.uid, inode.gid, inode.xattrs.get(CAPABILITY)),
  }
  const privilege = privilegeIssue(path, inode, allowed, facts)
  if (privilege !== undefined) return privilege
  return { rule: 'file-mode', path, message: difference(inode, first, last), ...facts }
}

/** What a path may be: an attribute that is left out may be anything. */
type Allowed = Partial<Attributes> & { atMost?: number; xattrs?: 'any' }

function fits({ mode, uid, gid, capability, atMost }: Allowed, inode: Inode): boolean {
  return (
    (inode.type === 'symlink' || mode === undefined || mode === inode.mode) &&
    (atMost === undefined || (inode.mode & ~atMost) === 0) &&
    (uid === undefined || uid === inode.uid) &&
    (gid === undefined || gid === inode.gid) &&
    capability === inode.xattrs.get(CAPABILITY) &&
    [...inode.xattrs.keys()].every((name) => name === CAPABILITY)
  )
}

function allowedAttributes(
  path: string,
  inode: Inode,
  own: readonly ExpectedFile[],
  context: JudgeContext,
): Allowed[] {
  const { effects } = context.expected
  const found: Allowed[] = []
  for (const { mode, uid, gid, atMost } of own) {
    if (mode === undefined && atMost === undefined) continue
    found.push({
      ...(mode === undefined ? {} : { mode }),
      ...(atMost === undefined ? {} : { atMost }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    })
  }
  const [first] = found
  const from = { mode: first?.mode ?? inode.mode & 0o755, uid: first?.uid ?? 0, gid: first?.gid ?? 0 }
  if (found.length > 0 || own.length > 0 || hasLock(context)) found.push(...effects.states(path, from))
  return found
}

/** Judges a path of which no owner says a mode. */
function judgeUnsaid(
  path: string,
  inode: Inode,
  last: ExpectedFile | undefined,
  context: JudgeContext,
): Issue | undefined {
  const { type, mode, uid, gid, xattrs } = inode
  const owner = last === undefined ? {} : { owner: last.owner }
  const actual = show(mode, uid, gid, xattrs.get(CAPABILITY))
  if (last === undefined || xattrs.size > 0) {
    const privilege = privilegeIssue(path, inode, [], { ...owner, actual })
    if (privilege !== undefined) return privilege
  }
  if (hasLock(context) && isForeign(inode, context.lock)) {
    const usual = type === 'directory' ? 0o755 : 0o644
    if (xattrs.size === 0 && uid === 0 && gid === 0 && (type === 'symlink' || mode === usual))
      return undefined
    return {
      rule: 'file-mode',
      path,
      message: 'nothing gives it such a mode or owner',
      ...owner,
      actual,
      expected: show(usual, 0, 0),
    }
  }
  return undefined
}

function difference(inode: Inode, { mode, uid, gid }: Allowed, last: ExpectedFile | undefined): string {
  const whose = last === undefined ? 'its maker' : last.owner
  const same =
    (mode === undefined || mode === inode.mode) &&
    (uid === undefined || uid === inode.uid) &&
    (gid === undefined || gid === inode.gid)
  const others = [...inode.xattrs.keys()].filter((name) => name !== CAPABILITY)
  if (same && others.length > 0) return `${whose} gives it no ${others.join(', ')}`
  return `its mode or owner differs from what ${whose} gives it`
}

/** Privileges beyond those that are allowed. */
function privilegeIssue(
  path: string,
  { type, mode, uid, gid, xattrs }: Inode,
  allowed: readonly Allowed[],
  facts: Pick<Issue, 'owner' | 'expected' | 'actual'>,
): Issue | undefined {
  const given = allowed.reduce((sum, each) => sum | (each.mode ?? each.atMost ?? 0), 0)
  const common = { path, actual: show(mode, uid, gid), ...facts }
  if (type === 'file' && (mode & SET_ID & ~given) !== 0)
    return { ...common, rule: 'setuid', message: `${privileges(mode)}, which no package asks for` }
  const capability = xattrs.get(CAPABILITY)
  if (capability !== undefined && !allowed.some((each) => each.capability === capability))
    return { ...common, rule: 'setuid', message: 'it has capabilities, which no package asks for' }
  const isSticky = type === 'directory' && (mode & STICKY) !== 0
  const isOpen = type !== 'symlink' && (mode & OTHERS_WRITE & ~given) !== 0 && !isSticky
  return isOpen ? { ...common, rule: 'world-writable', message: 'everybody may write to it' } : undefined
}

function privileges(mode: number): string {
  const bits = [mode & 0o4000 ? 'setuid' : '', mode & 0o2000 ? 'setgid' : ''].filter(Boolean)
  return `it runs with its owner's rights (${bits.join(' and ')})`
}

function show(mode: number, uid: number, gid: number, capability?: string): string {
  const rights =
    capability === undefined ? '' : `, capabilities ${Buffer.from(capability, 'latin1').toString('hex')}`
  return `${mode.toString(8).padStart(4, '0')} ${uid}:${gid}${rights}`
}

import type { Inode } from '../image/layer-entry.ts'
import type { TreeNode } from '../image/merge-layers.ts'
import { escapeBytes } from '../image/tree-digest.ts'
import type { FileDifference, FileFacts, FileField } from './difference.ts'

/**
 * Every path at which two merged trees differ. As in the tree digest, the root's time counts for nothing.
 * Contents are compared by their sha256.
 */
export function compareTrees(a: TreeNode, b: TreeNode): FileDifference[] {
  const sides = { a: namesOf(a), b: namesOf(b) }
  const found: FileDifference[] = []
  const visit = (path: string, left: TreeNode | undefined, right: TreeNode | undefined): void => {
    const difference = comparePlace(path, left?.inode, right?.inode, sides)
    if (difference !== undefined) found.push(difference)
    for (const name of childNames(left, right))
      visit(path === '' ? name : `${path}/${name}`, left?.children?.get(name), right?.children?.get(name))
  }
  visit('', a, b)
  return found
}

function childNames(a: TreeNode | undefined, b: TreeNode | undefined): string[] {
  const names = new Set([...(a?.children?.keys() ?? []), ...(b?.children?.keys() ?? [])])
  return [...names].sort()
}

/** All names of each inode that has more than one, sorted. */
type Names = ReadonlyMap<Inode, string[]>

function comparePlace(
  path: string,
  a: Inode | undefined,
  b: Inode | undefined,
  names: { a: Names; b: Names },
): FileDifference | undefined {
  const shown = `/${escapeBytes(path)}`
  if (a === undefined || b === undefined) {
    const inode = a ?? b
    if (inode === undefined) return undefined
    return a === undefined
      ? { path: shown, change: 'added', fields: [], b: factsOf(path, inode, names.b) }
      : { path: shown, change: 'removed', fields: [], a: factsOf(path, inode, names.a) }
  }
  const fields = differingFields(path, a, b, names)
  if (fields.length === 0) return undefined
  return {
    path: shown,
    change: 'changed',
    fields,
    a: factsOf(path, a, names.a),
    b: factsOf(path, b, names.b),
  }
}

function differingFields(path: string, a: Inode, b: Inode, names: { a: Names; b: Names }): FileField[] {
  const fields: FileField[] = []
  if (a.type !== b.type) fields.push('type')
  if (a.sha256 !== b.sha256 || a.size !== b.size) fields.push('content')
  if (a.mode !== b.mode) fields.push('mode')
  if (a.uid !== b.uid) fields.push('uid')
  if (a.gid !== b.gid) fields.push('gid')
  if (a.mtime !== b.mtime && path !== '') fields.push('mtime')
  if (a.target !== b.target) fields.push('target')
  if (a.major !== b.major || a.minor !== b.minor) fields.push('device')
  if (names.a.get(a)?.join('\0') !== names.b.get(b)?.join('\0')) fields.push('hardlinks')
  if (!sameXattrs(a.xattrs, b.xattrs)) fields.push('xattrs')
  return fields
}

function sameXattrs(a: Inode['xattrs'], b: Inode['xattrs']): boolean {
  if (a.size !== b.size) return false
  for (const [name, value] of a) if (b.get(name) !== value) return false
  return true
}

function factsOf(path: string, inode: Inode, names: Names): FileFacts {
  const { type, mode, uid, gid, size, mtime, target, sha256, xattrs } = inode
  const others = names.get(inode)?.filter((name) => name !== path)
  return {
    type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    size,
    mtime,
    ...(sha256 === '' ? {} : { sha256 }),
    ...(target === '' ? {} : { target: escapeBytes(target) }),
    ...(type === 'character' || type === 'block' ? { device: `${inode.major}:${inode.minor}` } : {}),
    ...(others === undefined ? {} : { hardlinks: others.map((name) => `/${escapeBytes(name)}`) }),
    ...(xattrs.size === 0 ? {} : { xattrs: hexValues(xattrs) }),
  }
}

function hexValues(xattrs: Inode['xattrs']): Record<string, string> {
  const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    sorted.map(([name, value]) => [escapeBytes(name), Buffer.from(value, 'latin1').toString('hex')]),
  )
}

/** All names of each file that has more than one. */
function namesOf(root: TreeNode): Names {
  const names = new Map<Inode, string[]>()
  const open: { path: string; node: TreeNode }[] = [{ path: '', node: root }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const [name, node] of next.node.children ?? []) {
      const path = next.path === '' ? name : `${next.path}/${name}`
      if (node.children !== undefined) open.push({ path, node })
      else if (node.inode.isShared) names.set(node.inode, [...(names.get(node.inode) ?? []), path])
    }
  }
  for (const [inode, all] of names) {
    if (all.length === 1) names.delete(inode)
    else all.sort()
  }
  return names
}

import type { FileType, Inode } from './layer-entry.ts'
import { escapeBytes } from './tree-digest.ts'
import type { TreeNode } from './tree-node.ts'

export type FileField =
  | 'type'
  | 'content'
  | 'mode'
  | 'uid'
  | 'gid'
  | 'mtime'
  | 'target'
  | 'device'
  | 'hardlinks'
  | 'xattrs'

export interface FileDifference {
  /** With a slash in front; bytes that are not printable ASCII are written `%XX`. */
  path: string
  /** `added`: only b has it; `removed`: only a has it. */
  change: 'added' | 'removed' | 'changed'
  /** What differs of a changed file, in the order of {@link FileField}; empty when it was added or removed. */
  fields: FileField[]
  a?: FileFacts
  b?: FileFacts
}

/** A file as a difference reports it. */
export interface FileFacts {
  type: FileType
  /** Four octal digits. */
  mode: string
  uid: number
  gid: number
  /** Bytes. */
  size: number
  /** Seconds since 1970. */
  mtime: number
  /** Of a regular file's content, in hex. */
  sha256?: string
  /** Of a symlink. */
  target?: string
  /** Of a device: major and minor number. */
  device?: string
  /** The other names of the same file. */
  hardlinks?: string[]
  /** Values in hex. */
  xattrs?: Record<string, string>
}

/**
 * Every path at which two merged trees differ. As in the tree digest, the root's time counts for nothing.
 * Contents are compared by their sha256. Of names that share a file in one tree and not in the other, those differ that
 * left the others or joined them; a name that came or went changes nothing of its file's other names.
 */
export function compareTrees(a: TreeNode, b: TreeNode): FileDifference[] {
  const sides = { a: namesOf(a), b: namesOf(b) }
  const relinked = relinkedNames(a, b, sides)
  const found: FileDifference[] = []
  const visit = (path: string, left: TreeNode | undefined, right: TreeNode | undefined): void => {
    const difference = comparePlace(path, left?.inode, right?.inode, sides, relinked)
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
  relinked: ReadonlySet<string>,
): FileDifference | undefined {
  const shown = () => `/${escapeBytes(path)}`
  if (a === undefined || b === undefined) {
    const inode = a ?? b
    if (inode === undefined) return undefined
    return a === undefined
      ? { path: shown(), change: 'added', fields: [], b: factsOf(path, inode, names.b) }
      : { path: shown(), change: 'removed', fields: [], a: factsOf(path, inode, names.a) }
  }
  const fields = differingFields(path, a, b, relinked.has(path))
  if (fields.length === 0) return undefined
  return {
    path: shown(),
    change: 'changed',
    fields,
    a: factsOf(path, a, names.a),
    b: factsOf(path, b, names.b),
  }
}

function differingFields(path: string, a: Inode, b: Inode, isRelinked: boolean): FileField[] {
  const fields: FileField[] = []
  if (a.type !== b.type) fields.push('type')
  if (a.sha256 !== b.sha256 || (a.type === 'file' && b.type === 'file' && a.size !== b.size))
    fields.push('content')
  if (a.mode !== b.mode) fields.push('mode')
  if (a.uid !== b.uid) fields.push('uid')
  if (a.gid !== b.gid) fields.push('gid')
  if (a.mtime !== b.mtime && path !== '') fields.push('mtime')
  if (a.target !== b.target) fields.push('target')
  if (a.major !== b.major || a.minor !== b.minor) fields.push('device')
  if (isRelinked) fields.push('hardlinks')
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

/** Names that both trees have, by the files that they are names of in each. */
interface Shared {
  a: Inode
  b: Inode
  paths: string[]
}

/**
 * Names that share another file than before. Each file of one tree stands for the one of the other that is the same but
 * for its names, or else has most names in common; which names lead from it to another have changed.
 */
function relinkedNames(a: TreeNode, b: TreeNode, names: { a: Names; b: Names }): Set<string> {
  const shared = new Map<Inode, Map<Inode, Shared>>()
  for (const path of new Set([...names.a.values(), ...names.b.values()].flat())) {
    const [left, right] = [inodeAt(a, path), inodeAt(b, path)]
    if (left === undefined || right === undefined) continue
    const files = shared.get(left) ?? new Map<Inode, Shared>()
    const entry = files.get(right) ?? { a: left, b: right, paths: [] }
    entry.paths.push(path)
    shared.set(left, files.set(right, entry))
  }
  const pairs = [...shared.values()].flatMap((files) => [...files.values()])
  const isOther = ({ a, b, paths: [path = ''] }: Shared) => differingFields(path, a, b, false).length > 0
  const ranked = pairs.map((pair) => ({ ...pair, paths: pair.paths.sort(), isOther: isOther(pair) }))
  ranked.sort(
    (x, y) =>
      Number(x.isOther) - Number(y.isOther) ||
      y.paths.length - x.paths.length ||
      (String(x.paths[0]) < String(y.paths[0]) ? -1 : 1),
  )
  const paired = new Set<Inode>()
  const relinked = new Set<string>()
  for (const { a, b, paths } of ranked) {
    if (paired.has(a) || paired.has(b)) for (const path of paths) relinked.add(path)
    else paired.add(a).add(b)
  }
  return relinked
}

function inodeAt(root: TreeNode, path: string): Inode | undefined {
  let node: TreeNode | undefined = root
  for (const name of path.split('/')) node = node?.children?.get(name)
  return node?.inode
}

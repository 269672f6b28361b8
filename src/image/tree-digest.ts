import { createHash } from 'node:crypto'
import type { Inode } from './layer-entry.ts'
import { inNameOrder, type TreeNode } from './tree-node.ts'

/**
 * The tree digest: what files a container of the image sees, whatever layers, tar and compression they came in.
 *
 * It is the sha256 over one line for each path of the merged tree, in the order of the paths' bytes. A line is JSON
 * without white space, ended by one newline, with these keys in this order:
 *
 * | key | value |
 * |---|---|
 * | `path` | below the root, without a slash at either end; the root's is empty |
 * | `type` | `file`, `directory`, `symlink`, `character`, `block`, `fifo` |
 * | `mode` | the bits of 07777 as four octal digits; `0777` for a symlink |
 * | `uid`, `gid` | numbers |
 * | `size` | bytes of a file, else 0 |
 * | `mtime` | whole seconds since 1970, rounded down; 0 for the root |
 * | `target` | of a symlink, else empty |
 * | `major`, `minor` | of a device, else 0 |
 * | `hardlink` | the first of the names that share the file; empty when it has but one or this is it |
 * | `xattrs` | pairs of name and value, ordered by the bytes of the name; the value in lower-case hex |
 * | `sha256` | of a file's content in lower-case hex, else empty |
 *
 * `path`, `target`, `hardlink` and names of attributes are bytes, not text: a byte from 0x21 to 0x7e stands for
 * itself, except `%`, `"` and `\`; these and all others are written `%XX` in upper-case hex.
 *
 * The root's mtime is left out of account because most layers don't give it.
 */
export function treeDigest(root: TreeNode): string {
  const digest = createHash('sha256')
  for (const lines of treeLines(root)) digest.update(lines)
  return `sha256:${digest.digest('hex')}`
}

/** The text whose sha256 is the {@link treeDigest}: kept as an artifact, it is the locked tree of a lockfile's image. */
export function treeText(root: TreeNode): Buffer {
  return Buffer.concat([...treeParts(root)])
}

/** The {@link treeText} in parts of several lines, each made when it is asked for. */
export function* treeParts(root: TreeNode): Generator<Buffer> {
  for (const lines of treeLines(root)) yield Buffer.from(lines, 'latin1')
}

/** Whether bytes are the {@link treeText} of a tree. */
export function isTreeText(root: TreeNode, text: Buffer): boolean {
  let at = 0
  for (const part of treeParts(root)) {
    if (!text.subarray(at, at + part.length).equals(part)) return false
    at += part.length
  }
  return at === text.length
}

/** The text in parts of several lines. */
function* treeLines(root: TreeNode): Generator<string> {
  let lines = ''
  for (const record of treeRecords(root)) {
    lines += `${lineOf(record)}\n`
    if (lines.length < TOGETHER) continue
    yield lines
    lines = ''
  }
  yield lines
}

/** A record in JSON, as `JSON.stringify` gives it; nothing in its strings is to be escaped. */
function lineOf({ path, type, mode, uid, gid, size, mtime, target, ...rest }: TreeRecord): string {
  const { major, minor, hardlink, xattrs, sha256 } = rest
  const attributes = xattrs.length === 0 ? '[]' : JSON.stringify(xattrs)
  return (
    `{"path":"${path}","type":"${type}","mode":"${mode}","uid":${uid},"gid":${gid},"size":${size},"mtime":${mtime},` +
    `"target":"${target}","major":${major},"minor":${minor},"hardlink":"${hardlink}","xattrs":${attributes},"sha256":"${sha256}"}`
  )
}

/** Characters that are hashed at a time: one call a line would cost more than the hashing. */
const TOGETHER = 64 * 1024

/** One path of a tree, as {@link treeDigest} sees it; the order of the keys is part of the digest. */
export interface TreeRecord {
  path: string
  type: Inode['type']
  mode: string
  uid: number
  gid: number
  size: number
  mtime: number
  target: string
  major: number
  minor: number
  hardlink: string
  xattrs: [name: string, value: string][]
  sha256: string
}

/** The records of a tree, in order; not all at once, as there are many. */
export function* treeRecords(root: TreeNode): Generator<TreeRecord> {
  const first = new Map<Inode, string>()
  yield toRecord('', root.inode, '')
  for (const { path, inode } of inOrder(root)) {
    const name = inode.isShared ? first.get(inode) : undefined
    if (inode.isShared && name === undefined) first.set(inode, path)
    yield toRecord(path, inode, name ?? '')
  }
}

function toRecord(path: string, inode: Inode, hardlink: string): TreeRecord {
  return {
    path: escapeBytes(path),
    type: inode.type,
    mode: inode.mode.toString(8).padStart(4, '0'),
    uid: inode.uid,
    gid: inode.gid,
    size: inode.type === 'file' ? inode.size : 0,
    mtime: path === '' ? 0 : inode.mtime,
    target: escapeBytes(inode.target),
    major: inode.major,
    minor: inode.minor,
    hardlink: escapeBytes(hardlink),
    xattrs: inode.xattrs.size === 0 ? NO_XATTRS : toPairs(inode.xattrs),
    sha256: inode.sha256,
  }
}

const NO_XATTRS: TreeRecord['xattrs'] = []

function toPairs(xattrs: Inode['xattrs']): TreeRecord['xattrs'] {
  return [...xattrs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [escapeBytes(name), Buffer.from(value, 'latin1').toString('hex')])
}

/** A directory whose paths are given one after the other. */
interface OpenDirectory {
  /** Its path with a slash behind it. */
  prefix: string
  places: Iterator<[name: string, node: TreeNode], void>
  /** What {@link places} gives next. */
  next: [name: string, node: TreeNode] | undefined
  /** Directories that were given and whose content comes later, the last first: `a-` comes before `a/b`. */
  later: [prefix: string, node: TreeNode][]
}

function opened(prefix: string, { children }: TreeNode): OpenDirectory {
  const places = inNameOrder(children)
  return { prefix, places, next: places.next().value ?? undefined, later: [] }
}

/** All paths below a directory in the order of their bytes: what is in `a` comes after `a-`, as a slash does. */
function* inOrder(root: TreeNode): Generator<{ path: string; inode: Inode }> {
  // without recursion, which would cost each path as many steps as it lies deep
  const open = [opened('', root)]
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const { prefix, next } = top
    const path = next && prefix + next[0]
    const below = top.later.at(-1)
    if (below !== undefined && (path === undefined || below[0] < path)) {
      top.later.pop()
      open.push(opened(...below))
    } else if (next === undefined || path === undefined) open.pop()
    else {
      const [, node] = next
      yield { path, inode: node.inode }
      if (node.children !== undefined) top.later.push([`${path}/`, node])
      top.next = top.places.next().value ?? undefined
    }
  }
}

/** Writes a byte string (latin1) as printable ASCII. */
export function escapeBytes(bytes: string): string {
  if (!ESCAPED.test(bytes)) return bytes
  return bytes.replaceAll(/[^\x21-\x7e]|[%"\\]/g, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

const ESCAPED = /[^\x21-\x7e]|[%"\\]/

/** Back from {@link escapeBytes}. */
export function unescapeBytes(text: string): string {
  return text.replaceAll(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

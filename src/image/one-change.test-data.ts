import fc from 'fast-check'
import type { FileField } from './compare-trees.ts'
import { sha256 } from './image-archive.test-data.ts'
import type { Inode } from './layer-entry.ts'
import type { TreeNode } from './tree-node.ts'

/** One change of one attribute of one path, or a path more or less. */
export interface OneChange {
  kind: Exclude<FileField, 'device'> | 'added' | 'removed'
  /** Of the path that differs, without a slash in front. */
  path: string
  /** The tree as it is with the change; the one that was given is as before. */
  root: TreeNode
}

type Kind = OneChange['kind']

interface Place {
  path: string
  node: TreeNode
  /** Whether it is another name of a file, and not the first of all. */
  isFurther: boolean
}

const isFile = ({ node }: Place) => node.inode.type === 'file'

/** Which paths can change so. */
const FITS: Record<Kind, (place: Place) => boolean> = {
  content: isFile,
  mode: ({ node }) => node.inode.type !== 'symlink',
  uid: () => true,
  gid: () => true,
  // a name that parts from others of its file is told as that, whatever its time
  mtime: ({ node }) => node.inode.isShared !== true,
  target: ({ node }) => node.inode.type === 'symlink',
  type: ({ node }) => node.children === undefined,
  xattrs: () => true,
  // of two names that part, none can tell which has left
  hardlinks: ({ isFurther }) => isFurther,
  added: ({ node }) => node.children !== undefined,
  removed: ({ node }) => (node.children?.size ?? 0) === 0,
}

/** Any change of a tree, of each kind as often as of the others. */
export function anyChange(root: TreeNode): fc.Arbitrary<OneChange> {
  const all = placesOf(root)
  const fitting = (Object.keys(FITS) as Kind[])
    .map((kind) => ({ kind, places: all.filter(FITS[kind]) }))
    .filter(({ places }) => places.length > 0)
  return fc.tuple(fc.nat(fitting.length - 1), fc.nat(), fc.nat()).map(([which, index, seed]) => {
    const { kind, places } = fitting[which] as (typeof fitting)[number]
    return change(root, kind, places[index % places.length] as Place, seed)
  })
}

function change(original: TreeNode, kind: Kind, { path, node }: Place, seed: number): OneChange {
  if (kind === 'added') {
    const [added, child] = addedTo(node, seed)
    return { kind, path: `${path}/${added}`, root: withNode(original, `${path}/${added}`, child) }
  }
  if (kind === 'removed') return { kind, path, root: withNode(original, path, undefined) }
  const inode: Inode = { ...node.inode, ...changed(kind, node.inode, seed) }
  delete inode.isShared
  return { kind, path, root: withNode(original, path, { inode, children: node.children }) }
}

/** A tree with another node at a path; what is not on the way there is that of the first. */
function withNode({ inode, children }: TreeNode, path: string, node: TreeNode | undefined): TreeNode {
  const [name = '', ...rest] = path.split('/')
  const copies = new Map(children)
  const next = rest.length === 0 ? node : withNode(children?.get(name) as TreeNode, rest.join('/'), node)
  if (next === undefined) copies.delete(name)
  else copies.set(name, next)
  return { inode, children: copies }
}

function changed(
  kind: Kind,
  { mode, uid, gid, mtime, target, type, xattrs }: Inode,
  seed: number,
): Partial<Inode> {
  switch (kind) {
    case 'content':
      return { sha256: sha256(`${seed}`), size: `${seed}`.length, content: Buffer.from(`${seed}`) }
    case 'mode':
      return { mode: mode ^ (1 << (seed % 12)) }
    case 'uid':
      return { uid: uid + 1 + (seed % 1000) }
    case 'gid':
      return { gid: gid + 1 + (seed % 1000) }
    case 'mtime':
      return { mtime: mtime + 1 + seed }
    case 'target':
      return { target: `${target}${seed % 10}` }
    case 'type': {
      const types = (['symlink', 'fifo', 'character'] as const).filter((each) => each !== type)
      const other = types[seed % types.length] as Inode['type']
      const device = other === 'character' ? { major: 1, minor: 3 } : {}
      return { type: other, size: 0, sha256: '', target: other === 'symlink' ? 'x' : '', ...device }
    }
    case 'xattrs': {
      const name = seed % 2 === 0 ? 'security.capability' : 'user.k'
      return { xattrs: new Map([...xattrs, [name, `${xattrs.get(name) ?? ''}${seed}`]]) }
    }
    default:
      return {}
  }
}

function addedTo({ inode }: TreeNode, seed: number): [name: string, node: TreeNode] {
  const types = ['file', 'directory', 'symlink', 'fifo'] as const
  const type = types[seed % types.length] as Inode['type']
  const added: Inode = {
    ...inode,
    type,
    mode: type === 'symlink' ? 0o777 : 0o755,
    target: type === 'symlink' ? 'x' : '',
    sha256: type === 'file' ? sha256('') : '',
    xattrs: new Map(),
  }
  return [`added ${seed}`, { inode: added, children: type === 'directory' ? new Map() : undefined }]
}

/** Every path but the root's. */
function placesOf(root: TreeNode): Place[] {
  const places: Place[] = []
  const open = [{ path: '', node: root }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path } = next
    for (const [name, node] of next.node.children ?? []) {
      const place = { path: path === '' ? name : `${path}/${name}`, node, isFurther: false }
      places.push(place)
      open.push(place)
    }
  }
  const first = new Set<Inode>()
  for (const place of places.sort((a, b) => (a.path < b.path ? -1 : 1))) {
    place.isFurther = first.has(place.node.inode)
    first.add(place.node.inode)
  }
  return places
}

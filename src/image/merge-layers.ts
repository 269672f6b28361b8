import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import type { Inode, LayerEntry } from './layer-entry.ts'

/** A place in the merged tree; names of one hard-linked file share their inode. */
export interface TreeNode {
  inode: Inode
  /** By name; only directories have them. */
  children: Map<string, TreeNode> | undefined
}

/** A place in one layer; `implied` when no member gives the directory itself. */
interface LayerNode extends TreeNode {
  children: Map<string, LayerNode> | undefined
  implied: boolean
}

/** A layer may come many times in one image, and then counts each time. */
const MEMBER_LIMIT = 4_000_000
/** More directories that no member gives than any image has: paths are short, what they imply is not. */
const IMPLIED_LIMIT = 500_000

/** The root of one layer. */
interface Layer extends LayerNode {
  /** How many directories may still be implied, in all layers. */
  remaining: { directories: number }
  /**
   * The directory that was asked for last, since members come in the order of their directories. Whoever puts something
   * in a directory asks for it first, so this is never what was replaced, nor below it.
   */
  recent?: { path: string; node: LayerNode } | undefined
}

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'

/**
 * Lays layers over each other, lowest first, as a container sees them (OCI image specification, "Applying
 * Changesets"), and returns the root. The entries' inodes become the tree's.
 *
 * - A whiteout `.wh.NAME` and an opaque marker `.wh..wh..opq` delete from the layers below, never from their own.
 * - A directory over a directory takes its attributes and keeps what is in it; all else replaces what was there.
 * - Of a path given twice in a layer the later counts.
 * - A directory that no member gives keeps what the layers below say of it, or is root's, 0755, of 1970.
 * - A hard link is another name of a file of its own layer before it, or of the layers below; its mode, owner and time
 *   become the file's, as engines do.
 *
 * What engines do differently is refused: a member below a symbolic link or a file (overlayfs replaces the link by a
 * directory, other stores follow it), and the remains of aufs (`.wh..wh.*`).
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export function mergeLayers(layers: readonly (readonly LayerEntry[])[]): TreeNode {
  const members = layers.reduce((sum, entries) => sum + entries.length, 0)
  if (members > MEMBER_LIMIT) throw imageInvalid(`The image's layers have ${members} members`)
  const root = impliedDirectory()
  const remaining = { directories: IMPLIED_LIMIT }
  for (const [index, entries] of layers.entries()) {
    const additions = entries.filter((entry) => !removeWhiteout(root, entry))
    const layer: Layer = { ...impliedDirectory(), remaining }
    for (const { path } of entries) if (isWhiteout(path)) directoryAt(layer, parentOf(path))
    const isOnce = layers.indexOf(entries) === layers.lastIndexOf(entries)
    for (const { path, inode, link } of additions)
      addEntry(layer, root, {
        path,
        link,
        inode: Object.assign(isOnce ? inode : { ...inode }, { layer: index }),
      })
    overlay(root, layer, '')
    if (!layer.implied) root.inode = layer.inode
  }
  return root
}

/** Deletes what a whiteout names; whether the entry is one. */
function removeWhiteout(root: TreeNode, { path }: LayerEntry): boolean {
  if (!isWhiteout(path)) return false
  const base = baseOf(path)
  const directory = find(root, parentOf(path))
  if (base === OPAQUE) {
    directory?.children?.clear()
    return true
  }
  const name = base.slice(WHITEOUT.length)
  if (name === '' || name === '.' || name === '..' || name.startsWith(WHITEOUT)) {
    throw imageInvalid(`${quotePath(path)} is not a whiteout that engines agree on`)
  }
  directory?.children?.delete(name)
  return true
}

function addEntry(layer: Layer, below: TreeNode, { path, link, inode }: LayerEntry): void {
  if (path === '') {
    layer.inode = inode
    layer.implied = false
    return
  }
  const siblings = directoryAt(layer, parentOf(path)).children as Map<string, LayerNode>
  const name = baseOf(path)
  if (link !== undefined) {
    siblings.set(name, leaf(linkedInode(layer, below, path, link, inode)))
  } else if (inode.type !== 'directory') {
    siblings.set(name, leaf(inode))
  } else {
    const known = siblings.get(name)
    if (known?.children === undefined) siblings.set(name, { inode, children: new Map(), implied: false })
    else Object.assign(known, { inode, implied: false })
  }
}

/** The inode that a hard link names, after taking over the link's attributes. */
function linkedInode(
  layer: LayerNode,
  below: TreeNode,
  path: string,
  link: string,
  attributes: Inode,
): Inode {
  const target = path === link ? undefined : (find(layer, link) ?? find(below, link))
  if (target === undefined)
    throw imageInvalid(`${quotePath(path)} is a hard link to ${quotePath(link)}, which is not there`)
  const { inode } = target
  if (inode.type === 'directory')
    throw imageInvalid(`${quotePath(path)} is a hard link to the directory ${quotePath(link)}`)
  inode.isShared = true
  inode.uid = attributes.uid
  inode.gid = attributes.gid
  inode.mtime = attributes.mtime
  if (inode.type !== 'symlink') inode.mode = attributes.mode
  for (const [name, value] of attributes.xattrs) {
    if (inode.xattrs.get(name) === value) continue
    throw imageInvalid(`${quotePath(path)} gives the file it links to another attribute "${name}"`)
  }
  return inode
}

function overlay(lower: TreeNode, upper: LayerNode, path: string): void {
  const places = lower.children as Map<string, TreeNode>
  for (const [name, node] of upper.children as Map<string, LayerNode>) {
    const known = places.get(name)
    if (node.children !== undefined && known?.children !== undefined) {
      if (!node.implied) known.inode = node.inode
      overlay(known, node, `${path}${name}/`)
    } else {
      if (known !== undefined && node.implied) throw notDirectory(`${path}${name}`, known.inode)
      // with all that is below
      places.set(name, node)
    }
  }
}

/** The directory at a path of a layer; those that no member gave yet are implied. */
function directoryAt(layer: Layer, path: string): LayerNode {
  if (layer.recent?.path === path) return layer.recent.node
  let node: LayerNode = layer
  for (const name of path === '' ? [] : path.split('/')) {
    const children = node.children as Map<string, LayerNode>
    let next = children.get(name)
    if (next === undefined) {
      layer.remaining.directories -= 1
      if (layer.remaining.directories < 0)
        throw imageInvalid(`The image's paths imply more than ${IMPLIED_LIMIT} directories`)
      next = impliedDirectory()
      children.set(name, next)
    }
    if (next.children === undefined) throw notDirectory(path, next.inode)
    node = next
  }
  layer.recent = { path, node }
  return node
}

function find(root: TreeNode, path: string): TreeNode | undefined {
  let node: TreeNode | undefined = root
  for (const name of path === '' ? [] : path.split('/')) node = node?.children?.get(name)
  return node
}

function notDirectory(path: string, { type }: Inode): Error {
  return imageInvalid(`A member lies below ${quotePath(path)}, which is a ${type}`)
}

function impliedDirectory(): LayerNode {
  return { inode: { ...IMPLIED }, children: new Map(), implied: true }
}

const IMPLIED: Inode = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  target: '',
  major: 0,
  minor: 0,
  xattrs: new Map(),
  sha256: '',
}

const leaf = (inode: Inode) => ({ inode, children: undefined, implied: false })
const isWhiteout = (path: string) => path.includes(WHITEOUT) && baseOf(path).startsWith(WHITEOUT)
const baseOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))

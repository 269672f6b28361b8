import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { CAPABILITY, DEFAULT_ACL, type Inode, type LayerEntry, PLAIN_DIRECTORY } from './layer-entry.ts'

/** A place in the merged tree; names of one hard-linked file share their inode. */
export interface TreeNode {
  inode: Inode
  /** By name; only directories have them. */
  children: Map<string, TreeNode> | undefined
  /**
   * Set of a directory that a layer puts something into without giving it, over one of a lower layer that is not root's,
   * 0755, without attributes: with moby it becomes that, with containerd it stays.
   */
  isUnclear?: boolean
}

/** A place in one layer. */
interface LayerNode extends TreeNode {
  children: Map<string, LayerNode> | undefined
  /** No member gives the directory itself. */
  implied: boolean
  /** It hides what the layers below have in the directory; or, of no directory, it is but a whiteout. */
  hides: boolean
}

/** A layer may come many times in one image, and then counts each time. */
const MEMBER_LIMIT = 4_000_000
/** More directories that no member gives than any image has: paths are short, what they imply is not. */
const IMPLIED_LIMIT = 500_000

/** The root of one layer. */
interface Layer extends LayerNode {
  /** Paths that it deletes. */
  blocked: Set<string>
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
 * Lays layers over each other, lowest first, as a container sees them on overlayfs, and returns the root. The entries'
 * inodes become the tree's.
 *
 * - A whiteout `.wh.NAME` and an opaque marker `.wh..wh..opq` delete from the layers below, never from their own.
 * - A directory over a directory takes its attributes and keeps what is in it; all else replaces what was there.
 * - Of a path given twice in a layer the later counts.
 * - A directory that no member gives keeps what the layers below say of it, or is root's, 0755, of 1970. (So does
 *   containerd, but for the time; moby makes it root's, 0755, in any case: see `isUnclear`.)
 * - A hard link is another name of a file that its own layer gave before.
 *
 * What engines do not unpack, or each in its own way, is refused: a member below a symbolic link or a file of its layer;
 * a path that is a directory and something else within a layer, or a directory after its whiteout; hard links to what
 * their layer doesn't give, or with other attributes than the file's; a directory that no member gives where an opaque
 * one hides a private one; and the remains of aufs (`.wh..wh.*`).
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export function mergeLayers(layers: readonly (readonly LayerEntry[])[]): TreeNode {
  const members = layers.reduce((sum, entries) => sum + entries.length, 0)
  if (members > MEMBER_LIMIT) throw imageInvalid(`The image's layers have ${members} members`)
  const root = impliedDirectory()
  const remaining = { directories: IMPLIED_LIMIT }
  const blocked = new Set<string>()
  const hidden = new Set<string>()
  for (const [index, entries] of layers.entries()) {
    const layer: Layer = { ...impliedDirectory(), remaining, blocked: new Set() }
    const isOnce = layers.indexOf(entries) === layers.lastIndexOf(entries)
    for (const { path, inode, link } of entries) {
      if (isWhiteout(path)) addWhiteout(layer, path, index === 0)
      else
        addEntry(layer, {
          path,
          link,
          inode: Object.assign(isOnce ? inode : { ...inode }, { layer: index }),
        })
    }
    overlay(root, root, layer, '', { blocked, hidden })
    for (const path of layer.blocked) blocked.add(path)
    if (!layer.implied) root.inode = layer.inode
  }
  return root
}

function addWhiteout(layer: Layer, path: string, isLowest: boolean): void {
  const directory = directoryAt(layer, parentOf(path))
  const base = baseOf(path)
  if (base === OPAQUE) {
    if (directory === layer)
      throw imageInvalid(`${quotePath(path)} is in the root, where overlayfs ignores it`)
    // where containerd has no layers below it deletes the directories that no member gave
    if (isLowest && directory.children?.size !== 0)
      throw imageInvalid(`${quotePath(path)} comes after what is in its directory, in the lowest layer`)
    directory.hides = true
    return
  }
  const name = base.slice(WHITEOUT.length)
  if (name === '' || name === '.' || name === '..' || name.startsWith(WHITEOUT)) {
    throw imageInvalid(`${quotePath(path)} is not a whiteout that engines agree on`)
  }
  const siblings = directory.children as Map<string, LayerNode>
  if (siblings.has(name))
    throw imageInvalid(`${quotePath(path)} comes after the member that it names, or another such whiteout`)
  siblings.set(name, { ...leaf({ ...PLAIN_DIRECTORY, type: 'character' }), hides: true })
  layer.blocked.add(`${parentOf(path)}${parentOf(path) && '/'}${name}`)
}

function addEntry(layer: Layer, { path, link, inode }: LayerEntry): void {
  if (path === '') {
    layer.inode = inode
    layer.implied = false
    return
  }
  const directory = directoryAt(layer, parentOf(path))
  if (directory.inode.xattrs.has(DEFAULT_ACL))
    throw imageInvalid(`${quotePath(path)} lies in a directory that gives it an access control list`)
  const siblings = directory.children as Map<string, LayerNode>
  const name = baseOf(path)
  const known = siblings.get(name)
  const isDirectory = inode.type === 'directory'
  if (known !== undefined && (known.children !== undefined) !== isDirectory) {
    throw imageInvalid(
      known.hides && isDirectory
        ? `${quotePath(path)} is a directory after its whiteout: engines show what it should hide`
        : `${quotePath(path)} is a directory and something else in one layer`,
    )
  }
  if (link !== undefined) siblings.set(name, leaf(linkedInode(layer, path, link, inode)))
  else if (!isDirectory) siblings.set(name, leaf(inode))
  else if (known === undefined) siblings.set(name, { ...impliedDirectory(), inode, implied: false })
  else {
    // engines set the attributes of each
    if (known.inode.xattrs.size > 0) inode.xattrs = new Map([...known.inode.xattrs, ...inode.xattrs])
    Object.assign(known, { inode, implied: false })
  }
}

/** The file that a hard link names; engines give it the link's attributes, each in its own way. */
function linkedInode(layer: LayerNode, path: string, link: string, attributes: Inode): Inode {
  const target = path === link ? undefined : find(layer, link)
  const to = `${quotePath(path)} is a hard link to ${quotePath(link)}`
  if (target === undefined || target.hides)
    throw imageInvalid(`${to}, which is not there: its layer must give it before`)
  const { inode } = target
  if (inode.type === 'directory') throw imageInvalid(`${to}, a directory`)
  for (const key of ['uid', 'gid', 'mtime', 'mode'] as const) {
    if (inode[key] === attributes[key] || (key === 'mode' && inode.type === 'symlink')) continue
    const [given, known] = [attributes, inode].map(({ [key]: value }) =>
      value.toString(key === 'mode' ? 8 : 10),
    )
    throw imageInvalid(`${to} with another ${key}: ${given}, not ${known}`)
  }
  for (const [name, value] of attributes.xattrs) {
    if (inode.xattrs.get(name) === value) continue
    throw imageInvalid(`${to}, which has not its attribute ${quotePath(name)}`)
  }
  // the kernel takes it away when the owner is set
  if (inode.xattrs.has(CAPABILITY) && !attributes.xattrs.has(CAPABILITY))
    throw imageInvalid(`${to} without its attribute "${CAPABILITY}"`)
  inode.isShared = true
  return inode
}

/** What lower layers leave behind where a layer above implies directories. */
interface Remains {
  /** Paths where a lower layer had no directory and there is one now, or none at all. */
  blocked: Set<string>
  /** Directories below opaque ones that were not as an implied one is: containerd would make it like them. */
  hidden: Set<string>
}

function overlay(root: TreeNode, lower: TreeNode, upper: LayerNode, below: string, remains: Remains): void {
  const places = lower.children as Map<string, TreeNode>
  for (const [name, node] of upper.children as Map<string, LayerNode>) {
    const known = places.get(name)
    const path = `${below}${name}`
    if (node.children !== undefined && known?.children !== undefined) {
      if (!node.implied) {
        known.inode = node.inode
        delete known.isUnclear
      } else if (!isPlain(known.inode)) known.isUnclear = true
      if (node.hides) {
        addHidden(known, path, remains.hidden)
        known.children.clear()
      }
      overlay(root, known, node, `${path}/`, remains)
    } else if (node.children === undefined && node.hides) places.delete(name)
    else {
      if (node.children !== undefined) {
        if (known !== undefined) remains.blocked.add(path)
        if (node.implied && known?.inode.type === 'symlink') refuseOddLink(root, path, known.inode)
        settle(node, path, remains)
      }
      // with all that is below
      places.set(name, node)
    }
  }
}

function addHidden(directory: TreeNode, at: string, hidden: Set<string>): void {
  const open = [{ node: directory, path: at }]
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    for (const [name, node] of top.node.children ?? []) {
      if (node.children === undefined) continue
      const path = `${top.path}/${name}`
      if (!isPlain(node.inode)) hidden.add(path)
      open.push({ node, path })
    }
  }
}

/** Whether a directory is one as engines make it where no member gives it. */
const isPlain = ({ mode, uid, gid, xattrs }: Inode) =>
  mode === PLAIN_DIRECTORY.mode && uid === 0 && gid === 0 && xattrs.size === 0

/** Makes a directory of a layer one of the tree: takes out whiteouts, which are of nothing. */
function settle(directory: LayerNode, at: string, { blocked, hidden }: Remains): void {
  const open = [{ node: directory, path: at }]
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    const { node, path } = top
    if (node.implied && blocked.size > 0) refuseBlocked(path, blocked)
    if (node.implied && hidden.has(path))
      throw imageInvalid(
        `${quotePath(path)} is given by no member, and a layer hides a directory there that is not root's, 0755`,
      )
    for (const [name, child] of node.children as Map<string, LayerNode>) {
      if (child.children !== undefined) open.push({ node: child, path: `${path}/${name}` })
      else if (child.hides) node.children?.delete(name)
    }
  }
}

/** containerd follows a link that becomes a directory no member gives: to another directory, or it may fail. */
function refuseOddLink(root: TreeNode, path: string, { target }: Inode): void {
  const parts = target.startsWith('/') ? [] : parentOf(path).split('/')
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  if (find(root, parts.filter((part) => part !== '').join('/'))?.children !== undefined) return
  throw imageInvalid(
    `A member lies below ${quotePath(path)}, where a lower layer has a symlink to ${quotePath(target)}`,
  )
}

/** containerd looks for the attributes of a directory that no member gives, and fails where it meets no directory. */
function refuseBlocked(path: string, blocked: ReadonlySet<string>): void {
  for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
    if (!blocked.has(parent)) continue
    throw imageInvalid(
      `${quotePath(path)} is given by no member, and a lower layer has no directory at ${quotePath(parent)}`,
    )
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
      if (name.startsWith(WHITEOUT)) throw imageInvalid(`A member lies below the whiteout ${quotePath(path)}`)
      layer.remaining.directories -= 1
      if (layer.remaining.directories < 0)
        throw imageInvalid(`The image's paths imply more than ${IMPLIED_LIMIT} directories`)
      next = impliedDirectory()
      children.set(name, next)
    }
    if (next.children === undefined) throw notDirectory(path, next)
    node = next
  }
  layer.recent = { path, node }
  return node
}

function find<Node extends TreeNode>(root: Node, path: string): Node | undefined {
  let node: Node | undefined = root
  for (const name of path === '' ? [] : path.split('/')) node = node?.children?.get(name) as Node | undefined
  return node
}

function notDirectory(path: string, { inode, hides }: LayerNode): Error {
  const what = hides ? 'which its layer deletes' : `where its layer has a ${inode.type}`
  return imageInvalid(`A member lies below ${quotePath(path)}, ${what}`)
}

function impliedDirectory(): LayerNode {
  return { inode: { ...PLAIN_DIRECTORY }, children: new Map(), implied: true, hides: false }
}

const leaf = (inode: Inode): LayerNode => ({ inode, children: undefined, implied: false, hides: false })
const isWhiteout = (path: string) => path.includes(WHITEOUT) && baseOf(path).startsWith(WHITEOUT)
const baseOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))

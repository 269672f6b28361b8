import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { joinPath, type PlaceInDirectory } from './columns.ts'
import { LayerEntries } from './layer-entries.ts'
import {
  CAPABILITY,
  DEFAULT_ACL,
  type Inode,
  type LayerEntry,
  NO_XATTRS,
  PLAIN_DIRECTORY,
} from './layer-entry.ts'
import { NumberedChildren, NumberedFiles, type TreeNode } from './tree-node.ts'

/** A directory of one layer, which may become one of the tree. */
class Directory implements TreeNode {
  readonly children: NumberedChildren<Directory>
  /** It hides what the layers below have in the directory. */
  hides = false
  isUnclear?: boolean
  /** Its member's; undefined as long as none gives it. */
  number: number | undefined
  /** Whether its layer gave something in it first: engines make it then, even if its member comes after. */
  isImplied = false
  readonly #files: NumberedFiles
  /** Of a directory that a layer gives several times: the attributes of each. */
  #xattrs: Inode['xattrs'] | undefined

  constructor(files: NumberedFiles) {
    this.#files = files
    this.children = new NumberedChildren(files)
  }

  get inode(): Inode {
    if (this.number === undefined) return { ...PLAIN_DIRECTORY }
    return Object.assign(this.#files.inode(this.number), { xattrs: this.xattrs })
  }

  get xattrs(): Inode['xattrs'] {
    return this.#xattrs ?? (this.number === undefined ? NO_XATTRS : this.#files.xattrs(this.number))
  }

  /** Becomes what a member says of it. */
  take(number: number): void {
    // engines set the attributes of each
    if (this.xattrs.size > 0) this.#xattrs = new Map([...this.xattrs, ...this.#files.xattrs(number)])
    this.number = number
  }

  /** Becomes what a directory of a layer above is. */
  become(other: Directory): void {
    this.number = other.number
    this.#xattrs = other.#xattrs
    delete this.isUnclear
  }
}

type Place = Directory | number

/** In a directory of a layer, instead of a file's number: what the layers below have of the name is deleted. */
const DELETED = -1

/** A layer may come many times in one image, and then counts each time. */
const MEMBER_LIMIT = 4_000_000
/** More directories that no member gives than any image has: paths are short, what they imply is not. */
const IMPLIED_LIMIT = 500_000

/** One layer, as far as its members were laid out. */
interface Layer {
  root: Directory
  entries: LayerEntries
  files: NumberedFiles
  /** The number of its first member. */
  first: number
  /** Paths that it deletes. */
  blocked: Set<string>
  /** How many directories may still be implied, in all layers. */
  remaining: { directories: number }
  /**
   * The directory that was asked for last, since members come in the order of their directories. Whoever puts something
   * in a directory asks for it first, so this is never what was replaced, nor below it.
   */
  recent?: { path: string; directory: Directory } | undefined
}

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'

/**
 * Lays layers over each other, lowest first, as a container sees them on overlayfs, and returns the root. Files stay
 * where the layers have them, and the tree has but their numbers.
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
 * one hides a private one, or a layer below has a symlink, unless that leads to one of root's, 0755; and the remains of
 * aufs (`.wh..wh.*`).
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export function mergeLayers(layers: readonly Iterable<LayerEntry>[]): TreeNode {
  const packed = layers.map((each) => (each instanceof LayerEntries ? each : LayerEntries.from(each)))
  const members = packed.reduce((sum, { length }) => sum + length, 0)
  if (members > MEMBER_LIMIT) throw imageInvalid(`The image's layers have ${members} members`)
  const files = new NumberedFiles()
  const root = new Directory(files)
  const remaining = { directories: IMPLIED_LIMIT }
  const remains: Remains = { blocked: new Set(), hidden: new Set() }
  for (const [number, entries] of packed.entries()) {
    const first = files.add(entries)
    const layer: Layer = {
      ...{ root: new Directory(files), entries, files, first, remaining },
      blocked: new Set(),
    }
    for (const place of entries.places()) {
      if (place.name.startsWith(WHITEOUT)) addWhiteout(layer, place, number === 0)
      else addEntry(layer, place)
    }
    refuseOddLinks(root, layer)
    overlay(root, layer.root, '', remains)
    for (const path of layer.blocked) remains.blocked.add(path)
    if (layer.root.number !== undefined) root.become(layer.root)
  }
  return root
}

function addWhiteout(layer: Layer, place: PlaceInDirectory, isLowest: boolean): void {
  const directory = directoryAt(layer, place.directory)
  const shown = quotePath(joinPath(place.directory, place.name))
  if (place.name === OPAQUE) {
    if (directory === layer.root) throw imageInvalid(`${shown} is in the root, where overlayfs ignores it`)
    // where containerd has no layers below it deletes the directories that no member gave
    if (isLowest && directory.children.size !== 0)
      throw imageInvalid(`${shown} comes after what is in its directory, in the lowest layer`)
    directory.hides = true
    return
  }
  const name = place.name.slice(WHITEOUT.length)
  if (name === '' || name === '.' || name === '..' || name.startsWith(WHITEOUT))
    throw imageInvalid(`${shown} is not a whiteout that engines agree on`)
  if (directory.children.has(name))
    throw imageInvalid(`${shown} comes after the member that it names, or another such whiteout`)
  directory.children.set(name, DELETED)
  layer.blocked.add(joinPath(place.directory, name))
}

function addEntry(layer: Layer, { index, ...place }: PlaceInDirectory & { index: number }): void {
  const { entries, first, files } = layer
  const number = first + index
  const path = joinPath(place.directory, place.name)
  if (path === '') {
    layer.root.number = number
    return
  }
  const directory = directoryAt(layer, place.directory)
  if (directory.xattrs.has(DEFAULT_ACL))
    throw imageInvalid(`${quotePath(path)} lies in a directory that gives it an access control list`)
  const { name } = place
  const known = directory.children.place(name)
  const isDirectory = entries.type(index) === 'directory'
  if (known !== undefined && (typeof known === 'object') !== isDirectory) {
    throw imageInvalid(
      known === DELETED
        ? `${quotePath(path)} is a directory after its whiteout: engines show what it should hide`
        : `${quotePath(path)} is a directory and something else in one layer`,
    )
  }
  const link = entries.link(index)
  if (link !== undefined) directory.children.set(name, linkedFile(layer, path, link, files.inode(number)))
  else if (!isDirectory) directory.children.set(name, number)
  else {
    const made = typeof known === 'object' ? known : new Directory(files)
    made.take(number)
    directory.children.set(name, made)
  }
}

/** The number of the file that a hard link names; engines give it the link's attributes, each in its own way. */
function linkedFile(layer: Layer, path: string, link: string, attributes: Inode): number {
  const target = path === link ? undefined : placeAt(layer.root, link)
  const to = `${quotePath(path)} is a hard link to ${quotePath(link)}`
  if (target === undefined || target === DELETED || (typeof target === 'object' && target.hides))
    throw imageInvalid(`${to}, which is not there: its layer must give it before`)
  if (typeof target === 'object') throw imageInvalid(`${to}, a directory`)
  const inode = layer.files.inode(target)
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
  layer.entries.share(target - layer.first)
  return target
}

/** What lower layers leave behind where a layer above implies directories. */
interface Remains {
  /** Paths where a lower layer had no directory and there is one now, or none at all. */
  blocked: Set<string>
  /** Directories below opaque ones that were not as an implied one is: containerd would make it like them. */
  hidden: Set<string>
}

function overlay(lower: Directory, upper: Directory, below: string, remains: Remains): void {
  for (const [name, place] of upper.children.places()) {
    const known = lower.children.place(name)
    const path = `${below}${name}`
    if (place === DELETED) lower.children.delete(name)
    // it is not a directory
    else if (typeof place === 'number') lower.children.set(name, place)
    else if (typeof known === 'object') {
      if (place.number !== undefined) known.become(place)
      else if (!isPlain(known.inode)) known.isUnclear = true
      if (place.hides) {
        addHidden(known, path, remains.hidden)
        known.children.clear()
      }
      overlay(known, place, `${path}/`, remains)
    } else {
      if (known !== undefined) remains.blocked.add(path)
      settle(place, path, remains)
      // with all that is below
      lower.children.set(name, place)
    }
  }
}

function addHidden(directory: Directory, at: string, hidden: Set<string>): void {
  const open = [{ directory, path: at }]
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    for (const [name, place] of top.directory.children.places()) {
      if (typeof place === 'number') continue
      const path = `${top.path}/${name}`
      if (!isPlain(place.inode)) hidden.add(path)
      open.push({ directory: place, path })
    }
  }
}

/** Whether a directory is one as engines make it where no member gives it. */
const isPlain = ({ mode, uid, gid, xattrs }: Inode) =>
  mode === PLAIN_DIRECTORY.mode && uid === 0 && gid === 0 && xattrs.size === 0

/** Makes a directory of a layer one of the tree: takes out whiteouts, which are of nothing. */
function settle(directory: Directory, at: string, { blocked, hidden }: Remains): void {
  const open = [{ directory, path: at }]
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    const { directory, path } = top
    if (directory.isImplied && blocked.size > 0) refuseBlocked(path, blocked)
    if (directory.number === undefined && hidden.has(path))
      throw imageInvalid(
        `${quotePath(path)} is given by no member, and a layer hides a directory there that is not root's, 0755`,
      )
    for (const [name, place] of directory.children.places()) {
      if (typeof place === 'object') open.push({ directory: place, path: `${path}/${name}` })
      else if (place === DELETED) directory.children.delete(name)
    }
  }
}

/** containerd follows a link that becomes a directory no member gives: it takes over what that leads to, or may fail. */
function refuseOddLinks(root: Directory, { root: upper, files }: Layer): void {
  const open = [{ lower: root, upper, below: '' }]
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    for (const [name, directory] of top.upper.children.directories()) {
      const known = top.lower.children.place(name)
      const path = `${top.below}${name}`
      if (typeof known === 'object') open.push({ lower: known, upper: directory, below: `${path}/` })
      else if (known !== undefined && directory.isImplied) refuseOddLink(root, path, files.inode(known))
    }
  }
}

function refuseOddLink(root: Directory, path: string, { type, target }: Inode): void {
  if (type !== 'symlink') return
  const parts = target.startsWith('/') ? [] : parentOf(path).split('/')
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  const found = placeAt(root, parts.filter((part) => part !== '').join('/'))
  if (typeof found === 'object' && isPlain(found.inode)) return
  throw imageInvalid(
    `A member lies below ${quotePath(path)}, where a lower layer has a symlink to ${quotePath(target)}` +
      (typeof found === 'object' ? ", a directory that is not root's, 0755" : ''),
  )
}

/** containerd looks for the attributes of a directory that no member gives, and fails where it meets no directory. */
function refuseBlocked(path: string, blocked: ReadonlySet<string>): void {
  for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
    if (!blocked.has(parent)) continue
    throw imageInvalid(
      `${quotePath(path)} is given by no member before one that lies in it, and a lower layer has no directory at ${quotePath(parent)}`,
    )
  }
}

/** The directory at a path of a layer; those that no member gave yet are implied. */
function directoryAt(layer: Layer, path: string): Directory {
  if (layer.recent?.path === path) return layer.recent.directory
  let directory = layer.root
  for (const name of path === '' ? [] : path.split('/')) {
    let next = directory.children.place(name)
    if (next === undefined) {
      if (name.startsWith(WHITEOUT)) throw imageInvalid(`A member lies below the whiteout ${quotePath(path)}`)
      layer.remaining.directories -= 1
      if (layer.remaining.directories < 0)
        throw imageInvalid(`The image's paths imply more than ${IMPLIED_LIMIT} directories`)
      next = new Directory(layer.files)
      next.isImplied = true
      directory.children.set(name, next)
    }
    if (typeof next === 'number') {
      const what =
        next === DELETED
          ? 'which its layer deletes'
          : `where its layer has a ${layer.entries.type(next - layer.first)}`
      throw imageInvalid(`A member lies below ${quotePath(path)}, ${what}`)
    }
    directory = next
  }
  layer.recent = { path, directory }
  return directory
}

function placeAt(root: Directory, path: string): Place | undefined {
  let place: Place | undefined = root
  for (const name of path === '' ? [] : path.split('/'))
    place = typeof place === 'object' ? place.children.place(name) : undefined
  return place
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))

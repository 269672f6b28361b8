import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import type { TarMember } from '../formats/tar/tar-reader.ts'

export type FileType = 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo'

/** What an inode holds: all that a file is but its names. Byte strings hold one byte a character (latin1). */
export interface Inode {
  type: FileType
  /** Permission bits with setuid, setgid and sticky. */
  mode: number
  uid: number
  gid: number
  /** Bytes of a regular file; 0 of all others. */
  size: number
  /** Whole seconds since 1970. */
  mtime: number
  /** Of a symbolic link, as it is written. */
  target: string
  major: number
  minor: number
  xattrs: Map<string, string>
  /** Of a regular file's content, in hex. */
  sha256: string
  /** Index of the layer that gave it, lowest first; hard links of upper layers keep their file's. */
  layer?: number
  /** Set when it has had more than one name. */
  isShared?: boolean
  /** Of a regular file's content, in hex, when asked for. */
  md5?: string
  sha1?: string
  /** The object name that git gives the content in a SHA-1 repository, when asked for. */
  gitBlob?: string
  /** Its first bytes, when `head` asked for them. */
  head?: Buffer
  /** The content itself, when `keep` asked for it. */
  content?: Buffer
}

/** One for all files without attributes: a map of its own would take a hundred bytes each. */
export const NO_XATTRS: Inode['xattrs'] = new Map()

/** A directory of root's, 0755, of 1970, of which nothing more is known. */
export const PLAIN_DIRECTORY: Readonly<Inode> = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  target: '',
  major: 0,
  minor: 0,
  xattrs: NO_XATTRS,
  sha256: '',
}

/** One member of a layer. */
export interface LayerEntry {
  /** Below the root, without slashes at the ends or empty parts; the root's own is empty. */
  path: string
  inode: Inode
  /** Path that a hard link is another name of. */
  link: string | undefined
}

/** Bytes of all that a member is called, and of its attributes. */
export function lengthOfNames({ path, link = '', inode: { target, xattrs } }: LayerEntry): number {
  let names = path.length + link.length + target.length
  for (const [name, value] of xattrs) names += name.length + value.length
  return names
}

/**
 * What a member of a layer's archive means; the content's sha256 is still to come.
 *
 * @throws {StillroomError} IMAGE_INVALID for paths that leave the root and for members no engine unpacks alike
 */
export function toLayerEntry(member: TarMember): LayerEntry {
  const path = normalizePath(member.name)
  const type = TYPES[member.flag]
  if (type === undefined) {
    throw imageInvalid(`${quotePath(path)} is of the unknown tar type ${JSON.stringify(member.flag)}`)
  }
  if (type !== 'directory' && (path === '' || member.name.endsWith('/'))) {
    throw imageInvalid(`${quotePath(member.name)} has a directory's name and is not a directory`)
  }
  const inode: Inode = {
    type,
    mode: type === 'symlink' ? 0o777 : member.mode & 0o7777,
    uid: id(member.uid, path),
    gid: id(member.gid, path),
    size: member.size,
    mtime: boundTime(member.mtime),
    target: type === 'symlink' ? member.linkName : '',
    major: type === 'character' || type === 'block' ? member.major : 0,
    minor: type === 'character' || type === 'block' ? member.minor : 0,
    xattrs: member.xattrs,
    sha256: '',
    // until layers are merged
    layer: 0,
  }
  if (type === 'symlink' && inode.target === '')
    throw imageInvalid(`${quotePath(path)} is a symlink to nothing`)
  if (inode.target.length > TARGET_LIMIT)
    throw imageInvalid(`${quotePath(path)} is a symlink to a path of ${inode.target.length} bytes`)
  refuseDevices(inode, path)
  if (inode.xattrs.size > 0) refuseXattrs(inode, path)
  return { path, inode, link: member.flag === '1' ? linkPath(member.linkName) : undefined }
}

const TYPES: Record<string, FileType | undefined> = {
  '0': 'file',
  '1': 'file',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
}

/** Linux's PATH_MAX with its NUL, less what engines put before a path while they unpack it. */
const PATH_LIMIT = 4000
/** PATH_MAX without its NUL. */
const TARGET_LIMIT = 4095
/** Linux's NAME_MAX. */
const NAME_LIMIT = 255

/**
 * A path of a layer as the parts below the root that it names; slashes in front count for nothing, as with engines.
 *
 * @throws {StillroomError} IMAGE_INVALID when it is empty, has `..` or a NUL, or is longer than a path of Linux
 */
function normalizePath(name: string): string {
  if (name.length > PATH_LIMIT) throw imageInvalid(`A path has ${name.length} bytes: ${quotePath(name)}`)
  const path = SIMPLE.test(name) ? (name.endsWith('/') ? name.slice(0, -1) : name) : withoutDots(name)
  if (path.length > NAME_LIMIT && path.split('/').some(({ length }) => length > NAME_LIMIT))
    throw imageInvalid(`A name in ${quotePath(name)} has more than ${NAME_LIMIT} bytes`)
  return path
}

/** No part is empty or begins with a dot: the most of all paths. */
const SIMPLE = /^(?:[^./\0][^/\0]*\/)*[^./\0][^/\0]*\/?$/

function withoutDots(name: string): string {
  if (name === '' || name.includes('\0')) throw imageInvalid(`${quotePath(name)} is not a path`)
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw imageInvalid(`The path ${quotePath(name)} leads out of its directory`)
  return parts.join('/')
}

/** What a hard link names: never a directory, so a slash or dot at the end would follow a symlink for one engine. */
function linkPath(name: string): string {
  if (/(?:^|\/)\.?$/.test(name))
    throw imageInvalid(`A hard link leads to ${quotePath(name)}, a directory's name`)
  return normalizePath(name)
}

/** Engines give a file of times that they can't set the time 0. */
function boundTime(seconds: number): number {
  return seconds < 0 || seconds > TIME_LIMIT ? 0 : seconds
}

/** Nanoseconds in 63 bits. */
const TIME_LIMIT = 9_223_372_036

/** The kernel takes 4294967295, which is -1, for the owner that a file has already. */
function id(value: number, path: string): number {
  if (value < 0 || value >= 0xffff_ffff) throw imageInvalid(`${quotePath(path)} has the owner ${value}`)
  return value
}

function refuseDevices({ type, major, minor }: Inode, path: string): void {
  if (type === 'character' && major === 0 && minor === 0) {
    throw imageInvalid(`${quotePath(path)} is a character device 0:0, which overlayfs takes for a deletion`)
  }
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xf_ffff)
    throw imageInvalid(`${quotePath(path)} is a device ${major}:${minor}, which Linux has not`)
}

/**
 * Attributes that engines can't set, or of which each makes something else: containerd leaves out `trusted.*` and what
 * the file system does not take, moby refuses that; both leave out `user.*` but on files and directories.
 */
function refuseXattrs({ type, mode, xattrs }: Inode, path: string): void {
  for (const [name, value] of xattrs) {
    const refuse = (reason: string) => {
      throw imageInvalid(`${quotePath(path)} has the attribute ${quotePath(name)}, ${reason}`)
    }
    if (/^(?:trusted|user)\.overlay\./.test(name)) refuse('a mark of overlayfs')
    if (name.length > NAME_LIMIT || value.length > XATTR_LIMIT) refuse('which is longer than Linux has any')
    if (!/^(?:user|security)\.[\s\S]|^system\.posix_acl_(?:access|default)$/.test(name))
      refuse('which engines do not agree on')
    if (name.startsWith('user.') && type !== 'file' && type !== 'directory')
      refuse(`which a ${type} cannot have`)
    if (name === CAPABILITY && (type !== 'file' || !isCapability(value)))
      refuse('which is not as the kernel has it')
    if (name === DEFAULT_ACL && (type !== 'directory' || !isAcl(value)))
      refuse('which is not an access control list of a directory')
    if (name === ACCESS_ACL && ((type !== 'directory' && type !== 'file') || !isAcl(value, mode)))
      refuse("which is not an access control list, or not that of the file's mode")
  }
}

export const CAPABILITY = 'security.capability'
const ACCESS_ACL = 'system.posix_acl_access'
/** What is made in a directory that has it gets it, too. */
export const DEFAULT_ACL = 'system.posix_acl_default'

/** Linux's XATTR_SIZE_MAX. */
const XATTR_LIMIT = 65_536

/** `struct vfs_cap_data` of revision 2, or 3 with a root of its own: the kernel shows that of root as revision 2. */
function isCapability(value: string): boolean {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length === 20) return bytes[3] === 2
  return bytes.length === 24 && bytes[3] === 3 && bytes.readUInt32LE(20) !== 0
}

const ACL = { owner: 1, user: 2, owningGroup: 4, group: 8, mask: 16, other: 32 }

/**
 * Whether a value is an access control list as the kernel itself writes it: version 2, entries of tag, permissions and
 * ID, in order, with a mask; and whether it agrees with a mode, of which it is a part.
 */
function isAcl(value: string, mode?: number): boolean {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length < 4 || bytes.length % 8 !== 4 || bytes.readUInt32LE(0) !== 2) return false
  const permissions = new Map<number, number>()
  let last = -1
  for (let at = 4; at < bytes.length; at += 8) {
    const [tag, bits, who] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2), bytes.readUInt32LE(at + 4)]
    const isNamed = tag === ACL.user || tag === ACL.group
    const place = tag * 2 ** 32 + (isNamed ? who : 0)
    if (!Object.values(ACL).includes(tag) || bits > 7 || place <= last || isNamed === (who === 0xffff_ffff))
      return false
    last = place
    permissions.set(tag, bits)
  }
  const [owner, group, other] = [ACL.owner, ACL.mask, ACL.other].map((tag) => permissions.get(tag))
  if (owner === undefined || group === undefined || other === undefined || !permissions.has(ACL.owningGroup))
    return false
  return mode === undefined || (mode & 0o777) === ((owner << 6) | (group << 3) | other)
}

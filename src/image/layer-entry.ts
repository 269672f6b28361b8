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

/** A layer as it was read. */
export interface Layer {
  /** Of the blob that it was read from. */
  digest: string
  /** Digest and bytes of its archive, uncompressed. */
  diffID: string
  size: number
  entries: LayerEntry[]
}

/** One member of a layer. */
export interface LayerEntry {
  /** Below the root, without slashes at the ends or empty parts; the root's own is empty. */
  path: string
  inode: Inode
  /** Path that a hard link is another name of. */
  link: string | undefined
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
    mtime: member.mtime,
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
  if (inode.target.length > PATH_LIMIT)
    throw imageInvalid(`${quotePath(path)} is a symlink to a path of ${inode.target.length} bytes`)
  refuseOverlayMarks(inode, path)
  return { path, inode, link: member.flag === '1' ? normalizePath(member.linkName) : undefined }
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

/** Linux's PATH_MAX. */
const PATH_LIMIT = 4096

/**
 * A path of a layer as the parts below the root that it names.
 *
 * @throws {StillroomError} IMAGE_INVALID when it is absolute, has `..`, a NUL, or more than 4096 bytes
 */
function normalizePath(name: string): string {
  if (name.length > PATH_LIMIT) throw imageInvalid(`A path has ${name.length} bytes: ${quotePath(name)}`)
  if (SIMPLE.test(name)) return name.endsWith('/') ? name.slice(0, -1) : name
  if (name === '' || name.startsWith('/') || name.includes('\0')) {
    throw imageInvalid(`The path ${quotePath(name)} is not below the image's root`)
  }
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw imageInvalid(`The path ${quotePath(name)} leads out of its directory`)
  return parts.join('/')
}

/** No part is empty or begins with a dot: the most of all paths. */
const SIMPLE = /^(?:[^./\0][^/\0]*\/)*[^./\0][^/\0]*\/?$/

function id(value: number, path: string): number {
  if (value < 0 || value > 0xffff_ffff) throw imageInvalid(`${quotePath(path)} has the owner ${value}`)
  return value
}

/** Marks of overlayfs itself: files for one engine, deletions for another. */
function refuseOverlayMarks({ type, major, minor, xattrs }: Inode, path: string): void {
  if (type === 'character' && major === 0 && minor === 0) {
    throw imageInvalid(`${quotePath(path)} is a character device 0:0, which overlayfs takes for a deletion`)
  }
  for (const name of xattrs.keys()) {
    if (/^(trusted|user)\.overlay\./.test(name))
      throw imageInvalid(`${quotePath(path)} has the overlayfs mark "${name}"`)
  }
}

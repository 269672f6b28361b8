import type { FileType, Inode, Layer, LayerEntry } from './layer-entry.ts'
import { chooses, type ReadOptions } from './read-options.ts'

/**
 * What layers hold, by the digest of their blob, from when they were read before. Of a layer that has an account only
 * the digest is taken: its bytes are the same, and so is all that was read from them.
 */
export interface LayerAccounts {
  /** A layer whose inodes are the caller's own; undefined when there is no account, or it says too little. */
  find(digest: string, options: ReadOptions): Layer | undefined
  /** Called with each layer that was read, before its inodes become a tree's. */
  add(digest: string, layer: Layer): void
}

/** A member in JSON: null where there is nothing, bytes where a file's beginning or its content follows. */
type Row = [
  path: string,
  link: string | null,
  type: FileType,
  mode: number,
  uid: number,
  gid: number,
  size: number,
  mtime: number,
  target: string,
  major: number,
  minor: number,
  xattrs: [string, string][] | null,
  sha256: string,
  md5: string | null,
  sha1: string | null,
  gitBlob: string | null,
  head: number | null,
  content: number | null,
]

interface Account {
  diffID: string
  size: number
  rows: Row[]
}

/** A layer as bytes: one line of JSON in latin1, then what was kept of files, one after the other. */
export function packLayer({ diffID, size, entries }: Layer): Buffer {
  const kept: Buffer[] = []
  const rows = entries.map(({ path, link, inode }): Row => {
    if (inode.head !== undefined) kept.push(inode.head)
    if (inode.content !== undefined) kept.push(inode.content)
    return [
      path,
      link ?? null,
      inode.type,
      inode.mode,
      inode.uid,
      inode.gid,
      inode.size,
      inode.mtime,
      inode.target,
      inode.major,
      inode.minor,
      inode.xattrs.size === 0 ? null : [...inode.xattrs],
      inode.sha256,
      inode.md5 ?? null,
      inode.sha1 ?? null,
      inode.gitBlob ?? null,
      inode.head?.length ?? null,
      inode.content?.length ?? null,
    ]
  })
  const account: Account = { diffID, size, rows }
  return Buffer.concat([Buffer.from(`${JSON.stringify(account)}\n`, 'latin1'), ...kept])
}

/** The layer that {@link packLayer} made these bytes of. */
export function unpackLayer(bytes: Buffer): Layer {
  const end = bytes.indexOf('\n')
  const { diffID, size, rows } = JSON.parse(bytes.toString('latin1', 0, end)) as Account
  let at = end + 1
  const take = (length: number): Buffer => {
    at += length
    return Buffer.copyBytesFrom(bytes, at - length, length)
  }
  const entries = rows.map((row): LayerEntry => {
    const [path, link, type, mode, uid, gid, bytesOfFile, mtime, target, major, minor, ...rest] = row
    const [xattrs, sha256, md5, sha1, gitBlob, head, content] = rest
    const inode: Inode = {
      type,
      mode,
      uid,
      gid,
      size: bytesOfFile,
      mtime,
      target,
      major,
      minor,
      xattrs: xattrs === null ? NONE : new Map(xattrs),
      sha256,
      layer: 0,
    }
    if (md5 !== null) inode.md5 = md5
    if (sha1 !== null) inode.sha1 = sha1
    if (gitBlob !== null) inode.gitBlob = gitBlob
    if (head !== null) inode.head = take(head)
    if (content !== null) inode.content = take(content)
    return { path, inode, link: link ?? undefined }
  })
  return { diffID, size, entries }
}

const NONE: Inode['xattrs'] = new Map()

/** Whether a layer holds all that reading it with these options would give. */
export function suffices(
  { entries }: Layer,
  { keep, head, md5, sha1, gitBlob, retain }: ReadOptions,
): boolean {
  if (retain !== undefined) return false
  return entries.every(({ path, inode, link }) => {
    if (inode.type !== 'file' || link !== undefined) return true
    if (inode.md5 === undefined && chooses(md5, path, inode.size)) return false
    if (inode.sha1 === undefined && chooses(sha1, path, inode.size)) return false
    if (inode.gitBlob === undefined && chooses(gitBlob, path, inode.size)) return false
    if (chooses(keep, path, inode.size)) return inode.content !== undefined
    return (inode.head?.length ?? 0) >= Math.min(head?.(path) ?? 0, inode.size)
  })
}

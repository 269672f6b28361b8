import type { FileType, Inode, Layer, LayerEntry } from './layer-entry.ts'
import { chooses, type ReadOptions } from './read-options.ts'

/** An account says less than what is to be read: the layer must be read again. */
export class AccountTooShort extends Error {}

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

interface Head {
  diffID: string
  size: number
  members: number
  /** Bytes that were kept of files. */
  kept: number
}

/** A layer as bytes: lines of JSON in latin1, one of the layer and one a member, then what was kept of files. */
export function packLayer({ diffID, size, entries }: Layer): Buffer {
  const kept: Buffer[] = []
  const lines: string[] = []
  for (const { path, link, inode } of entries) {
    if (inode.head !== undefined) kept.push(inode.head)
    if (inode.content !== undefined) kept.push(inode.content)
    const row: Row = [
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
    lines.push(JSON.stringify(row))
  }
  const bytes = kept.reduce((sum, { length }) => sum + length, 0)
  const head: Head = { diffID, size, members: entries.length, kept: bytes }
  const text = [JSON.stringify(head), ...lines, ''].join('\n')
  return Buffer.concat([Buffer.from(text, 'latin1'), ...kept])
}

/** Members that are unpacked at a time, while others work. */
const AT_ONCE = 500

/**
 * The layer that {@link packLayer} made these bytes of.
 *
 * @param options what reading the layer would be asked for
 * @throws {AccountTooShort} when that is more than it says
 */
export async function unpackLayer(packed: Buffer, options: ReadOptions): Promise<Layer> {
  let end = packed.indexOf('\n')
  const { diffID, size, members, kept } = JSON.parse(packed.toString('latin1', 0, end)) as Head
  let next = packed.length - kept
  const take = (length: number) => {
    next += length
    return Buffer.copyBytesFrom(packed, next - length, length)
  }
  const entries: LayerEntry[] = []
  while (entries.length < members) {
    const from = end + 1
    end = packed.indexOf('\n', from)
    const row = JSON.parse(packed.toString('latin1', from, end)) as Row
    const entry = entryOf(row)
    const [head, content] = [row[16], row[17]]
    if (head !== null) entry.inode.head = take(head)
    if (content !== null) entry.inode.content = take(content)
    if (!suffices(entry, options)) throw new AccountTooShort()
    entries.push(entry)
    if (entries.length % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return { diffID, size, entries }
}

function entryOf(row: Row): LayerEntry {
  const [path, link, type, mode, uid, gid, size, mtime, target, major, minor, ...rest] = row
  const [xattrs, sha256, md5, sha1, gitBlob] = rest
  const inode: Inode = {
    ...{ type, mode, uid, gid, size, mtime, target, major, minor, sha256 },
    xattrs: xattrs === null ? NONE : new Map(xattrs),
    layer: 0,
  }
  if (md5 !== null) inode.md5 = md5
  if (sha1 !== null) inode.sha1 = sha1
  if (gitBlob !== null) inode.gitBlob = gitBlob
  return { path, inode, link: link ?? undefined }
}

const NONE: Inode['xattrs'] = new Map()

/** Whether a member has all that reading it with these options would give. */
function suffices({ path, inode, link }: LayerEntry, options: ReadOptions): boolean {
  if (inode.type !== 'file' || link !== undefined) return true
  const { size } = inode
  if (inode.md5 === undefined && chooses(options.md5, path, size)) return false
  if (inode.sha1 === undefined && chooses(options.sha1, path, size)) return false
  if (inode.gitBlob === undefined && chooses(options.gitBlob, path, size)) return false
  if (chooses(options.keep, path, size)) return inode.content !== undefined
  return (inode.head?.length ?? 0) >= Math.min(options.head?.(path) ?? 0, size)
}

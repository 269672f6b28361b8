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
  head: number | null,
  content: number | null,
]

interface Head {
  diffID: string
  size: number
  members: number
  /** Bytes of the members' lines. */
  lines: number
  /** Bytes that were kept of files. */
  kept: number
}

/** What may be taken of a file, in this order: how many bytes, and the bit that says that it was. */
const DIGESTS = [
  { kind: 'sha256', length: 32, bit: 1 },
  { kind: 'md5', length: 16, bit: 2 },
  { kind: 'sha1', length: 20, bit: 4 },
  { kind: 'gitBlob', length: 20, bit: 8 },
] as const

/**
 * A layer as bytes, in parts: lines of JSON in latin1, one of the layer and one a member, then what was kept of files.
 * The files' digests, see {@link packDigests}, follow.
 */
export function packLayer({ diffID, size, entries }: Layer): Buffer[] {
  const lines = new Parts()
  const kept = new Parts()
  for (const { path, link, inode } of entries) {
    if (inode.head !== undefined) kept.add(inode.head)
    if (inode.content !== undefined) kept.add(inode.content)
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
      inode.head?.length ?? null,
      inode.content?.length ?? null,
    ]
    lines.add(`${JSON.stringify(row)}\n`)
  }
  const members = entries.length
  const [told, contents] = [lines.end(), kept.end()]
  const head: Head = { diffID, size, members, lines: lengthOf(told), kept: lengthOf(contents) }
  return [Buffer.from(`${JSON.stringify(head)}\n`), ...told, ...contents]
}

/** Many small pieces, text in latin1 or bytes, as few larger ones. */
class Parts {
  readonly #parts: Buffer[] = []
  #part = Buffer.allocUnsafe(PART)
  #filled = 0

  add(piece: string | Buffer): void {
    if (this.#filled + piece.length > PART) this.#close()
    if (piece.length > PART) {
      this.#parts.push(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
      return
    }
    if (typeof piece === 'string') this.#part.write(piece, this.#filled, 'latin1')
    else piece.copy(this.#part, this.#filled)
    this.#filled += piece.length
  }

  end(): Buffer[] {
    this.#close()
    return this.#parts
  }

  #close(): void {
    this.#parts.push(this.#part.subarray(0, this.#filled))
    this.#part = Buffer.allocUnsafe(PART)
    this.#filled = 0
  }
}

const PART = 256 * 1024

const lengthOf = (parts: readonly Buffer[]) => parts.reduce((sum, { length }) => sum + length, 0)

/** The digests of a layer's files as bytes: of each which there are, and those. */
export function packDigests({ entries }: Layer): Buffer {
  const packed = Buffer.alloc(entries.length * DIGESTS.reduce((sum, { length }) => sum + length, 1))
  let end = 0
  for (const entry of entries) {
    if (!hasDigests(entry)) continue
    const bits = end++
    for (const { kind, length, bit } of DIGESTS) {
      const hex = entry.inode[kind]
      if (hex === undefined) continue
      packed[bits] = (packed[bits] as number) | bit
      end += packed.write(hex, end, length, 'hex')
    }
  }
  return packed.subarray(0, end)
}

const hasDigests = ({ inode, link }: LayerEntry) => inode.type === 'file' && link === undefined

/** Members that are unpacked at a time, while others work. */
const AT_ONCE = 500

/**
 * The layer that {@link packLayer} and {@link packDigests} made these bytes of.
 *
 * @param options what reading the layer would be asked for
 * @throws {AccountTooShort} when that is more than it says
 */
export async function unpackLayer(packed: Buffer, options: ReadOptions): Promise<Layer> {
  let end = packed.indexOf('\n')
  const { diffID, size, members, lines, kept } = JSON.parse(packed.toString('latin1', 0, end)) as Head
  let next = end + 1 + lines
  let digests = next + kept
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
    if (hasDigests(entry)) digests = takeDigests(packed, digests, entry.inode)
    const [head, content] = [row[12], row[13]]
    if (head !== null) entry.inode.head = take(head)
    if (content !== null) entry.inode.content = take(content)
    if (!suffices(entry, options)) throw new AccountTooShort()
    entries.push(entry)
    if (entries.length % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return { diffID, size, entries }
}

function entryOf(row: Row): LayerEntry {
  const [path, link, type, mode, uid, gid, size, mtime, target, major, minor, xattrs] = row
  const inode: Inode = {
    ...{ type, mode, uid, gid, size, mtime, target, major, minor },
    xattrs: xattrs === null ? NONE : new Map(xattrs),
    sha256: '',
    layer: 0,
  }
  return { path, inode, link: link ?? undefined }
}

/** Gives an inode the digests that lie at a place, and returns where the next ones lie. */
function takeDigests(packed: Buffer, at: number, inode: Inode): number {
  const bits = packed[at] as number
  let next = at + 1
  for (const { kind, length, bit } of DIGESTS) {
    if ((bits & bit) === 0) continue
    inode[kind] = packed.toString('hex', next, next + length)
    next += length
  }
  return next
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

import { DIGESTS, type Layer, LayerEntries } from './layer-entries.ts'
import { type FileType, type Inode, type LayerEntry, NO_XATTRS } from './layer-entry.ts'
import { lengthOfNames, wantsDigest } from './layer-reader.ts'
import { type Budget, chooses } from './read-options.ts'

/** The first line; the members' lines follow, each with what was kept of its file behind it. */
interface Head {
  diffID: string
  size: number
  members: number
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
  head: number | null,
  content: number | null,
  /** In the order of {@link DIGESTS}. */
  digests: (string | null)[] | null,
]

/** A layer as bytes, in parts that are made as they are taken: a line of JSON in latin1 a member, what was kept of it behind it. */
export function* packLayer({ diffID, size, entries }: Omit<Layer, 'digest'>): Generator<Buffer> {
  const head: Head = { diffID, size, members: entries.length }
  let text = `${JSON.stringify(head)}\n`
  for (const entry of entries) {
    text += `${JSON.stringify(rowOf(entry))}\n`
    const kept = [entry.inode.head, entry.inode.content].filter((bytes) => bytes !== undefined)
    if (text.length < TEXT_LIMIT && kept.length === 0) continue
    yield Buffer.concat([Buffer.from(text, 'latin1'), ...kept])
    text = ''
  }
  if (text !== '') yield Buffer.from(text, 'latin1')
}

/** Characters that are made bytes at a time. */
const TEXT_LIMIT = 64 * 1024

function rowOf({ path, link, inode }: LayerEntry): Row {
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
    inode.head?.length ?? null,
    inode.content?.length ?? null,
    inode.type === 'file' && link === undefined ? DIGESTS.map((kind) => inode[kind] || null) : null,
  ]
}

/**
 * The layer that {@link packLayer} made these bytes of, as the layer itself would be read now.
 *
 * @param budget says what is read, and counts it
 * @returns undefined when more is to be read than was
 * @throws {StillroomError} IMAGE_INVALID when it is more than a sound image has
 */
export function unpackLayer(packed: Buffer, budget: Budget): Omit<Layer, 'digest'> | undefined {
  let next = 0
  const line = () => {
    const from = next
    next = packed.indexOf('\n', from) + 1
    return JSON.parse(packed.toString('latin1', from, next)) as unknown
  }
  const { diffID, size, members } = line() as Head
  const take = (length: number | null) => {
    if (length === null) return undefined
    next += length
    return packed.subarray(next - length, next)
  }
  const entries = new LayerEntries()
  let [names, kept] = [0, 0]
  while (entries.length < members) {
    const row = line() as Row
    const entry = entryOf(row)
    if (!addContents(entry, row, [take(row[12]), take(row[13])], budget)) return undefined
    names += lengthOfNames(entry)
    kept += (entry.inode.head ?? entry.inode.content)?.length ?? 0
    entries.add(entry)
  }
  budget.take('members', members)
  budget.take('bytes of names and attributes', names)
  budget.take('bytes of files to keep', kept)
  return { diffID, size, entries }
}

function entryOf(row: Row): LayerEntry {
  const [path, link, type, mode, uid, gid, size, mtime, target, major, minor, xattrs] = row
  const inode: Inode = {
    ...{ type, mode, uid, gid, size, mtime, target, major, minor },
    xattrs: xattrs === null ? NO_XATTRS : new Map(xattrs),
    sha256: '',
    layer: 0,
  }
  return { path, inode, link: link ?? undefined }
}

/** Gives a file what reading it would give, and no more; whether all of that is there. */
function addContents(
  { path, inode, link }: LayerEntry,
  row: Row,
  [head, content]: [Buffer | undefined, Buffer | undefined],
  { options }: Budget,
): boolean {
  if (inode.type !== 'file' || link !== undefined) return true
  const { size } = inode
  for (const [index, kind] of DIGESTS.entries()) {
    if (!wantsDigest(options, kind, path, size)) continue
    const digest = row[14]?.[index]
    if (digest == null) return false
    inode[kind] = digest
  }
  // copies, so that a small part doesn't keep the whole index
  if (chooses(options.keep, path, size)) {
    if (content === undefined) return false
    inode.content = Buffer.copyBytesFrom(content)
    return true
  }
  const wanted = Math.min(options.head?.(path) ?? 0, size)
  const beginning = head ?? content
  if (wanted === 0) return true
  if (beginning === undefined || beginning.length < wanted) return false
  inode.head = Buffer.copyBytesFrom(beginning, 0, wanted)
  return true
}

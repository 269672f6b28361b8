import { Column, joinPath, Names, type PlaceInDirectory } from './columns.ts'
import { type FileType, type Inode, type LayerEntry, lengthOfNames, NO_XATTRS } from './layer-entry.ts'

/** Digests of contents that an inode may have. */
export const DIGESTS = ['sha256', 'md5', 'sha1', 'gitBlob'] as const
export type DigestKind = (typeof DIGESTS)[number]

/** A layer as it was read. */
export interface Layer {
  /** Of the blob that it was read from. */
  digest: string
  /** Digest and bytes of its archive, uncompressed. */
  diffID: string
  size: number
  entries: LayerEntries
}

const TYPES: readonly FileType[] = ['file', 'directory', 'symlink', 'character', 'block', 'fifo']

/** Where what an inode holds lies in its row; numbers are in little endian, size and time as doubles. */
const ROW = { type: 0, flags: 1, mode: 2, uid: 4, gid: 8, head: 12, size: 16, mtime: 24, name: 32, bytes: 36 }

/** Bits of a row's flags; those below are of {@link DIGESTS}, in their order. */
const DIGEST_BITS = 0x0f
const SHARED = 0x10
const MORE = 0x20

/** Bytes of a file's beginning that are kept beside the rows: the header of Python's byte code. */
const HEAD = 16

/** What is wanted of a file's content. */
export interface WantedContents {
  /** Bits of {@link DIGESTS}, that of the first lowest. */
  digests: number
  /** Whether to keep all of it. */
  keeps: boolean
  /** Bytes to keep of its beginning, when it is not kept. */
  head: number
}

/** What {@link LayerEntries.unpack} takes, in JSON: how many bytes of each kind follow. */
export interface PackedEntries {
  length: number
  nameBytes: number
  names: { filled: number; count: number }
  /** Numbers of each column's pieces. */
  columns: number[][]
  more: PackedMore[]
}

type PackedMore = [
  index: number,
  Omit<More, 'xattrs' | 'head' | 'content'> & {
    xattrs?: [name: string, value: string][]
    /** In bytes. */
    head?: number
    content?: number
  },
]

/** What few members have. */
type More = Partial<
  Pick<Inode, 'target' | 'major' | 'minor' | 'xattrs' | 'head' | 'content' | DigestKind> & {
    link: string
  }
>

/**
 * The members of one layer in their order, as rows of bytes: an object each takes many times the memory, and images have
 * hundreds of thousands. Who asks for a member gets an object of its own: what is changed there changes no row.
 *
 * @example
 * ```ts
 * const entries = LayerEntries.from([{ path: 'etc', inode: { ...PLAIN_DIRECTORY }, link: undefined }])
 * entries.inode(0).type // 'directory'
 * ```
 */
export class LayerEntries implements Iterable<LayerEntry> {
  readonly #rows = new Column(ROW.bytes)
  readonly #heads = new Column(HEAD)
  readonly #digests = {
    sha256: new Column(32),
    md5: new Column(16),
    sha1: new Column(20),
    gitBlob: new Column(20),
  } satisfies Record<DigestKind, Column>
  readonly #more = new Map<number, More>()
  readonly #names = new Names()
  #length = 0
  /** Bytes of all that members are called, and of their attributes. */
  #nameBytes = 0

  static from(entries: Iterable<LayerEntry>): LayerEntries {
    const packed = new LayerEntries()
    for (const entry of entries) packed.add(entry)
    return packed
  }

  get length(): number {
    return this.#length
  }

  /** What is kept of the entries, in parts: the first, which is JSON, says what the others are. */
  pack(): [head: PackedEntries, ...parts: Buffer[]] {
    const names = this.#names.pieces()
    const columns = this.#columns().map((column) => column.pieces())
    const kept: Buffer[] = []
    const more = [...this.#more].map(([index, { xattrs, head, content, ...rest }]): PackedMore => {
      kept.push(...[head, content].filter((bytes) => bytes !== undefined))
      return [
        index,
        {
          ...rest,
          ...(xattrs && { xattrs: [...xattrs] }),
          ...(head && { head: head.length }),
          ...(content && { content: content.length }),
        },
      ]
    })
    const head = {
      length: this.#length,
      nameBytes: this.#nameBytes,
      names: { filled: names.filled, count: names.pieces.length },
      columns: columns.map((pieces) => [...pieces.keys()]),
      more,
    }
    return [head, ...names.pieces, ...columns.flatMap((pieces) => [...pieces.values()]), ...kept]
  }

  /** @param take gives the next bytes of the parts behind the first, which are then the entries' own */
  static unpack(head: PackedEntries, take: (bytes: number) => Buffer): LayerEntries {
    const entries = new LayerEntries()
    entries.#length = head.length
    entries.#nameBytes = head.nameBytes
    entries.#names.restore(head.names, take)
    for (const [number, column] of entries.#columns().entries())
      column.restore(head.columns[number] ?? [], take)
    for (const [index, { xattrs, head: first, content, ...rest }] of head.more)
      entries.#more.set(index, {
        ...rest,
        ...(xattrs && { xattrs: new Map(xattrs) }),
        ...(first !== undefined && { head: take(first) }),
        ...(content !== undefined && { content: take(content) }),
      })
    return entries
  }

  #columns(): Column[] {
    return [this.#rows, this.#heads, ...Object.values(this.#digests)]
  }

  get nameBytes(): number {
    return this.#nameBytes
  }

  /** Adds a member as it is now; of which layer it is, and whether it has more names, is not kept. */
  add({ path, inode, link }: LayerEntry): void {
    const index = this.#length++
    this.#nameBytes += lengthOfNames({ path, inode, link })
    const [row, at] = this.#rows.place(index)
    row.writeUInt32LE(this.#names.add(path), at + ROW.name)
    row[at + ROW.type] = TYPES.indexOf(inode.type)
    row.writeUInt16LE(inode.mode, at + ROW.mode)
    row.writeUInt32LE(inode.uid, at + ROW.uid)
    row.writeUInt32LE(inode.gid, at + ROW.gid)
    row.writeDoubleLE(inode.size, at + ROW.size)
    row.writeDoubleLE(inode.mtime, at + ROW.mtime)
    const more = moreOf(inode, link)
    this.#setHead(index, inode.head, more)
    let flags = 0
    for (const [bit, kind] of DIGESTS.entries()) {
      const digest = inode[kind]
      if (!digest) continue
      if (this.#digests[kind].setHex(index, digest)) flags |= 1 << bit
      else more[kind] = digest
    }
    this.#setMore(index, more, flags)
  }

  #setHead(index: number, head: Buffer | undefined, more: More): void {
    if (head === undefined) return
    if (head.length > HEAD) {
      more.head = head
      return
    }
    const [row, at] = this.#rows.place(index)
    row[at + ROW.head] = head.length
    this.#heads.set(index, head)
  }

  #setMore(index: number, more: More, flags: number): void {
    const [row, at] = this.#rows.place(index)
    const hasMore = Object.keys(more).length > 0
    row[at + ROW.flags] = hasMore ? flags | MORE : flags
    if (hasMore) this.#more.set(index, more)
    else this.#more.delete(index)
  }

  #head(index: number): Buffer | undefined {
    const [row, at] = this.#rows.place(index)
    const length = row[at + ROW.head] as number
    return length > 0 ? this.#heads.bytes(index, length) : this.#more.get(index)?.head
  }

  /**
   * Leaves of what was read of a file what is wanted of it.
   *
   * @returns false when not all of it was read
   */
  limit(index: number, { digests, keeps, head }: WantedContents): boolean {
    const [row, at] = this.#rows.place(index)
    let flags = row[at + ROW.flags] as number
    // as it is of the most
    if (!keeps && (flags & MORE) === 0 && (flags & DIGEST_BITS) === digests && row[at + ROW.head] === head)
      return true
    flags &= ~MORE
    const more = { ...this.#more.get(index) }
    for (const [bit, kind] of DIGESTS.entries()) {
      const isThere = (flags & (1 << bit)) !== 0 || more[kind] !== undefined
      if ((digests & (1 << bit)) !== 0) {
        if (!isThere) return false
        continue
      }
      flags &= ~(1 << bit)
      delete more[kind]
    }
    const beginning = this.#head(index) ?? more.content
    delete more.head
    row[at + ROW.head] = 0
    if (keeps) {
      if (more.content === undefined) return false
    } else {
      delete more.content
      if (head > (beginning?.length ?? 0)) return false
      if (head > 0) this.#setHead(index, beginning?.subarray(0, head), more)
    }
    this.#setMore(index, more, flags)
    return true
  }

  type(index: number): FileType {
    const [row, at] = this.#rows.place(index)
    return TYPES[row[at + ROW.type] as number] as FileType
  }

  size(index: number): number {
    const [row, at] = this.#rows.place(index)
    return row.readDoubleLE(at + ROW.size)
  }

  /** The last part of a member's path. */
  name(index: number): string {
    const [row, at] = this.#rows.place(index)
    return this.#names.at(row.readUInt32LE(at + ROW.name))
  }

  xattrs(index: number): Inode['xattrs'] {
    return this.#more.get(index)?.xattrs ?? NO_XATTRS
  }

  /** Path that a hard link is another name of. */
  link(index: number): string | undefined {
    return this.#more.get(index)?.link
  }

  /** Path of each hard link, and of the file that it names, in order. */
  links(): [path: string, link: string][] {
    const found: [string, string][] = []
    for (const { index, directory, name } of this.places()) {
      const link = this.link(index)
      if (link !== undefined) found.push([joinPath(directory, name), link])
    }
    return found
  }

  /** Notes that a member has had more than one name. */
  share(index: number): void {
    const [row, at] = this.#rows.place(index)
    row[at + ROW.flags] = (row[at + ROW.flags] as number) | SHARED
  }

  /** Whether a member's content was kept. */
  isKept(index: number): boolean {
    return this.#more.get(index)?.content !== undefined
  }

  inode(index: number): Inode {
    const [row, at] = this.#rows.place(index)
    const flags = row[at + ROW.flags] as number
    const inode: Inode = {
      type: TYPES[row[at + ROW.type] as number] as FileType,
      mode: row.readUInt16LE(at + ROW.mode),
      uid: row.readUInt32LE(at + ROW.uid),
      gid: row.readUInt32LE(at + ROW.gid),
      size: row.readDoubleLE(at + ROW.size),
      mtime: row.readDoubleLE(at + ROW.mtime),
      target: '',
      major: 0,
      minor: 0,
      xattrs: NO_XATTRS,
      sha256: (flags & 1) === 0 ? '' : this.#digests.sha256.hex(index),
      // until layers are merged
      layer: 0,
    }
    if ((flags & 2) !== 0) inode.md5 = this.#digests.md5.hex(index)
    if ((flags & 4) !== 0) inode.sha1 = this.#digests.sha1.hex(index)
    if ((flags & 8) !== 0) inode.gitBlob = this.#digests.gitBlob.hex(index)
    if ((flags & SHARED) !== 0) inode.isShared = true
    const head = row[at + ROW.head] as number
    if (head > 0) inode.head = this.#heads.bytes(index, head)
    if ((flags & MORE) !== 0) {
      const { link, ...rest } = this.#more.get(index) as More
      Object.assign(inode, rest)
    }
    return inode
  }

  /** Where the members lie, in order, by their index. */
  *places(): Generator<PlaceInDirectory & { index: number }> {
    let index = 0
    for (const { directory, name } of this.#names.places()) yield { index: index++, directory, name }
  }

  *[Symbol.iterator](): Generator<LayerEntry> {
    for (const { index, directory, name } of this.places())
      yield { path: joinPath(directory, name), inode: this.inode(index), link: this.link(index) }
  }
}

function moreOf({ target, major, minor, xattrs, content }: Inode, link: string | undefined): More {
  return {
    ...(target !== '' && { target }),
    ...((major !== 0 || minor !== 0) && { major, minor }),
    ...(xattrs.size > 0 && { xattrs }),
    ...(content !== undefined && { content }),
    ...(link !== undefined && { link }),
  }
}

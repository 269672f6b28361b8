import { type FileType, type Inode, type LayerEntry, NO_XATTRS } from './layer-entry.ts'

/** Digests of contents that an inode may have. */
export const DIGESTS = ['sha256', 'md5', 'sha1', 'gitBlob'] as const
export type DigestKind = (typeof DIGESTS)[number]

/** The parts of a path; the directory is empty for what is in the root. */
export interface PlaceInDirectory {
  directory: string
  name: string
}

const TYPES: readonly FileType[] = ['file', 'directory', 'symlink', 'character', 'block', 'fifo']

/** Where what an inode holds lies in its row; numbers are in little endian, size and time as doubles. */
const ROW = { type: 0, flags: 1, mode: 2, uid: 4, gid: 8, head: 12, size: 16, mtime: 24, bytes: 32 }

/** Bits of a row's flags; those below are of {@link DIGESTS}, in their order. */
const SHARED = 0x10
const MORE = 0x20

/** Bytes of a file's beginning that are kept beside the rows: the header of Python's byte code. */
const HEAD = 16

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

  static from(entries: Iterable<LayerEntry>): LayerEntries {
    const packed = new LayerEntries()
    for (const entry of entries) packed.add(entry)
    return packed
  }

  get length(): number {
    return this.#length
  }

  /** Adds a member as it is now; of which layer it is, and whether it has more names, is not kept. */
  add({ path, inode, link }: LayerEntry): void {
    const index = this.#length++
    this.#names.add(path)
    const [row, at] = this.#rows.place(index)
    row[at + ROW.type] = TYPES.indexOf(inode.type)
    row.writeUInt16LE(inode.mode, at + ROW.mode)
    row.writeUInt32LE(inode.uid, at + ROW.uid)
    row.writeUInt32LE(inode.gid, at + ROW.gid)
    row.writeDoubleLE(inode.size, at + ROW.size)
    row.writeDoubleLE(inode.mtime, at + ROW.mtime)
    const more = moreOf(inode, link)
    if (inode.head !== undefined && inode.head.length <= HEAD) {
      row[at + ROW.head] = inode.head.length
      this.#heads.set(index, inode.head)
    } else if (inode.head !== undefined) more.head = inode.head
    let flags = 0
    for (const [bit, kind] of DIGESTS.entries()) {
      const digest = inode[kind]
      if (!digest) continue
      if (this.#digests[kind].setHex(index, digest)) flags |= 1 << bit
      else more[kind] = digest
    }
    if (Object.keys(more).length > 0) {
      flags |= MORE
      this.#more.set(index, more)
    }
    row[at + ROW.flags] = flags
  }

  type(index: number): FileType {
    const [row, at] = this.#rows.place(index)
    return TYPES[row[at + ROW.type] as number] as FileType
  }

  /** Path that a hard link is another name of. */
  link(index: number): string | undefined {
    return this.#more.get(index)?.link
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

/** A path of its parts. */
export const joinPath = (directory: string, name: string) =>
  directory === '' ? name : `${directory}/${name}`

function moreOf({ target, major, minor, xattrs, content }: Inode, link: string | undefined): More {
  return {
    ...(target !== '' && { target }),
    ...((major !== 0 || minor !== 0) && { major, minor }),
    ...(xattrs.size > 0 && { xattrs }),
    ...(content !== undefined && { content }),
    ...(link !== undefined && { link }),
  }
}

/** Values of one width by the index of their member, in pieces of 256 that are made as they are needed. */
class Column {
  readonly #width: number
  readonly #pieces: Buffer[] = []

  constructor(width: number) {
    this.#width = width
  }

  /** The bytes that a value is in, and where it begins there. */
  place(index: number): [bytes: Buffer, at: number] {
    const number = index >>> 8
    this.#pieces[number] ??= Buffer.alloc(256 * this.#width)
    return [this.#pieces[number], (index & 255) * this.#width]
  }

  set(index: number, value: Buffer): void {
    const [bytes, at] = this.place(index)
    value.copy(bytes, at)
  }

  /** Whether the value is of this width, and could be set. */
  setHex(index: number, value: string): boolean {
    if (value.length !== 2 * this.#width) return false
    const [bytes, at] = this.place(index)
    return bytes.write(value, at, 'hex') === this.#width
  }

  bytes(index: number, length: number): Buffer {
    const [bytes, at] = this.place(index)
    return bytes.subarray(at, at + length)
  }

  hex(index: number): string {
    const [bytes, at] = this.place(index)
    return bytes.toString('hex', at, at + this.#width)
  }
}

/** Paths, of which each directory is written once for all that follow in it. */
class Names {
  readonly #pieces: Buffer[] = []
  /** Bytes of the last piece that are written. */
  #filled = PIECE
  #directory = ''

  add(path: string): void {
    const slash = path.lastIndexOf('/')
    const directory = path.slice(0, Math.max(0, slash))
    if (directory !== this.#directory) {
      this.#write(directory, DIRECTORY)
      this.#directory = directory
    }
    this.#write(path.slice(slash + 1), 0)
  }

  *places(): Generator<PlaceInDirectory> {
    let directory = ''
    for (const [number, piece] of this.#pieces.entries()) {
      const end = number === this.#pieces.length - 1 ? this.#filled : PIECE
      for (let at = 0; at + 2 <= end; ) {
        const head = piece.readUInt16LE(at)
        if (head === END) break
        const from = at + 2
        at = from + (head & ~DIRECTORY)
        // a string of its own, that keeps no longer one in memory
        const text = piece.toString('latin1', from, at)
        if ((head & DIRECTORY) === 0) yield { directory, name: text }
        else directory = text
      }
    }
  }

  /** Behind its length, of which the highest bit tells a directory from a name. */
  #write(text: string, kind: number): void {
    if (this.#filled + 2 + text.length > PIECE) {
      if (this.#filled + 2 <= PIECE) this.#pieces.at(-1)?.writeUInt16LE(END, this.#filled)
      this.#pieces.push(Buffer.alloc(PIECE))
      this.#filled = 0
    }
    const piece = this.#pieces.at(-1) as Buffer
    piece.writeUInt16LE(text.length | kind, this.#filled)
    piece.write(text, this.#filled + 2, 'latin1')
    this.#filled += 2 + text.length
  }
}

/** No text is longer: paths have at most 4000 bytes. */
const PIECE = 16 * 1024
const DIRECTORY = 0x8000
/** Instead of a length: nothing more is in this piece. */
const END = 0xffff

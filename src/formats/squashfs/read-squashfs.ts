import { imageInvalid, locateError, quotePath } from '../image-invalid.ts'
import type { ReadAt } from '../read-at.ts'
import type { TarHandler, TarMember } from '../tar/tar-reader.ts'
import { Contents } from './contents.ts'
import { readDirectory } from './directory.ts'
import { readInode, type SquashfsInode } from './inode.ts'
import { Metadata, type SquashfsLimit } from './metadata.ts'
import { readSuperblock, SUPERBLOCK, type Superblock } from './superblock.ts'
import { split, Xattrs } from './xattrs.ts'

/** What reading a squashfs may take: each throws when that is too much. */
export interface ReadingLimit extends SquashfsLimit {
  /** So many bytes of inodes and names are remembered. */
  remembered(bytes: number): void
}

/**
 * Reads a squashfs (version 4.0, as Linux has it; compressed by gzip, xz or zstd) and gives what is in it as if it were a
 * tar archive: first all that is no regular file, directories before what is in them; then regular files, by where they lie;
 * then further names of files. Memory grows with the number of files, not with their size.
 *
 * @param size bytes that there are; a squashfs may be shorter, as it is padded
 * @throws {StillroomError} IMAGE_INVALID when it is damaged, cut short, or one that Linux and others could read differently;
 *   what `limit` and `handler` throw
 */
export async function readSquashfs(
  read: ReadAt,
  size: number,
  handler: TarHandler,
  limit: ReadingLimit,
): Promise<void> {
  const superblock = readSuperblock(await read(0, Math.min(SUPERBLOCK, size)), size)
  const metadata = new Metadata(read, superblock, limit)
  const owners = await metadata.table(superblock.idTable, superblock.ids, 4)
  const xattrs = await Xattrs.open(read, metadata, superblock.xattrTable, superblock.size)
  const files: { path: string; inode: FileInode; member: TarMember }[] = []
  const links: TarMember[] = []
  for await (const { path, inode, first } of walk(metadata, superblock, limit)) {
    const attributes = inode.xattr === undefined ? NONE : await xattrs.of(inode.xattr, limit.remembered)
    const member = toMember(path, inode, ownerIn(owners), attributes)
    if (first !== undefined) links.push({ ...member, flag: '1', size: 0, linkName: first })
    else if (inode.type === 'file') files.push({ path, inode, member })
    else {
      handler.member(member)
      handler.end()
    }
  }
  const { fragments, fragmentTable } = superblock
  const table =
    fragmentTable === undefined ? Buffer.alloc(0) : await metadata.table(fragmentTable, fragments, 16)
  const contents = new Contents(read, superblock, table, limit)
  const places = new Map(files.map((file) => [file, contents.placeOf(file.inode)]))
  for (const file of files.sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0))) {
    handler.member(file.member)
    try {
      for await (const bytes of contents.of(file.inode)) handler.data(bytes)
    } catch (error) {
      throw locateError(error, `in ${quotePath(file.path)}`)
    }
    handler.end()
  }
  for (const member of links) {
    handler.member(member)
    handler.end()
  }
}

type FileInode = Extract<SquashfsInode, { type: 'file' }>
const NONE: Map<string, string> = new Map()

/** A path of a squashfs; `first` is an earlier one of the same inode. */
interface Walked {
  path: string
  inode: SquashfsInode
  first: string | undefined
}

/** Every path, directories before what is in them. */
async function* walk(
  metadata: Metadata,
  superblock: Superblock,
  limit: ReadingLimit,
): AsyncGenerator<Walked> {
  const { inodes, inodeTable, directoryTable, blockSize } = superblock
  const inodeAt = ({ block, offset }: { block: number; offset: number }) =>
    readInode(metadata.cursor(inodeTable + block, offset), blockSize, limit.remembered)
  const firsts = new Map<string, { path: string; inode: SquashfsInode }>()
  const numbers = new Set<number>()
  const once = (path: string, { number }: SquashfsInode) => {
    if (numbers.has(number) || number === 0 || number > inodes)
      throw imageInvalid(
        `${quotePath(path)} has the inode number ${number}, which is another's or none of ${inodes}`,
      )
    numbers.add(number)
  }
  let entries = 0
  const root = await inodeAt(split(superblock.root))
  if (root.type !== 'directory') throw imageInvalid(`The root of the squashfs is a ${root.type}`)
  once('/', root)
  yield { path: '', inode: root, first: undefined }
  const open: { path: string; inode: Extract<SquashfsInode, { type: 'directory' }> }[] = [
    { path: '', inode: root },
  ]
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    const { block, offset, size } = directory.inode
    for await (const entry of readDirectory(metadata.cursor(directoryTable + block, offset), size)) {
      const path = directory.path === '' ? entry.name : `${directory.path}/${entry.name}`
      const key = `${entry.block} ${entry.offset}`
      const known = firsts.get(key)
      limit.remembered(path.length)
      entries += 1
      // directories may share their lists of names
      if (entries > ENTRY_LIMIT) throw imageInvalid(`The squashfs has more than ${ENTRY_LIMIT} names`)
      if (known !== undefined) {
        yield { path, inode: known.inode, first: known.path }
        continue
      }
      const inode = await inodeAt(entry)
      if (TYPES[entry.type] !== inode.type)
        throw imageInvalid(`${quotePath(path)} is a ${inode.type} by its inode, and another by its directory`)
      // a directory with two names could lie in itself
      once(path, inode)
      if (inode.type === 'directory') open.push({ path, inode })
      else firsts.set(key, { path, inode })
      yield { path, inode, first: undefined }
    }
  }
}

/** More than any image has. */
const ENTRY_LIMIT = 2_000_000

/** What a directory says that its entries are. */
const TYPES: Record<number, SquashfsInode['type']> = {
  1: 'directory',
  2: 'file',
  3: 'symlink',
  4: 'block',
  5: 'character',
  6: 'fifo',
  7: 'socket',
}
const FLAGS = { file: '0', symlink: '2', character: '3', block: '4', directory: '5', fifo: '6' }

function toMember(
  path: string,
  inode: SquashfsInode,
  owner: (index: number) => number,
  xattrs: Map<string, string>,
): TarMember {
  if (inode.type === 'socket') throw imageInvalid(`${quotePath(path)} is a socket, which an image can't have`)
  // a layer would delete what it names, a squashfs has a file of that name
  if (/(?:^|\/)\.wh\.[^/]*$/.test(path))
    throw imageInvalid(`${quotePath(path)} has the name of a whiteout, which a squashfs does not have`)
  const device = inode.type === 'character' || inode.type === 'block'
  return {
    name: path === '' ? './' : path,
    flag: FLAGS[inode.type],
    mode: inode.mode,
    uid: owner(inode.uid),
    gid: owner(inode.gid),
    size: inode.type === 'file' ? inode.size : 0,
    mtime: inode.mtime,
    linkName: inode.type === 'symlink' ? inode.target : '',
    major: device ? inode.major : 0,
    minor: device ? inode.minor : 0,
    xattrs,
  }
}

function ownerIn(owners: Buffer): (index: number) => number {
  return (index) => {
    if (index * 4 >= owners.length) throw imageInvalid(`The squashfs has no owner ${index}`)
    return owners.readUInt32LE(index * 4)
  }
}

import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { tarMembers } from '../formats/tar/tar-members.ts'
import type { TarMember } from '../formats/tar/tar-reader.ts'
import { memberHeader, TAR_END, tarPadding } from '../formats/tar/write-tar.ts'
import { FileTree } from './file-tree.ts'
import { type Inode, toLayerEntry } from './layer-entry.ts'
import type { TreeNode } from './tree-node.ts'

/** A file or directory that is put into a flat archive beside the image's own: root's. */
export interface AddedFile {
  path: string
  type: 'directory' | 'file'
  mode: number
  mtime: number
  content: Buffer
}

/**
 * The files of an image as one tar archive, which follows from its layers alone: what is no regular file first, directories
 * before what is in them; then files in the order of the layers that hold them; then their further names; then what is
 * added. The root's time is 0, as in the tree digest.
 *
 * @param layers the uncompressed archives, lowest first
 * @param root the tree that they merge to
 * @throws {StillroomError} IMAGE_INVALID when a layer is another than the tree was made of, or the image has a path that is
 *   to be added
 */
export async function* flatTar(
  layers: readonly (() => AsyncIterable<Uint8Array>)[],
  root: TreeNode,
  added: readonly AddedFile[],
): AsyncGenerator<Uint8Array> {
  const tree = new FileTree(root)
  yield memberHeader(toMember('./', { ...root.inode, mtime: 0 }))
  let files = 0
  const first = new Map<Inode, string>()
  for (const { path, inode } of tree.files()) {
    const known = first.get(inode)
    if (inode.type === 'file') files += 1
    else yield known === undefined ? memberHeader(toMember(path, inode)) : link(path, inode, known)
    if (inode.isShared && inode.type !== 'file' && known === undefined) first.set(inode, path)
  }
  const done = new Set<string>()
  for (const [index, read] of layers.entries()) {
    for await (const { member, content } of tarMembers(read())) {
      if (member.flag !== '0') continue
      const { path, inode: given } = toLayerEntry(member)
      const inode = tree.findLink(path)
      const isIt = inode?.path === path && inode.inode.layer === index && inode.inode.type === 'file'
      if (!isIt || done.has(path) || first.has(inode.inode)) continue
      if (inode.inode.size !== given.size)
        throw imageInvalid(
          `${quotePath(path)} has ${given.size} bytes in layer ${index + 1}: expected ${inode.inode.size}`,
        )
      first.set(inode.inode, path)
      done.add(path)
      yield memberHeader(toMember(path, inode.inode))
      for await (const bytes of content) yield Buffer.from(bytes)
      yield tarPadding(given.size)
    }
  }
  for (const { path, inode } of tree.files()) {
    if (inode.type !== 'file' || done.has(path)) continue
    const target = first.get(inode)
    if (target === undefined) throw imageInvalid(`No layer holds ${quotePath(path)} under that name`)
    done.add(path)
    yield link(path, inode, target)
  }
  if (done.size !== files) throw imageInvalid(`The layers hold ${done.size} files of ${files}`)
  for (const { content, ...file } of added) {
    if (tree.findLink(file.path) !== undefined)
      throw imageInvalid(`The image has ${quotePath(file.path)}, which Apptainer has for its own`)
    const inode = { ...PLAIN, ...file, size: content.length }
    yield memberHeader(toMember(file.path, inode))
    yield content
    yield tarPadding(content.length)
  }
  yield TAR_END
}

const PLAIN = { uid: 0, gid: 0, target: '', major: 0, minor: 0, xattrs: new Map<string, string>() }
const link = (path: string, inode: Inode, target: string) =>
  memberHeader({ ...toMember(path, inode), flag: '1', size: 0, linkName: target, xattrs: new Map() })
const FLAGS = { file: '0', symlink: '2', character: '3', block: '4', directory: '5', fifo: '6' }

function toMember(path: string, inode: Omit<Inode, 'sha256'>): TarMember {
  const { type, mode, uid, gid, size, mtime, target, major, minor, xattrs } = inode
  const common = { mode, uid, gid, mtime, linkName: target, major, minor, xattrs }
  const name = type === 'directory' && !path.endsWith('/') ? `${path}/` : path
  return { ...common, name, flag: FLAGS[type], size: type === 'file' ? size : 0 }
}

import { TAR_END, tarHeader, tarPadding } from '../../formats/tar/write-tar.ts'
import type { TreeFile } from '../../image/file-tree.ts'
import { isLine, type Repairs } from './compare-rebuilt.ts'

/** A file to carry, with its content where it is a regular one. */
export interface CarriedFile extends TreeFile {
  content?: Buffer
}

/**
 * Files beside a recipe that put what no package brings into its image: an archive, and lists of what is to be copied (lines in
 * turn: from where, to where), of what is to go, and of what has other attributes. The same bytes for the same files.
 */
export function carriedFiles(
  carried: readonly CarriedFile[],
  { copy, remove, attributes }: Omit<Repairs, 'carry'>,
): Map<string, Buffer> {
  const lines = (some: readonly string[]) => Buffer.from(some.map((line) => `${line}\n`).join(''), 'latin1')
  return new Map([
    ['files/carried.tar', archiveOf(carried)],
    ['files/copied.txt', lines(copy.flatMap(({ from, path }) => [from, path]))],
    ['files/removed.txt', lines(remove.filter(isOneLine))],
    ['files/attributes.txt', lines(attributes.filter(({ path }) => isLine(path)).map(attributesLine))],
  ])
}

/** A path that a line can hold; of any other the attributes stay as they are, and it is not taken away. */
const isOneLine = (path: string) => !path.includes('\n')

const attributesLine = ({ path, inode: { type, mode, uid, gid } }: TreeFile) =>
  `${type === 'symlink' ? '-' : mode.toString(8).padStart(4, '0')} ${uid}:${gid} ${path}`

function archiveOf(files: readonly CarriedFile[]): Buffer {
  const parts: Buffer[] = []
  for (const { path, inode, content = Buffer.alloc(0) } of files) {
    const { type, mode, uid, gid, mtime, target } = inode
    if (type !== 'file' && type !== 'symlink' && type !== 'directory') continue
    const attributes = { mode, uid, gid, mtime }
    if (type === 'file')
      parts.push(
        tarHeader({ path, type, size: content.length }, attributes),
        content,
        tarPadding(content.length),
      )
    else parts.push(tarHeader({ path, type, target }, attributes))
  }
  return Buffer.concat([...parts, TAR_END])
}

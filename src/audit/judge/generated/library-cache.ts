import type { FileTree } from '../../../image/file-tree.ts'

const MAGIC = 'glibc-ld.so.cache1.1'
const HEADER = 48
const ENTRY = 24

/**
 * What is wrong with `/etc/ld.so.cache` (glibc's dl-cache.h: magic, count and length of strings at 20 and 24, entries
 * of 24 bytes at 48 with the offsets of name and path at 4 and 8): each name must lead to a file of that name in a
 * directory of libraries.
 */
export function libraryCacheProblem(cache: Buffer, tree: FileTree): string | undefined {
  if (cache.toString('latin1', 0, MAGIC.length) !== MAGIC || cache.length < HEADER)
    return 'it is not a cache of the dynamic linker'
  const count = cache.readUInt32LE(20)
  if (HEADER + count * ENTRY > cache.length) return 'it is cut short'
  for (let at = HEADER; at < HEADER + count * ENTRY; at += ENTRY) {
    const name = textAt(cache, cache.readUInt32LE(at + 4))
    const path = textAt(cache, cache.readUInt32LE(at + 8))
    if (name === undefined || path === undefined) return 'an entry of it points outside'
    if (!DIRECTORIES.test(path)) return `it leads "${name}" to ${path}, where no package has libraries`
    if (path.slice(path.lastIndexOf('/') + 1) !== name) return `it leads "${name}" to ${path}`
    if (tree.find(path)?.inode.type !== 'file') return `it leads "${name}" to ${path}, which is not there`
  }
  return undefined
}

const DIRECTORIES = /^\/(usr\/)?(local\/)?lib(32|64|x32)?\//

function textAt(bytes: Buffer, offset: number): string | undefined {
  const end = bytes.indexOf(0, offset)
  return offset >= bytes.length || end === -1 ? undefined : bytes.toString('latin1', offset, end)
}

import type { FileTree } from '../image/file-tree.ts'

/** Files that say of one package what its files are, and nothing else (dpkg; PEP 376 and what was before it). */
const LIST = /^var\/lib\/dpkg\/info\/[^/]+\.(list|md5sums)$|\.(dist|egg)-info\/(RECORD|installed-files\.txt)$/

/** More are not looked for: reading the lists is quicker then. */
const MOST_PATHS = 64

/**
 * Forgets the content of lists that name none of these files, so that an inventory of the tree lists the files of those
 * packages alone to which they may belong, and takes little memory.
 *
 * @param paths below the root; bytes as latin1
 */
export function forgetLists(tree: FileTree, paths: readonly string[]): void {
  if (paths.length > MOST_PATHS) return
  const wanted = paths.map((path) => {
    const [name = '', directory = ''] = path.split('/').reverse()
    // a list may begin at the file's directory
    return [`${directory}/${name}`, `\n${name},`, `\n${name}\n`].map((text) => Buffer.from(text, 'latin1'))
  })
  for (const { path, inode } of tree.files()) {
    const { content } = inode
    if (content === undefined || !LIST.test(path)) continue
    const isNamed = (text: Buffer) => content.includes(text) || content.indexOf(text.subarray(1)) === 0
    if (!wanted.flat().some(isNamed)) delete inode.content
  }
}

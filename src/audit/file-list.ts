import { joinPath, Names } from '../image/columns.ts'
import type { FileTree } from '../image/file-tree.ts'
import type { AuditedFile, FileList } from './audit-report.ts'
import { showPath } from './finding.ts'

/**
 * Files of a tree, of which but names and owners are kept: of an image that nobody knows anything about it lists hundreds of
 * thousands.
 */
export class TreeFileList implements FileList {
  readonly #tree: FileTree
  readonly #names = new Names()
  /** By the index of the file, of those that have one. */
  readonly #owners = new Map<number, string>()
  #length = 0

  constructor(tree: FileTree) {
    this.#tree = tree
  }

  get length(): number {
    return this.#length
  }

  /** @param path of a regular file of the tree, below the root */
  add(path: string, owner: string | undefined): void {
    this.#names.add(path)
    if (owner !== undefined) this.#owners.set(this.#length, owner)
    this.#length += 1
  }

  /** In the order in which they were added. */
  *[Symbol.iterator](): Generator<AuditedFile> {
    let index = 0
    for (const { directory, name } of this.#names.places()) {
      const path = joinPath(directory, name)
      const owner = this.#owners.get(index++)
      const inode = this.#tree.findLink(path)?.inode
      if (inode === undefined) throw new Error(`the tree has no ${path} any more`)
      const { size, sha256, layer } = inode
      yield {
        path: showPath(path),
        size,
        sha256,
        ...(layer === undefined ? {} : { layer }),
        ...(owner === undefined ? {} : { owner }),
      }
    }
  }

  /** For what is kept of an audit; reports have them by path. */
  toJSON(): AuditedFile[] {
    return [...this]
  }
}

import type { FileTree } from '../image/file-tree.ts'

/** What any image may take, however small. */
const FREE = 64 * 1024 ** 2
/** For each byte of the files that are read. */
const PER_BYTE = 16
/** For each path of the image: files of which several are names are read for each. */
const PER_PATH = 1024
/** What remembering something costs beside its text. */
const OBJECT = 256

/** More was to be read than the files of the image account for. */
export class TooMuchWork extends Error {}

/**
 * Counts what reading an inventory takes, in bytes read and characters made, and ends it when that is out of proportion to
 * the image: files may name each other, so that what they make of a few bytes grows with their product.
 */
export class Work {
  readonly limit: number
  used = 0

  constructor(tree: FileTree) {
    const contents = new Set<Buffer>()
    for (const { inode } of tree.keptFiles()) if (inode.content !== undefined) contents.add(inode.content)
    let bytes = 0
    for (const { length } of contents) bytes += length
    this.limit = FREE + PER_BYTE * bytes + PER_PATH * tree.count()
  }

  /** @throws {TooMuchWork} */
  take(amount: number): void {
    this.used += amount
    if (this.used > this.limit) throw new TooMuchWork()
  }

  /**
   * Things that are remembered, each with its path.
   *
   * @throws {TooMuchWork}
   */
  takePaths(count: number, length: number): void {
    this.take(count * (length + OBJECT))
  }

  /**
   * The lines of a text, of which each becomes a path below a directory.
   *
   * @throws {TooMuchWork}
   */
  takeLines(text: string, directory = ''): void {
    let lines = 1
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1
    this.take(text.length)
    this.takePaths(lines, directory.length)
  }
}

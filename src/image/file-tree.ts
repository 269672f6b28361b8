import { joinPath, type PlaceInDirectory } from './columns.ts'
import type { Inode } from './layer-entry.ts'
import { directoriesIn, inNameOrder, isKept, type TreeNode } from './tree-node.ts'

/** Linux follows no more symlinks than this in one path. */
const SYMLINK_LIMIT = 40

/** A file of the merged tree by one of its names. */
export interface TreeFile {
  /** Below the root, without a slash at either end; the root's own is empty. */
  path: string
  inode: Inode
}

/**
 * Looks into a merged tree as a program in the container would: paths are below the root, with or without a slash in
 * front, and symlinks are followed within the image.
 */
export class FileTree {
  readonly root: TreeNode
  #kept: readonly TreeFile[] | undefined

  constructor(root: TreeNode) {
    this.root = root
  }

  /** The file at a path, symlinks followed; undefined when there is none or the links don't end. */
  find(path: string): TreeFile | undefined {
    return this.#walk(path, true)
  }

  /** As {@link find}, but a symlink at the path's end is what is found. */
  findLink(path: string): TreeFile | undefined {
    return this.#walk(path, false)
  }

  /** Names in a directory, in the order of their bytes; empty when it is none. */
  list(path: string): string[] {
    const found = this.find(path)
    const children = found === undefined ? undefined : this.#node(found.path)?.children
    return [...(children?.keys() ?? [])].sort()
  }

  /** How many paths there are, with the root's. */
  count(): number {
    let count = 1
    const open = [this.root]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      count += node.children?.size ?? 0
      for (const [, directory] of directoriesIn(node.children)) open.push(directory)
    }
    return count
  }

  /** Directories whose mode, owner and attributes are up to the engine, sorted: see `isUnclear`. */
  unclearDirectories(): string[] {
    const found: string[] = []
    const open = [{ node: this.root, path: '' }]
    for (let top = open.pop(); top !== undefined; top = open.pop()) {
      const { node, path } = top
      if (node.isUnclear) found.push(path)
      for (const [name, directory] of directoriesIn(node.children))
        open.push({ node: directory, path: joinPath(path, name) })
    }
    return found.sort()
  }

  /** Every file whose content was kept, in the order of {@link files}; the tree is walked once. */
  keptFiles(): readonly TreeFile[] {
    if (this.#kept !== undefined) return this.#kept
    const kept: TreeFile[] = []
    // not all paths at once, of which there may be many more
    for (const { path, node } of descend(this.root, ''))
      if (isKept(node)) kept.push({ path, inode: node.inode })
    this.#kept = kept
    return kept
  }

  /** Content of a regular file, when it was kept (see `keep` of `readImageTree`). */
  read(path: string): Buffer | undefined {
    return this.find(path)?.inode.content
  }

  /** Every path but the root's, parents first, in the order of their bytes within a directory. */
  *files(below = ''): Generator<TreeFile & PlaceInDirectory> {
    const start = this.find(below)
    const node = start === undefined ? undefined : this.#node(start.path)
    if (start === undefined || node === undefined) return
    for (const { node: file, ...place } of descend(node, start.path)) yield { ...place, inode: file.inode }
  }

  #node(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root
    for (const name of split(path)) node = node?.children?.get(name)
    return node
  }

  #walk(path: string, followLast: boolean): TreeFile | undefined {
    const pending = split(path).reverse()
    const nodes: TreeNode[] = [this.root]
    const names: string[] = []
    let links = 0
    while (pending.length > 0) {
      const name = pending.pop() as string
      const here = nodes.at(-1) as TreeNode
      if (name === '.') continue
      if (name === '..') {
        if (names.length > 0) {
          names.pop()
          nodes.pop()
        }
        continue
      }
      const next = here.children?.get(name)
      if (next === undefined) return undefined
      const isLink = next.children === undefined && next.inode.type === 'symlink'
      if (isLink && (followLast || pending.length > 0)) {
        const { target } = next.inode
        links += 1
        if (links > SYMLINK_LIMIT) return undefined
        if (target.startsWith('/')) {
          names.length = 0
          nodes.length = 1
        }
        pending.push(...split(target).reverse())
        continue
      }
      names.push(name)
      nodes.push(next)
    }
    return { path: names.join('/'), inode: (nodes.at(-1) as TreeNode).inode }
  }
}

/** Without recursion, which would cost each file as many steps as it lies deep. */
function* descend(
  start: TreeNode,
  below: string,
): Generator<PlaceInDirectory & { path: string; node: TreeNode }> {
  const open = [{ directory: below, places: inNameOrder(start.children) }]
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const { done, value } = top.places.next()
    if (done) {
      open.pop()
      continue
    }
    const { directory } = top
    const [name, node] = value
    const path = joinPath(directory, name)
    yield { path, directory, name, node }
    if (node.children !== undefined) open.push({ directory: path, places: inNameOrder(node.children) })
  }
}

const split = (path: string) => path.split('/').filter((part) => part !== '')

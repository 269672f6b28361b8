import type { FileTree } from '../image/file-tree.ts'
import type { Inventory, InventoryProblem, PackageKind } from './inventory.ts'
import type { Work } from './work.ts'

export const baseOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
export const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** A path as it is meant from a directory, below the root and without slashes at the ends; `..` ends at the root. */
export function resolvePath(directory: string, path: string): string {
  if (path.startsWith('/') && isPlain(path.slice(1))) return path.slice(1)
  if (isPlain(path) && (directory === '' || isPlain(directory)))
    return directory === '' ? path : `${directory}/${path}`
  const parts = path.startsWith('/') ? [] : directory.split('/').filter((part) => part !== '')
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** Relative, and no part is empty or begins with a dot: nearly all paths. */
function isPlain(path: string): boolean {
  if (path === '' || path.startsWith('/') || path.startsWith('.') || path.endsWith('/')) return false
  return !path.includes('//') && !path.includes('/.')
}

/** Text of JSON and its like as the tree writes paths: one character a byte. */
export const toBytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1')

/** What a package manager's reader has found so far; its methods end it with `TooMuchWork`. */
export class Findings {
  readonly inventory: Inventory = { packages: [], problems: [] }
  readonly tree: FileTree
  readonly kind: PackageKind
  readonly work: Work

  constructor(tree: FileTree, kind: PackageKind, work: Work) {
    this.tree = tree
    this.kind = kind
    this.work = work
  }

  problem(path: string, reason: string): void {
    this.work.takePaths(1, path.length + reason.length)
    const problem: InventoryProblem = { kind: this.kind, path, reason }
    this.inventory.problems.push(problem)
  }

  /** Content of a regular file; undefined when there is none, and a problem when it was too large to keep. */
  bytes(path: string): Buffer | undefined {
    const found = this.tree.find(path)
    if (found === undefined) return undefined
    const { type, content, size } = found.inode
    if (content === undefined)
      this.problem(
        path,
        type === 'file' ? `its ${size} bytes are above the limit for such a file` : `it is a ${type}`,
      )
    this.work.take(content?.length ?? 0)
    return content
  }

  /** As {@link bytes}, one character a byte. */
  text(path: string): string | undefined {
    return this.bytes(path)?.toString('latin1')
  }

  /** As {@link bytes}, parsed as JSON in UTF-8; a problem when it is not JSON. */
  json(path: string): unknown {
    const bytes = this.bytes(path)
    if (bytes === undefined) return undefined
    try {
      return JSON.parse(bytes.toString('utf8'))
    } catch {
      this.problem(path, 'it is not JSON')
      return undefined
    }
  }
}

import type { FileTree } from '../image/file-tree.ts'
import type { FileType } from '../image/layer-entry.ts'
import { escapeBytes } from '../image/tree-digest.ts'
import type { FileDigest } from '../inventory/inventory.ts'

/** What its owner says that a path holds. */
export interface ExpectedFile {
  /** `deb/libc6`, `pypi/numpy`, `project-3`. */
  owner: string
  type: FileType
  /** Of a regular file; undefined when its owner does not say. */
  digest?: FileDigest
  /** Of a regular file that may be any of these: their sha256. */
  oneOf?: ReadonlySet<string>
  size?: number
  /** Of a symbolic link. */
  target?: string
  mode?: number
  uid?: number
  gid?: number
  /** Whether the image may do without it. */
  optional?: boolean
  /** Why it may be as it is, of a file that is made when it is installed. */
  generated?: string
  /** Whether nothing but the layer it comes from speaks for its content. */
  unchecked?: boolean
  /** Of dpkg's configuration files and their like. */
  configuration?: boolean
}

/** What is expected at which path of an image, by all owners. */
export class ExpectedFiles {
  readonly #tree: FileTree
  readonly #byPath = new Map<string, ExpectedFile[]>()
  readonly #directories = new Map<string, string>()

  constructor(tree: FileTree) {
    this.#tree = tree
  }

  /** Adds a file by the path its owner gives it, whose directories may be symlinks in the image: `bin/sh`. */
  add(path: string, file: ExpectedFile): void {
    const place = this.place(path)
    const known = this.#byPath.get(place)
    if (known === undefined) this.#byPath.set(place, [file])
    else known.push(file)
  }

  /** Where a path lies in the image: its directories without symlinks. */
  place(path: string): string {
    const slash = path.lastIndexOf('/')
    if (slash === -1) return path
    const parent = path.slice(0, slash)
    let real = this.#directories.get(parent)
    if (real === undefined) {
      const found = this.#tree.find(parent)
      real = found?.inode.type === 'directory' ? found.path : parent
      this.#directories.set(parent, real)
    }
    return real + path.slice(slash)
  }

  at(path: string): readonly ExpectedFile[] {
    return this.#byPath.get(path) ?? []
  }

  entries(): IterableIterator<[path: string, files: ExpectedFile[]]> {
    return this.#byPath.entries()
  }
}

/** A path as findings show it: with a slash in front, bytes that are no printable ASCII as `%XX`. */
export function showPath(path: string): string {
  return `/${escapeBytes(path)}`
}

import { joinPath } from '../../image/columns.ts'
import type { FileTree } from '../../image/file-tree.ts'
import type { FileType } from '../../image/layer-entry.ts'
import type { FileDigest } from '../../inventory/inventory.ts'
import { baseOf, parentOf } from '../../inventory/tree-paths.ts'
import type { ContentFile } from './locked-contents.ts'
import { type PackageScripts, ScriptEffects } from './script-effects.ts'

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
  /** Of what is made as packages are set up: rules say what it holds. */
  made?: boolean
  /** Of a file whose owner says no mode, but gives no more than this: the bits that it may have. */
  atMost?: number
}

/** What is expected at which path of an image, by all owners. */
export class ExpectedFiles {
  readonly #tree: FileTree
  /** By directory and name: both are short, and are looked up faster than paths, which are new and long each time. */
  readonly #byDirectory = new Map<string, Map<string, ExpectedFile[]>>()
  /** Where directories lie in the image, by how their owners give them. */
  readonly #places = new Map<string, string>()

  /** What maintainer scripts of the packages do. */
  readonly effects: ScriptEffects

  constructor(tree: FileTree, scripts: readonly PackageScripts[] = []) {
    this.#tree = tree
    this.effects = new ScriptEffects(tree, scripts, (path) => this.place(path))
  }

  /** Adds a file by the path its owner gives it, whose directories may be symlinks in the image: `bin/sh`. */
  add(path: string, file: ExpectedFile): void {
    const directory = this.#placeOf(parentOf(path))
    let files = this.#byDirectory.get(directory)
    if (files === undefined) {
      files = new Map()
      this.#byDirectory.set(directory, files)
    }
    const name = baseOf(path)
    const known = files.get(name)
    if (known === undefined) files.set(name, [file])
    else known.push(file)
  }

  /** Where a path lies in the image: its directories without symlinks. */
  place(path: string): string {
    return joinPath(this.#placeOf(parentOf(path)), baseOf(path))
  }

  at(path: string): readonly ExpectedFile[] {
    return this.in(parentOf(path), baseOf(path))
  }

  in(directory: string, name: string): readonly ExpectedFile[] {
    return this.#byDirectory.get(directory)?.get(name) ?? NONE
  }

  *entries(): Generator<[path: string, files: readonly ExpectedFile[]]> {
    for (const [directory, files] of this.#byDirectory)
      for (const [name, expected] of files) yield [joinPath(directory, name), expected]
  }

  #placeOf(directory: string): string {
    let place = this.#places.get(directory)
    if (place === undefined) {
      const found = this.#tree.find(directory)
      place = found?.inode.type === 'directory' ? found.path : directory
      this.#places.set(directory, place)
    }
    return place
  }
}

const NONE: readonly ExpectedFile[] = []

/** What a file of an artifact is expected to hold. */
export function contentOf({
  type,
  size,
  sha256,
  target,
}: Pick<ContentFile, 'type' | 'size' | 'sha256' | 'target'>): Pick<
  ExpectedFile,
  'type' | 'size' | 'digest' | 'target'
> {
  if (type === 'file') return { type, size, digest: { algorithm: 'sha256', value: sha256 } }
  return type === 'symlink' ? { type, target } : { type }
}

import type { LayerEntries } from './layer-entries.ts'
import type { Inode } from './layer-entry.ts'

/** A place in a merged tree; names of one hard-linked file share their inode. */
export interface TreeNode {
  inode: Inode
  /** Only directories have them. */
  children: Children | undefined
  /**
   * Set of a directory that a layer puts something into without giving it, over one of a lower layer that is not root's,
   * 0755, without attributes: with moby it becomes that, with containerd it stays.
   */
  isUnclear?: boolean
}

/** What is in a directory, by name. */
export type Children = Pick<
  ReadonlyMap<string, TreeNode>,
  'size' | 'get' | 'has' | 'keys' | 'values' | typeof Symbol.iterator
>

/** The members of an image's layers by number, those of the lowest layer first. */
export class NumberedFiles {
  readonly #layers: { first: number; entries: LayerEntries }[] = []
  /** Those of several names, by which they are told from each other. */
  readonly #shared = new Map<number, Inode>()
  #count = 0

  /** The number of a layer's first member. */
  add(entries: LayerEntries): number {
    const first = this.#count
    this.#layers.push({ first, entries })
    this.#count += entries.length
    return first
  }

  /** Of a file of several names it is always the same object, of others each time a new one. */
  inode(number: number): Inode {
    const known = this.#shared.get(number)
    if (known !== undefined) return known
    const index = this.#layerOf(number)
    const { first, entries } = this.#layers[index] as { first: number; entries: LayerEntries }
    const inode = entries.inode(number - first)
    inode.layer = index
    if (inode.isShared) this.#shared.set(number, inode)
    return inode
  }

  #layerOf(number: number): number {
    let [low, high] = [0, this.#layers.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#layers[middle]?.first as number) <= number) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** What is in a directory: directories, and numbers of files, which become objects when they are asked for. */
export class NumberedChildren<Directory extends TreeNode> implements Children {
  readonly places = new Map<string, Directory | number>()
  readonly #files: NumberedFiles

  constructor(files: NumberedFiles) {
    this.#files = files
  }

  get size(): number {
    return this.places.size
  }

  get(name: string): TreeNode | undefined {
    const place = this.places.get(name)
    return place === undefined ? undefined : this.#nodeOf(place)
  }

  has(name: string): boolean {
    return this.places.has(name)
  }

  keys(): MapIterator<string> {
    return this.places.keys()
  }

  *values(): MapIterator<TreeNode> {
    for (const place of this.places.values()) yield this.#nodeOf(place)
  }

  *[Symbol.iterator](): MapIterator<[string, TreeNode]> {
    for (const [name, place] of this.places) yield [name, this.#nodeOf(place)]
  }

  #nodeOf(place: Directory | number): TreeNode {
    return typeof place === 'number' ? new FileNode(this.#files, place) : place
  }
}

class FileNode implements TreeNode {
  readonly children = undefined
  readonly #files: NumberedFiles
  readonly #number: number

  constructor(files: NumberedFiles, number: number) {
    this.#files = files
    this.#number = number
  }

  get inode(): Inode {
    return this.#files.inode(this.#number)
  }
}

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

/** What is in a directory, in the order of the names' bytes; not all at once, as it may be much. */
export function inNameOrder(children: Children | undefined): Iterator<[name: string, node: TreeNode], void> {
  if (children instanceof NumberedChildren) return children.inNameOrder()
  return [...(children ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).values()
}

/** The directories among what is in a directory. */
export function directoriesIn(children: Children | undefined): Iterable<[name: string, directory: TreeNode]> {
  if (children instanceof NumberedChildren) return children.directories()
  return [...(children ?? [])].filter(([, node]) => node.children !== undefined)
}

/** Whether a file's content was kept. */
export const isKept = (node: TreeNode): boolean =>
  node instanceof FileNode ? node.isKept : node.inode.content !== undefined

interface NumberedLayer {
  /** The number of its first member. */
  first: number
  entries: LayerEntries
  /** Lowest 0. */
  index: number
}

/** The members of an image's layers by number, those of the lowest layer first. */
export class NumberedFiles {
  readonly #layers: NumberedLayer[] = []
  /** Those of several names, by which they are told from each other. */
  readonly #shared = new Map<number, Inode>()
  #count = 0

  /** The number of a layer's first member. */
  add(entries: LayerEntries): number {
    const first = this.#count
    this.#layers.push({ first, entries, index: this.#layers.length })
    this.#count += entries.length
    return first
  }

  /** The name that its layer gives a member. */
  name(number: number): string {
    const { first, entries } = this.#layerOf(number)
    return entries.name(number - first)
  }

  xattrs(number: number): Inode['xattrs'] {
    const { first, entries } = this.#layerOf(number)
    return entries.xattrs(number - first)
  }

  isKept(number: number): boolean {
    const { first, entries } = this.#layerOf(number)
    return entries.isKept(number - first)
  }

  /** Of a file of several names it is always the same object, of others each time a new one. */
  inode(number: number): Inode {
    const known = this.#shared.get(number)
    if (known !== undefined) return known
    const { first, entries, index } = this.#layerOf(number)
    const inode = entries.inode(number - first)
    inode.layer = index
    if (inode.isShared) this.#shared.set(number, inode)
    return inode
  }

  #layerOf(number: number): NumberedLayer {
    let [low, high] = [0, this.#layers.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#layers[middle]?.first as number) <= number) low = middle
      else high = middle - 1
    }
    return this.#layers[low] as NumberedLayer
  }
}

/**
 * What is in a directory: directories, and numbers of files, which become objects when they are asked for. Files that come in
 * the order of their names, as most do, are but numbers; of all else the name is kept, too.
 */
export class NumberedChildren<Directory extends TreeNode> implements Children {
  readonly #files: NumberedFiles
  /** Files in the order of the names that their layers give them; below 0, by `~`, where there is none any more. */
  readonly #ordered: number[] = []
  /** The last of these names. */
  #last: string | undefined
  #others: Map<string, Directory | number> | undefined
  #size = 0

  constructor(files: NumberedFiles) {
    this.#files = files
  }

  get size(): number {
    return this.#size
  }

  get(name: string): TreeNode | undefined {
    const place = this.place(name)
    return place === undefined ? undefined : this.#nodeOf(place)
  }

  has(name: string): boolean {
    return this.place(name) !== undefined
  }

  *keys(): MapIterator<string> {
    for (const [name] of this.places()) yield name
  }

  *values(): MapIterator<TreeNode> {
    for (const number of this.#ordered) if (number >= 0) yield this.#nodeOf(number)
    for (const place of this.#others?.values() ?? []) yield this.#nodeOf(place)
  }

  *directories(): Generator<[string, Directory]> {
    for (const [name, place] of this.#others ?? []) if (typeof place === 'object') yield [name, place]
  }

  *[Symbol.iterator](): MapIterator<[string, TreeNode]> {
    for (const [name, place] of this.places()) yield [name, this.#nodeOf(place)]
  }

  /** As {@link get}, the number of a file. */
  place(name: string): Directory | number | undefined {
    const other = this.#others?.get(name)
    if (other !== undefined) return other
    const number = this.#ordered[this.#indexOf(name)]
    return number === undefined || number < 0 ? undefined : number
  }

  /** As the iterator, with the numbers of files. */
  *places(): MapIterator<[string, Directory | number]> {
    for (const number of this.#ordered) if (number >= 0) yield [this.#files.name(number), number]
    if (this.#others !== undefined) yield* this.#others
  }

  *inNameOrder(): Generator<[string, TreeNode], void> {
    const others = [...(this.#others?.keys() ?? [])].sort().reverse()
    const other = () => {
      const name = others.pop() as string
      return [name, this.#nodeOf(this.#others?.get(name) as Directory | number)] as [string, TreeNode]
    }
    for (const number of this.#ordered) {
      if (number < 0) continue
      const name = this.#files.name(number)
      while (others.length > 0 && (others.at(-1) as string) < name) yield other()
      yield [name, new FileNode(this.#files, number)]
    }
    while (others.length > 0) yield other()
  }

  set(name: string, place: Directory | number): void {
    const index = this.#indexOf(name)
    this.#delete(name, index)
    this.#size += 1
    const isOwn = typeof place === 'number' && place >= 0 && this.#files.name(place) === name
    if (isOwn && index >= 0) this.#ordered[index] = place
    else if (isOwn && this.#isLast(name)) {
      this.#ordered.push(place)
      this.#last = name
    } else {
      this.#others ??= new Map()
      this.#others.set(name, place)
    }
  }

  delete(name: string): void {
    this.#delete(name, this.#indexOf(name))
  }

  #delete(name: string, index: number): void {
    if (this.#others?.delete(name)) this.#size -= 1
    const number = this.#ordered[index]
    if (number === undefined || number < 0) return
    this.#ordered[index] = ~number
    this.#size -= 1
  }

  clear(): void {
    this.#ordered.length = 0
    this.#last = undefined
    this.#others = undefined
    this.#size = 0
  }

  /** Whether a name comes after all that are in order. */
  #isLast(name: string): boolean {
    return this.#last === undefined || this.#last < name
  }

  /** Where a name is among those in order; -1 when it is not. */
  #indexOf(name: string): number {
    // as of the most that are added
    if (this.#isLast(name)) return -1
    let [low, high] = [0, this.#ordered.length - 1]
    while (low <= high) {
      const middle = (low + high) >>> 1
      const number = this.#ordered[middle] as number
      const found = this.#files.name(number < 0 ? ~number : number)
      if (found === name) return middle
      if (found < name) low = middle + 1
      else high = middle - 1
    }
    return -1
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

  get isKept(): boolean {
    return this.#files.isKept(this.#number)
  }
}

import type { Layer } from './layer-entries.ts'
import type { LayerEntry } from './layer-entry.ts'

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'

/** The paths of lower layers whose files upper layers change, hide or name again. */
export class TouchedPaths {
  readonly #paths = new Set<string>()
  /** All that lies in these is touched, too: deleted, or replaced by something else. */
  readonly #directories = new Set<string>()

  constructor(upper: readonly Layer[]) {
    for (const { entries } of upper) for (const entry of entries) this.#touch(entry)
  }

  has(path: string): boolean {
    if (this.#paths.has(path) || isWhiteout(path)) return true
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
      if (this.#directories.has(path.slice(0, end))) return true
    return this.#directories.has('')
  }

  /** Touches a path, and the directories that it lies in. */
  add(path: string): void {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1))
      this.#paths.add(path.slice(0, end))
  }

  /** Touches every name of the files of which a hard link or its target is; whether any came to it. */
  addLinked(layers: readonly Layer[]): boolean {
    const names = new Map<string, string[]>()
    const add = (name: string, other: string) => {
      const others = names.get(name)
      if (others === undefined) names.set(name, [other])
      else others.push(other)
    }
    for (const { entries } of layers) {
      for (const [path, link] of entries.links()) {
        add(path, link)
        add(link, path)
      }
    }
    const open = [...names.keys()].filter((name) => this.has(name))
    let grown = false
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      for (const other of names.get(name) ?? []) {
        if (this.has(other)) continue
        this.add(other)
        open.push(other)
        grown = true
      }
    }
    return grown
  }

  #touch({ path, inode, link }: LayerEntry): void {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (name === OPAQUE) this.#directories.add(parent)
    else if (name.startsWith(WHITEOUT))
      this.#replace(`${parent}${parent && '/'}${name.slice(WHITEOUT.length)}`)
    else if (link !== undefined || inode.type !== 'directory') this.#replace(path)
    this.add(path)
    if (link !== undefined) this.add(link)
  }

  #replace(path: string): void {
    this.add(path)
    this.#directories.add(path)
  }
}

const isWhiteout = (path: string) =>
  path.includes(WHITEOUT) && path.lastIndexOf(WHITEOUT) > path.lastIndexOf('/')

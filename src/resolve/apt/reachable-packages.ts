import { parseControl, placedStanzas, type Stanza } from '../../formats/deb/deb822.ts'
import { type Dependency, parseDepends } from '../../formats/deb/debian-depends.ts'

/** Relationship fields (Debian policy 7), whose targets apt knows as packages from then on. */
const RELATIONS = [
  ...['pre-depends', 'depends', 'conflicts', 'breaks', 'recommends', 'suggests', 'replaces', 'enhances'],
  'provides',
]
const FIELDS = new Set(['package', ...RELATIONS])

/** Paragraphs of an index, by where they are: one, but where lines of whitespace part several. */
interface Paragraph {
  list: number
  start: number
  end: number
}

/** Names with the paragraphs that they stand for. */
type Places = Map<string, number[]>

/**
 * The parts of indexes that matter to a plan of apt's. An index has some 60,000 packages, and apt reads each of them for each
 * plan, though it can come to few: what is installed or asked for, and whatever these name or need, any alternative and anyone
 * who provides it.
 *
 * Where apt has several providers and no other reason to prefer one, it goes by which package's name it read first, in whatever
 * field (`CompareProviders` in apt's depcache.cc, up to 3.0). So the paragraphs that first name what can be reached are in the
 * parts too, and all have the order of the indexes.
 *
 * @example
 * ```ts
 * const reachable = new ReachablePackages([Buffer.from('Package: jq\nDepends: libjq1\n\nPackage: libjq1\n\nPackage: vim\n')])
 * reachable.lists({ installed: '', requested: ['jq'], recommends: false }) // without vim
 * ```
 */
export class ReachablePackages {
  readonly #lists: readonly Buffer[]
  readonly #paragraphs: Paragraph[] = []
  readonly #packages: Places = new Map()
  readonly #providers: Places = new Map()
  /** Which paragraph names a package first. */
  readonly #first = new Map<string, number>()

  /**
   * @param lists `Packages` files, in the order in which apt reads them
   * @throws {SyntaxError} when a relation cannot be read
   */
  constructor(lists: readonly Uint8Array[]) {
    this.#lists = lists.map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    )
    for (const [list, bytes] of this.#lists.entries()) {
      for (const { stanza, start, end } of placedStanzas(bytes, { fields: FIELDS })) {
        // several paragraphs may share a place
        const last = this.#paragraphs.at(-1)
        if (last?.list !== list || last.start !== start) this.#paragraphs.push({ list, start, end })
        const place = this.#paragraphs.length - 1
        for (const { field, target } of namesIn(stanza)) this.#add(field, target, place)
      }
    }
  }

  #add(field: string, { name, qualifier }: Dependency, place: number): void {
    // what has an architecture is no package of its own to apt
    if (qualifier === undefined && !this.#first.has(name)) this.#first.set(name, place)
    const places = field === 'package' ? this.#packages : field === 'provides' ? this.#providers : undefined
    const known = places?.get(name)
    if (known === undefined) places?.set(name, [place])
    else known.push(place)
  }

  /**
   * The part of each list.
   *
   * @param installed dpkg's `status`
   * @param recommends whether apt installs what is recommended
   */
  lists({
    installed,
    requested,
    recommends,
  }: {
    installed: string
    requested: readonly string[]
    recommends: boolean
  }): Uint8Array[] {
    const followed = new Set(['package', 'pre-depends', 'depends', ...(recommends ? ['recommends'] : [])])
    const seen = new Set(requested)
    const queue = [...requested]
    const follow = (text: Uint8Array | string) => {
      for (const stanza of parseControl(text, { fields: followed }))
        for (const { target } of namesIn(stanza)) {
          if (seen.has(target.name)) continue
          seen.add(target.name)
          queue.push(target.name)
        }
    }
    follow(installed)
    const reached = new Set<number>()
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      for (const place of [...(this.#packages.get(name) ?? []), ...(this.#providers.get(name) ?? [])]) {
        if (reached.has(place)) continue
        reached.add(place)
        follow(this.#bytes(place))
      }
    }
    const first = [...seen].flatMap((name) => this.#first.get(name) ?? [])
    return this.#parts([...new Set([...reached, ...first])].sort((a, b) => a - b))
  }

  #bytes(place: number): Buffer {
    const { list, start, end } = this.#paragraphs[place] as Paragraph
    return (this.#lists[list] as Buffer).subarray(start, end)
  }

  #parts(places: readonly number[]): Uint8Array[] {
    const parts = this.#lists.map((): Uint8Array[] => [])
    for (const place of places)
      parts[this.#paragraphs[place]?.list as number]?.push(this.#bytes(place), SEPARATOR)
    return parts.map((paragraphs) => Buffer.concat(paragraphs))
  }
}

const SEPARATOR = Buffer.from('\n\n')

/** What a paragraph names, and in which field. */
function* namesIn(stanza: Stanza): Generator<{ field: string; target: Dependency }> {
  for (const [field, value] of stanza)
    for (const group of parseDepends(value)) for (const target of group) yield { field, target }
}

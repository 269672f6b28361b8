/** Relationship fields (Debian policy 7), whose targets apt knows as packages from then on. */
const RELATIONS = new Set([
  'pre-depends',
  'depends',
  'conflicts',
  'breaks',
  'recommends',
  'suggests',
  'replaces',
  'enhances',
  'provides',
])

/** A paragraph of an index, by where it is. */
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

  /** @param lists `Packages` files, in the order in which apt reads them */
  constructor(lists: readonly Uint8Array[]) {
    this.#lists = lists.map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    )
    for (const [list, bytes] of this.#lists.entries()) {
      for (const { text, start, end } of paragraphs(bytes)) {
        const place = this.#paragraphs.push({ list, start, end }) - 1
        for (const { key, names } of namesIn(text)) this.#add(key, names, place)
      }
    }
  }

  #add(key: string, names: readonly string[], place: number): void {
    const places = key === 'package' ? this.#packages : key === 'provides' ? this.#providers : undefined
    for (const name of names) {
      // what has an architecture is no package of its own to apt
      const plain = name.split(':', 1)[0] as string
      if (plain === name && !this.#first.has(name)) this.#first.set(name, place)
      if (places === undefined) continue
      const known = places.get(plain)
      if (known === undefined) places.set(plain, [place])
      else known.push(place)
    }
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
    const follow = (text: string) => {
      for (const { key, names } of namesIn(text)) {
        if (!followed.has(key)) continue
        for (const name of names) {
          const [plain = ''] = name.split(':', 1)
          if (seen.has(plain)) continue
          seen.add(plain)
          queue.push(plain)
        }
      }
    }
    for (const { text } of paragraphs(Buffer.from(installed))) follow(text)
    const reached = new Set<number>()
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      for (const place of [...(this.#packages.get(name) ?? []), ...(this.#providers.get(name) ?? [])]) {
        if (reached.has(place)) continue
        reached.add(place)
        follow(this.#text(place))
      }
    }
    const first = [...seen].flatMap((name) => this.#first.get(name) ?? [])
    return this.#parts([...new Set([...reached, ...first])].sort((a, b) => a - b))
  }

  #text(place: number): string {
    const { list, start, end } = this.#paragraphs[place] as Paragraph
    return (this.#lists[list] as Buffer).toString('latin1', start, end)
  }

  #parts(places: readonly number[]): Uint8Array[] {
    const parts = this.#lists.map((): Uint8Array[] => [])
    for (const place of places) {
      const { list, start, end } = this.#paragraphs[place] as Paragraph
      parts[list]?.push((this.#lists[list] as Buffer).subarray(start, end), SEPARATOR)
    }
    return parts.map((paragraphs) => Buffer.concat(paragraphs))
  }
}

const SEPARATOR = Buffer.from('\n\n')

/** The text up to each empty line. */
function* paragraphs(list: Buffer): Generator<{ text: string; start: number; end: number }> {
  for (let start = 0; start < list.length; ) {
    const found = list.indexOf(SEPARATOR, start)
    const end = found === -1 ? list.length : found
    yield { text: list.toString('latin1', start, end), start, end }
    start = end + SEPARATOR.length
  }
}

/** The names in each field that has some: `NAME` or `NAME:ARCHITECTURE`. */
function* namesIn(text: string): Generator<{ key: string; names: string[] }> {
  for (let start = 0; start < text.length; ) {
    const end = endOfField(text, start)
    const colon = text.indexOf(':', start)
    const length = colon - start
    // no field that names packages has a shorter or a longer name
    if (length >= 6 && length <= 11) {
      const key = text.slice(start, colon).toLowerCase()
      if (key === 'package' || RELATIONS.has(key)) yield { key, names: relationNames(text, colon + 1, end) }
    }
    start = end + 1
  }
}

/** The end of the last line that belongs to a field: those after its first begin with a blank. */
function endOfField(text: string, start: number): number {
  let end = text.indexOf('\n', start)
  while (end !== -1 && isBlank(text.charCodeAt(end + 1))) end = text.indexOf('\n', end + 1)
  return end === -1 ? text.length : end
}

const isBlank = (code: number) => code === 0x20 || code === 0x09

/** The names alone of `NAME (>= VERSION) | NAME, ...`. */
function relationNames(text: string, start: number, end: number): string[] {
  const names: string[] = []
  let from = -1
  // whether what comes is no name: a version, or an architecture
  let over = false
  for (let at = start; at <= end; at++) {
    const code = at === end ? COMMA : text.charCodeAt(at)
    if (
      code === COMMA ||
      code === BAR ||
      code <= SPACE ||
      code === ROUND ||
      code === SQUARE ||
      code === ANGLE
    ) {
      if (from !== -1) {
        names.push(text.slice(from, at))
        from = -1
        over = true
      }
      if (code === COMMA || code === BAR) over = false
    } else if (from === -1 && !over) from = at
  }
  return names
}

const [SPACE, COMMA, BAR, ROUND, SQUARE, ANGLE] = [0x20, 0x2c, 0x7c, 0x28, 0x5b, 0x3c]

/** One paragraph of a control file: field names in lower case (they are case-insensitive), values without the first line's margin. */
export type Stanza = ReadonlyMap<string, string>

export interface ControlOptions {
  /** Lower-case names of the fields wanted; all when left out. */
  fields?: ReadonlySet<string>
  /**
   * Where readers disagree. `apt` (the default): lines that begin with `#` are comments, the last of a repeated field
   * counts, what is no field is ignored. `dpkg`, whose rules suit Python's metadata and R's too: there are no comments,
   * the first of a repeated field counts, and lines that belong to no field or to a repeated one, for which dpkg
   * rejects the file, are kept under the empty name.
   */
  dialect?: 'apt' | 'dpkg'
}

const BLANK = /^[ \t\r]*$/

/**
 * Reads control data (deb822; Debian policy 5.1) paragraph by paragraph: `Packages`, `Release`, `*.sources`, dpkg's
 * `status`. Python's core metadata and R's `DESCRIPTION` have the same syntax.
 * Of bytes only one paragraph is decoded at a time (UTF-8), so a large `Packages` file costs no more memory than its
 * bytes. Continuation lines are joined by newlines, without their first character and their trailing whitespace.
 * Paragraphs are separated by empty lines and by lines of whitespace alone.
 *
 * @example
 * ```ts
 * for (const stanza of parseControl('Package: dash\nEssential: yes\n')) stanza.get('package') // 'dash'
 * ```
 */
export function* parseControl(data: Uint8Array | string, options?: ControlOptions): Generator<Stanza> {
  for (const { stanza } of placedStanzas(data, options)) yield stanza
}

/** A paragraph, and the part of the data that it is in: what lies between two empty lines. */
export interface PlacedStanza {
  stanza: Stanza
  start: number
  end: number
}

/** As {@link parseControl}, with the place of each paragraph: several share one when lines of whitespace part them. */
export function* placedStanzas(
  data: Uint8Array | string,
  { fields, dialect = 'apt' }: ControlOptions = {},
): Generator<PlacedStanza> {
  const keyOf = rememberKeys()
  const strict = dialect === 'dpkg'
  const stray = strict ? '' : undefined
  let stanza = new Map<string, string>()
  let seen = false
  let current = stray
  const isWanted = (key: string) => fields === undefined || fields.has(key)
  const append = (key: string, line: string) => {
    seen = true
    if (isWanted(key)) stanza.set(key, `${stanza.get(key) ?? ''}\n${line}`)
  }
  for (const { text, start, end } of blocks(data)) {
    for (const line of text.split('\n')) {
      const first = line.charCodeAt(0)
      if (first === 0x20 || first === 0x09 || first === 0x0d || line === '') {
        if (!BLANK.test(line)) {
          if (current !== undefined) append(current, line.slice(1).trimEnd())
          continue
        }
        if (seen) yield { stanza, start, end }
        stanza = new Map()
        seen = false
        current = stray
      } else if (first !== 0x23 || strict) {
        const colon = line.indexOf(':')
        const key = colon < 1 ? undefined : keyOf(line.slice(0, colon))
        if (key !== undefined && !(strict && stanza.has(key))) {
          current = key
          seen = true
          if (isWanted(key)) stanza.set(key, line.slice(colon + 1).trim())
        } else {
          current = stray
          if (stray !== undefined) append(stray, line)
        }
      }
    }
  }
}

/** The text up to each empty line, which is part of it: so every block ends a paragraph. */
function* blocks(data: Uint8Array | string): Generator<{ text: string; start: number; end: number }> {
  const all = typeof data === 'string' ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  for (let start = 0; start < all.length; ) {
    const found = all.indexOf('\n\n', start)
    const end = found === -1 ? all.length : found
    const text = `${typeof all === 'string' ? all.slice(start, end) : all.toString('utf8', start, end)}\n`
    yield { text, start, end }
    start = end + 2
  }
}

/** Field names in lower case; each spelling is converted once. */
function rememberKeys(): (name: string) => string {
  const keys = new Map<string, string>()
  return (name) => {
    const known = keys.get(name)
    if (known !== undefined) return known
    const key = name.trim().toLowerCase()
    keys.set(name, key)
    return key
  }
}

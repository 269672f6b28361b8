/** One paragraph of a control file: field names in lower case (they are case-insensitive), values without the first line's margin. */
export type Stanza = ReadonlyMap<string, string>

const LF = 0x0a
const BLANK = /^[ \t\r]*$/

/**
 * Reads control data (deb822; Debian policy 5.1) paragraph by paragraph: `Packages`, `Release`, `*.sources`.
 * Only one paragraph is decoded at a time, so a large `Packages` file costs no more memory than its bytes.
 * Continuation lines are joined by newlines with their leading blank removed; `#` lines are comments.
 *
 * @param fields lower-case names of the fields wanted; all when left out.
 * @example
 * ```ts
 * for (const stanza of parseControl('Package: dash\nEssential: yes\n')) stanza.get('package') // 'dash'
 * ```
 */
export function* parseControl(data: Uint8Array | string, fields?: ReadonlySet<string>): Generator<Stanza> {
  const bytes = typeof data === 'string' ? Buffer.from(data) : asBuffer(data)
  const keys = new Map<string, string | undefined>()
  let start = 0
  while (start < bytes.length) {
    const end = bytes.indexOf('\n\n', start)
    const stop = end === -1 ? bytes.length : end
    yield* parseBlock(bytes.toString('utf8', start, stop), keys, fields)
    start = stop
    while (bytes[start] === LF) start++
  }
}

/** A block without empty lines; lines of blanks alone also part paragraphs. */
function* parseBlock(
  block: string,
  keys: Map<string, string | undefined>,
  fields: ReadonlySet<string> | undefined,
): Generator<Stanza> {
  let stanza = new Map<string, string>()
  let seen = false
  let current: string | undefined
  for (const line of block.split('\n')) {
    const first = line.charCodeAt(0)
    if (first === 0x20 || first === 0x09 || Number.isNaN(first) || first === 0x0d) {
      if (BLANK.test(line)) {
        if (seen) yield stanza
        stanza = new Map()
        seen = false
        current = undefined
      } else if (current !== undefined) {
        stanza.set(current, `${stanza.get(current)}\n${line.slice(1).trimEnd()}`)
      }
      continue
    }
    if (first === 0x23) continue
    const colon = line.indexOf(':')
    if (colon < 1) {
      current = undefined
      continue
    }
    seen = true
    current = fieldKey(line.slice(0, colon), keys, fields)
    if (current !== undefined) stanza.set(current, line.slice(colon + 1).trim())
  }
  if (seen) yield stanza
}

/** The key of a field, or `undefined` when it isn't wanted; `keys` remembers each spelling. */
function fieldKey(
  name: string,
  keys: Map<string, string | undefined>,
  fields: ReadonlySet<string> | undefined,
): string | undefined {
  if (keys.has(name)) return keys.get(name)
  const lower = name.trim().toLowerCase()
  const key = fields === undefined || fields.has(lower) ? lower : undefined
  keys.set(name, key)
  return key
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

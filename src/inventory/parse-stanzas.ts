/**
 * Stanzas of `Field: value` lines (deb822; R's DCF is the same): continuation lines begin with a blank and are joined
 * by newlines. Field names in lower case; of a field given twice the first counts. What is no field is left out.
 */
export function parseStanzas(text: string): Map<string, string>[] {
  const stanzas: Map<string, string>[] = []
  let stanza: Map<string, string> | undefined
  let field: string | undefined
  for (const line of text.split('\n')) {
    if (line.trim() === '') {
      stanza = undefined
      field = undefined
      continue
    }
    if (stanza === undefined) {
      stanza = new Map()
      stanzas.push(stanza)
    }
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (field !== undefined) append(stanza, field, line.trim())
      continue
    }
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).toLowerCase()
    field = name === '' || stanza.has(name) ? undefined : name
    if (field !== undefined) stanza.set(field, line.slice(colon + 1).trim())
  }
  return stanzas
}

function append(stanza: Map<string, string>, field: string, line: string): void {
  const before = stanza.get(field)
  stanza.set(field, before ? `${before}\n${line}` : line)
}

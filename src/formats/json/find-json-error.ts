/** Where a text stops being JSON; line and column count from 1, the column in UTF-16 code units. */
export interface JsonError {
  line: number
  column: number
  message: string
}

const TOKEN =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![0-9A-Za-z.])|(?:true|false|null)(?![A-Za-z0-9_]))|$)/uy

/**
 * Finds the first place where a text breaks the grammar of RFC 8259, or nothing when it is JSON.
 * JSON.parse tells the place only for some errors.
 */
export function findJsonError(text: string): JsonError | undefined {
  const open: string[] = []
  let wanted: 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' = 'value'
  TOKEN.lastIndex = 0
  for (;;) {
    const start = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) return at(text, skipSpace(text, start), wanted)
    const [, mark, string, scalar] = match
    const token = mark ?? string ?? scalar ?? ''
    const place = TOKEN.lastIndex - token.length
    const top = open.at(-1)
    if (token === '') return top === undefined && wanted === ', or end' ? undefined : at(text, place, wanted)
    if (wanted === ':') {
      if (token !== ':') return at(text, place, wanted)
      wanted = 'value'
    } else if (wanted === ', or end') {
      if (token === ',' && top !== undefined) wanted = top === '{' ? 'key' : 'value'
      else if ((token === '}' && top === '{') || (token === ']' && top === '[')) open.pop()
      else return at(text, place, wanted)
    } else if (wanted === 'key' || wanted === 'key or }') {
      if (string !== undefined) wanted = ':'
      else if (token === '}' && wanted === 'key or }') {
        open.pop()
        wanted = ', or end'
      } else return at(text, place, wanted)
    } else if (string !== undefined || scalar !== undefined) {
      wanted = ', or end'
    } else if (token === '{' || token === '[') {
      open.push(token)
      wanted = token === '{' ? 'key or }' : 'value or ]'
    } else if (token === ']' && wanted === 'value or ]') {
      open.pop()
      wanted = ', or end'
    } else return at(text, place, wanted)
  }
}

function skipSpace(text: string, from: number): number {
  let place = from
  while (/[ \t\r\n]/.test(text.charAt(place))) place += 1
  return place
}

function at(text: string, offset: number, wanted: string): JsonError {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  const column = offset - (before.lastIndexOf('\n') + 1) + 1
  const found =
    offset >= text.length ? 'the end of the file' : JSON.stringify(text.slice(offset).match(/^./su)?.[0])
  return { line, column, message: `expected ${wanted}, found ${found}` }
}

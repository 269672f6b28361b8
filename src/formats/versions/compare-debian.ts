/**
 * Compares two Debian versions as dpkg does (Debian policy 5.6.12): epoch, then upstream version, then revision.
 * Negative when `a` is the older one, 0 when they rank equal (`1.0` and `1.00`), positive when `a` is newer.
 *
 * @example
 * ```ts
 * compareDebian('1:2.0~rc1-1', '1:2.0-1') // negative
 * ```
 */
export function compareDebian(a: string, b: string): number {
  if (a === b) return 0
  const left = splitVersion(a)
  const right = splitVersion(b)
  return (
    comparePart(left.epoch, right.epoch) ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  )
}

/** A missing revision ranks as `0`, a missing epoch too. */
function splitVersion(version: string): { epoch: string; upstream: string; revision: string } {
  const colon = version.indexOf(':')
  const rest = version.slice(colon + 1)
  const dash = rest.lastIndexOf('-')
  return {
    epoch: colon === -1 ? '0' : version.slice(0, colon),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? '0' : rest.slice(dash + 1),
  }
}

/** Turn by turn a stretch of non-digits and a stretch of digits, until one differs. */
function comparePart(a: string, b: string): number {
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = rank(a, i) - rank(b, j)
      if (difference !== 0) return difference
      i++
      j++
    }
    const left = digits(a, i)
    const right = digits(b, j)
    const difference = compareNumbers(a.slice(i, left), b.slice(j, right))
    if (difference !== 0) return difference
    i = left
    j = right
  }
  return 0
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  return code >= 0x30 && code <= 0x39
}

/** `~` before the end, the end (and digits) before letters, letters before everything else. */
function rank(text: string, index: number): number {
  if (index >= text.length || isDigit(text, index)) return 0
  const code = text.charCodeAt(index)
  if (code === 0x7e) return -1
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
  return isLetter ? code : code + 256
}

function digits(text: string, from: number): number {
  let end = from
  while (end < text.length && isDigit(text, end)) end++
  return end
}

/** Of any length, so compared as text. */
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, '')
  const right = b.replace(/^0+/, '')
  if (left.length !== right.length) return left.length - right.length
  return left < right ? -1 : left > right ? 1 : 0
}

import { compare, valid } from '@renovatebot/pep440'

/**
 * Compares two versions of a Python project as `packaging` does (PEP 440, "Summary of permitted suffixes and relative
 * ordering"). Negative when `a` is the older one, 0 when they rank equal (`1.0` and `1.0.0`), positive when `a` is
 * newer. What is no version by PEP 440 (`2004d`) ranks below all that are, by code unit.
 *
 * @example
 * ```ts
 * comparePep440('1.0.dev1', '1.0a1') // negative
 * ```
 */
export function comparePep440(a: string, b: string): number {
  if (a === b) return 0
  const [left, right] = [isPep440(a), isPep440(b)]
  if (!left || !right) return Number(left) - Number(right) || (a < b ? -1 : 1)
  const [x, y] = [split(a), split(b)]
  const [publicX, publicY] = shorten(x.public, y.public)
  return compare(publicX, publicY) || compareLocal(x.local, y.local)
}

/** Whether two versions are one by PEP 440: `2026.01.05` and `2026.1.5`, `v1.0-beta` and `1.0b0`. */
export function isSameVersion(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return a === b
  return isPep440(a) && isPep440(b) && comparePep440(a, b) === 0
}

/** Whether PEP 440 permits the version, in any spelling that it normalises. */
export function isPep440(version: string): boolean {
  return valid(version) !== null
}

function split(version: string): { public: string; local: string[] } {
  const [part = '', local] = version.toLowerCase().split('+')
  return { public: part, local: local === undefined ? [] : local.split(/[-_.]/) }
}

/** The library takes numbers for doubles: longer ones are replaced by short ones of the same order. */
function shorten(a: string, b: string): [string, string] {
  const long = /(?<!\d)0*([1-9]\d{15,})/g
  const found = [a, b].flatMap((text) => [...text.matchAll(long)].map(([, digits]) => BigInt(digits ?? 0)))
  if (found.length === 0) return [a, b]
  const ranks = [...new Set(found)].sort((x, y) => (x < y ? -1 : 1))
  const replace = (text: string) =>
    text.replace(long, (_, digits: string) => String(10 ** 15 + ranks.indexOf(BigInt(digits))))
  return [replace(a), replace(b)]
}

/** Not left to the library, which takes `1e5`, as in a commit's id, for a number. */
function compareLocal(a: readonly string[], b: readonly string[]): number {
  for (const [index, x] of a.entries()) {
    const y = b[index]
    if (y === undefined) return 1
    const order = compareLocalPart(x, y)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Words before numbers, numbers by value. */
function compareLocalPart(a: string, b: string): number {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (left !== right) return Number(left) - Number(right)
  if (!left) return a < b ? -1 : a > b ? 1 : 0
  const difference = BigInt(a) - BigInt(b)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

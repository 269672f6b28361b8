import { canonicalJson, compareCodeUnits } from '../canonical-json.ts'
import type { Entry } from './list-entries.ts'
import type { PackageState } from './schema.ts'

/** The same package in two locks; null where it is in one only. */
export interface Pair {
  entry: Omit<Entry, 'state'>
  from: PackageState | null
  to: PackageState | null
}

/**
 * Which packages differ. Where a lock has a package more than once, equal ones are taken for the same, then the rest in
 * the order of their text. The step that brings a package is left out of the comparison.
 */
export function pairEntries(a: readonly Entry[], b: readonly Entry[]): Pair[] {
  const [left, right] = [group(a), group(b)]
  const keys = [...new Set([...left.keys(), ...right.keys()])]
  return keys.flatMap((key) => pairSame(left.get(key) ?? [], right.get(key) ?? []))
}

/** What tells one state of a package from another. */
export function stateText({ version, digest, size, source, facts }: PackageState): string {
  return canonicalJson({ version, digest, size, source, facts })
}

/** As equal texts, and faster: most packages are where they were. */
function isSame(a: PackageState, b: PackageState): boolean {
  const names = Object.keys(a.facts)
  return (
    a.version === b.version &&
    a.digest === b.digest &&
    a.size === b.size &&
    a.source === b.source &&
    names.length === Object.keys(b.facts).length &&
    names.every((name) => a.facts[name] === b.facts[name])
  )
}

function group(entries: readonly Entry[]): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>()
  for (const entry of entries) {
    const key = `${entry.platform}\0${entry.ecosystem}\0${entry.key}`
    const group = groups.get(key)
    if (group) group.push(entry)
    else groups.set(key, [entry])
  }
  return groups
}

function pairSame(a: readonly Entry[], b: readonly Entry[]): Pair[] {
  const [one, other] = [a[0], b[0]]
  if (a.length === 1 && b.length === 1 && one && other && isSame(one.state, other.state)) return []
  const [gone, come] = [without(a, b), without(b, a)]
  return Array.from({ length: Math.max(gone.length, come.length) }, (_, i) => {
    const { state: _from, ...entry } = (come[i] ?? gone[i]) as Entry
    return { entry, from: gone[i]?.state ?? null, to: come[i]?.state ?? null }
  })
}

/** Those of the one list that the other doesn't have, as often as it doesn't have them, by their text. */
function without(entries: readonly Entry[], others: readonly Entry[]): Entry[] {
  const left = new Map<string, number>()
  for (const { state } of others) {
    const text = stateText(state)
    left.set(text, (left.get(text) ?? 0) + 1)
  }
  return entries
    .map((entry) => ({ entry, text: stateText(entry.state) }))
    .filter(({ text }) => {
      const count = left.get(text) ?? 0
      if (count > 0) left.set(text, count - 1)
      return count === 0
    })
    .sort((x, y) => compareCodeUnits(x.text, y.text))
    .map(({ entry }) => entry)
}

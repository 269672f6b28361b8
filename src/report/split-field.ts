import { canonicalJson, type Json } from '../lock/canonical-json.ts'
import type { InputChange } from '../lock/compare-inputs.ts'
import type { FieldChange } from '../lock/diff/schema.ts'

/** One thing that differs within a field, in words; `nothing` where a side has nothing. */
export interface FieldPart {
  field: string
  from: string
  to: string
}

/**
 * What differs within a field: of records the keys, and of lists what only one side has. A step of forty packages that
 * has one more is reported by that one.
 *
 * @example
 * ```ts
 * splitField({ field: 'steps[0]', from: { packages: ['a', 'b'] }, to: { packages: ['a', 'c'] } })
 * // [{ field: 'steps[0].packages', from: '"b"', to: '"c"' }]
 * ```
 */
export function splitField({ field, from, to }: FieldChange): FieldPart[] {
  if (isRecord(from) && isRecord(to)) {
    return [...new Set([...Object.keys(from), ...Object.keys(to)])]
      .map((key) => ({ field: `${field}.${key}`, from: from[key] ?? null, to: to[key] ?? null }))
      .filter((part) => canonicalJson(part.from) !== canonicalJson(part.to))
      .flatMap(splitField)
  }
  if (Array.isArray(from) && Array.isArray(to)) {
    const [gone, come] = [without(from, to), without(to, from)]
    if (gone.length + come.length > 0) return [{ field, from: list(gone), to: list(come) }]
  }
  return [{ field, from: list(from === null ? [] : [from]), to: list(to === null ? [] : [to]) }]
}

/** What a lock was made from and what is now, a line for each difference. */
export function staleLines(changes: readonly InputChange[]): string[] {
  return changes
    .flatMap(({ field, expected, actual }) =>
      splitField({ field, from: expected ?? null, to: actual ?? null }),
    )
    .map(({ field, from, to }) => `${field}: locked ${from}, now ${to}`)
}

function without(items: readonly Json[], others: readonly Json[]): Json[] {
  const known = new Set(others.map(canonicalJson))
  return items.filter((item) => !known.has(canonicalJson(item)))
}

function list(items: readonly Json[]): string {
  return items.length === 0 ? 'nothing' : items.map((item) => JSON.stringify(item)).join(', ')
}

function isRecord(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

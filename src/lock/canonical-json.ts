export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** Orders strings by UTF-16 code unit: the same on every machine and in every locale. */
export function compareCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * JSON on one line with a space after `:` and `,`; the keys of every object are sorted by code unit and
 * those whose value is `undefined` left out, so equal data has equal text.
 *
 * @example
 * ```ts
 * canonicalJson({ b: [1, 2], a: null }) // '{"a": null, "b": [1, 2]}'
 * ```
 */
export function canonicalJson(value: Json): string {
  return lineJson(value, (keys) => keys.sort(compareCodeUnits))
}

/** As {@link canonicalJson}, with the keys of objects in the order they are in. */
export function lineJson(value: Json, order: (keys: string[]) => string[] = (keys) => keys): string {
  if (Array.isArray(value)) return `[${value.map((item) => lineJson(item, order)).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = order(Object.keys(value).filter((key) => value[key] !== undefined)).map(
    (key) => `${JSON.stringify(key)}: ${lineJson(value[key] as Json, order)}`,
  )
  return `{${fields.join(', ')}}`
}

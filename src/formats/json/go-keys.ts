import type { z } from 'zod'

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/**
 * The first key that an object of a JSON text has twice: `JSON.parse` takes the last, Go's encoding/json fills one value
 * with both.
 *
 * @param text valid JSON
 */
export function findRepeatedKey(text: string): string | undefined {
  /** Keys of the objects that are open; undefined for arrays. */
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token !== ',' && token !== ':' && isKey) {
      const key: string = JSON.parse(token)
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
    isKey = (token === '{' || token === ',') && open.at(-1) !== undefined
  }
  return undefined
}

/**
 * The first key that Go's encoding/json takes for one of a schema's and `JSON.parse` does not: it does not mind case. Keys
 * of records are the author's own, and no key of theirs is another.
 */
export function findOddKey(schema: z.ZodType, data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const definition = (schema as z.ZodType & { def: Definition }).def
  switch (definition.type) {
    case 'optional':
    case 'nullable':
    case 'default':
      return findOddKey(definition.innerType, data)
    case 'pipe':
      return findOddKey(definition.in, data)
    case 'array':
      return first(Object.values(data), (value) => findOddKey(definition.element, value))
    case 'record':
      return first(Object.values(data), (value) => findOddKey(definition.valueType, value))
    case 'object': {
      const { shape } = definition
      const known = new Set(Object.keys(shape).map(fold))
      return first(Object.entries(data), ([key, value]) => {
        const field = Object.hasOwn(shape, key) ? shape[key] : undefined
        if (field !== undefined) return findOddKey(field, value)
        return known.has(fold(key)) ? key : undefined
      })
    }
    default:
      return undefined
  }
}

/** Of zod's schemas, as far as documents of images use them. */
type Definition =
  | { type: 'optional' | 'nullable' | 'default'; innerType: z.ZodType }
  | { type: 'pipe'; in: z.ZodType }
  | { type: 'array'; element: z.ZodType }
  | { type: 'record'; valueType: z.ZodType }
  | { type: 'object'; shape: Record<string, z.ZodType> }
  | { type: 'unknown' }

/** As Go folds letters; beyond ASCII two more are the same as one of it, the long s and the sign of Kelvin. */
const fold = (key: string) => key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase()

function first<T>(values: readonly T[], find: (value: T) => string | undefined): string | undefined {
  for (const value of values) {
    const found = find(value)
    if (found !== undefined) return found
  }
  return undefined
}

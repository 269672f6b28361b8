/** What one word of an apt step asks for. */
export interface AptRequest {
  name: string
  /** Exactly this version. */
  version?: string
  /** Of this suite. */
  suite?: string
}

/**
 * Reads a word of an apt step: `NAME`, `NAME=VERSION` or `NAME/SUITE`.
 *
 * @example
 * ```ts
 * parseAptRequest('jq=1.6-2.1') // { name: 'jq', version: '1.6-2.1' }
 * ```
 */
export function parseAptRequest(word: string): AptRequest {
  const [name = '', sign, rest = ''] = word.split(/([=/])(.*)/s, 3)
  if (sign === undefined) return { name }
  return sign === '=' ? { name, version: rest } : { name, suite: rest }
}

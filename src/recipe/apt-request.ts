/** What one word of an apt step asks for. */
export interface AptRequest {
  name: string
  /** Exactly this version. */
  version?: string
}

/**
 * Reads a word of an apt step: `NAME` or `NAME=VERSION`.
 *
 * @example
 * ```ts
 * parseAptRequest('jq=1.6-2.1') // { name: 'jq', version: '1.6-2.1' }
 * ```
 */
export function parseAptRequest(word: string): AptRequest {
  const at = word.indexOf('=')
  return at < 0 ? { name: word } : { name: word.slice(0, at), version: word.slice(at + 1) }
}

/** What a JSON text (RFC 8259) holds; undefined when it is none. */
export function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

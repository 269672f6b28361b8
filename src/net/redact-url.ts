/** URLs with a user part, also inside a longer text: pip and git print them in messages. */
const CREDENTIALS = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/)[^/?#\s'"]*@/gi

/** What may carry a token in a query: the value is replaced, whatever the name. */
const QUERY = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/[^\s'"?]*\?)[^\s'"#]*/gi

/**
 * Takes user names, passwords and queries out of every URL of a text. All messages that show a URL go through it.
 *
 * @example
 * ```ts
 * redactUrl('https://me:secret@pypi.example.org/simple') // 'https://***@pypi.example.org/simple'
 * ```
 */
export function redactUrl(text: string): string {
  return text.replace(CREDENTIALS, '$1***@').replace(QUERY, '$1***')
}

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

/** One address as data: without user name, password, query and fragment, which may hold credentials. */
export function bareUrl(url: string): string {
  const bare = url.replace(/[?#].*$/s, '')
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(bare)?.[0]
  if (scheme === undefined) return bare
  const end = bare.indexOf('/', scheme.length)
  const authority = end < 0 ? bare.slice(scheme.length) : bare.slice(scheme.length, end)
  const at = authority.lastIndexOf('@')
  return scheme + authority.slice(at + 1) + (end < 0 ? '' : bare.slice(end))
}

/** Moves user and password of an address into an `authorization` header (RFC 7617), where they belong. */
export function splitUserinfo<T extends { url: string; headers?: Record<string, string> }>(target: T): T {
  if (!URL.canParse(target.url)) return target
  const url = new URL(target.url)
  const { username, password } = url
  if (username === '' && password === '') return target
  url.username = ''
  url.password = ''
  const token = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')
  return { ...target, url: url.href, headers: { authorization: `Basic ${token}`, ...target.headers } }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * A URL up to the last `@` of its authority, also inside a longer text: pip and git print them in messages. Quotes are
 * no end, since a password may have them (RFC 3986, 3.2.1).
 */
const USERINFO = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/)[^/?#\s]*@/gi

/** An authority with something else than a port behind its colon is no valid one: a password with `/`, `?` or `#` in it. */
const BROKEN =
  /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/)(?!\[)[^/?#\s@]*:(?!\d*(?:[/?#\s"']|$))[^@/?#\s]*[/?#]\S*@/gi

/** What may carry a token in a query: the value is replaced, whatever the name. */
const QUERY = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/[^\s"?#]*\?)[^\s"#]*/gi

/**
 * Takes user names, passwords and queries out of every URL of a text. All messages that show a URL go through it.
 *
 * @example
 * ```ts
 * redactUrl('https://me:secret@pypi.example.org/simple') // 'https://***@pypi.example.org/simple'
 * ```
 */
export function redactUrl(text: string): string {
  return redactLogins(text).replace(QUERY, '$1***')
}

/** As `redactUrl`, and leaves queries as they are: for text in which an address is data, such as a field of a recipe. */
export function redactLogins(text: string): string {
  return text.replace(BROKEN, '$1***@').replace(USERINFO, '$1***@')
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

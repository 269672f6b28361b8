/** An address without user name, password, query and fragment, which may hold credentials. */
export function redactUrl(url: string): string {
  const bare = url.replace(/[?#].*$/s, '')
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(bare)?.[0]
  if (scheme === undefined) return bare
  const end = bare.indexOf('/', scheme.length)
  const authority = end < 0 ? bare.slice(scheme.length) : bare.slice(scheme.length, end)
  const at = authority.lastIndexOf('@')
  return scheme + authority.slice(at + 1) + (end < 0 ? '' : bare.slice(end))
}

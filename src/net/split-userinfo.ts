import type { HttpTarget } from './http-request.ts'

/** Moves user and password of an address into an `authorization` header (RFC 7617), where they belong. */
export function splitUserinfo<T extends HttpTarget>(target: T): T {
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

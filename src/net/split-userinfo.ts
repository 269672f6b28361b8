import type { Located } from '../store/artifact.ts'

/** Moves user and password of an address into an `authorization` header (RFC 7617), where they belong. */
export function splitUserinfo(place: Located): Located {
  if (!URL.canParse(place.url)) return place
  const url = new URL(place.url)
  const { username, password } = url
  if (username === '' && password === '') return place
  url.username = ''
  url.password = ''
  const token = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')
  return { ...place, url: url.href, headers: { authorization: `Basic ${token}`, ...place.headers } }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

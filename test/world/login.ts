import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a server asks for. */
export interface Login {
  user: string
  password: string
}

/** The `authorization` header of a login (RFC 7617). */
export function basicAuthorization({ user, password }: Login): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** Whether a request carries the login; answers it with 401 when not. */
export function admit(request: IncomingMessage, response: ServerResponse, login: Login | undefined): boolean {
  if (login === undefined || request.headers.authorization === basicAuthorization(login)) return true
  request.resume()
  response
    .writeHead(401, { 'www-authenticate': 'Basic realm="stillroom test world"' })
    .end('a login is needed\n')
  return false
}

/** How a password may look where it should not be: as it is, and as requests, settings and programs encode it. */
export function secretForms({ user, password }: Login): string[] {
  const forms = [
    password,
    encodeURIComponent(password),
    Buffer.from(password).toString('hex'),
    Buffer.from(`${user}:${password}`).toString('base64'),
    ...[0, 1, 2].map((before) => base64Within(password, before)),
  ]
  return [...new Set(forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]))]
}

/** The part of a base64 text that a text in its midst decides, whatever lies around; `before`: bytes before it, modulo 3. */
function base64Within(text: string, before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]).toString('base64')
  const bits = (before + Buffer.byteLength(text)) * 8
  return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(bits / 6))
}

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

/** How a password may look where it should not be: as it is, and as requests and settings have it. */
export function secretForms({ user, password }: Login): string[] {
  const pair = Buffer.from(`${user}:${password}`)
  return [
    password,
    pair.toString('base64'),
    pair.toString('base64url'),
    Buffer.from(password).toString('hex'),
  ]
}

import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { type Authority, type Certificate, makeAuthority } from './certificates.ts'
import { admit, type Login } from './login.ts'
import { startLoopbackServer } from './loopback-server.ts'

/** What gives the tokens of a registry: https://distribution.github.io/distribution/spec/auth/token/ */
export interface TokenServer {
  /** The realm of the registry's challenge. */
  url: string
  /** `auth.token` of docker-registry's configuration. */
  settings: Record<string, string>
  close(): Promise<void>
}

const SERVICE = 'stillroom-test'
const ISSUER = 'stillroom-test-tokens'

/** Gives whoever logs in a token for all that is asked for, good for five minutes. */
export async function startTokenServer(
  login: Login,
  directory: string,
  tls: Certificate | undefined,
): Promise<TokenServer> {
  const authority: Authority = await makeAuthority(join(directory, 'tokens'), ISSUER)
  const signer = await authority.issue(['DNS:tokens'])
  const server = await startLoopbackServer(
    (request, response) => {
      if (!admit(request, response, login)) return
      const { searchParams } = new URL(request.url ?? '/', 'http://tokens')
      const token = makeToken(signer, login.user, searchParams.getAll('scope'))
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ token, access_token: token, expires_in: 300 }))
    },
    { tls },
  )
  const url = `${server.url}/token`
  const settings = { realm: url, service: SERVICE, issuer: ISSUER, rootcertbundle: authority.caFile }
  return { url, settings, close: server.close }
}

/** A JSON web token that docker-registry trusts by the certificate in its head. */
function makeToken({ cert, key }: Certificate, user: string, scopes: string[]): string {
  const now = Math.floor(Date.now() / 1000)
  const head = { typ: 'JWT', alg: 'ES256', x5c: [new X509Certificate(cert).raw.toString('base64')] }
  const claims = {
    iss: ISSUER,
    aud: SERVICE,
    sub: user,
    iat: now,
    nbf: now - 10,
    exp: now + 300,
    jti: randomUUID(),
    access: scopes.flatMap(accessOf),
  }
  const text = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const signature = sign('sha256', Buffer.from(text), {
    key: createPrivateKey(key),
    dsaEncoding: 'ieee-p1363',
  })
  return `${text}.${signature.toString('base64url')}`
}

/** `repository:some/name:pull,push`; several may be separated by spaces. */
function accessOf(scope: string): { type: string; name: string; actions: string[] }[] {
  return scope
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [type = '', ...rest] = word.split(':')
      const actions = (rest.pop() ?? '').split(',')
      return { type, name: rest.join(':'), actions }
    })
}

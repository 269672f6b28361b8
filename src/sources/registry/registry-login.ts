import { StillroomError } from '../../error.ts'
import { tryJson } from '../../formats/json/try-json.ts'
import { type Answer, type AskOptions, ask, fetchFailed } from '../../net/http-get.ts'
import { type HttpTarget, Unreachable } from '../../net/http-request.ts'

/** What Docker's own client would log in with; never shown to anyone. */
export type RegistryLogin =
  | { kind: 'password'; user: string; password: string }
  /** Exchanged for a token of short life (OAuth 2.0, RFC 6749 section 6). */
  | { kind: 'identity'; token: string }

/** What a login is to allow. */
export type Access = 'pull' | 'pull,push'

/** Headers that let one repository be read, or written to, as well; asked for again shortly before they expire. */
export type Authorize = (repository: string, access?: Access) => Promise<Record<string, string>>

type Asking = Pick<AskOptions, 'signal' | 'timing'>

const TOKEN_LIMIT = 1 << 20
/** Seconds that a token is good for when its server does not say, and that it must still be good for to be used. */
const LIFETIME = 60
const MARGIN = 20

/**
 * Logs in to a registry as its answer to `/v2/` wants it: not at all, with the password, or with a token that another
 * server gives (distribution project, "Token Authentication Specification").
 *
 * @param registry its root
 * @throws {StillroomError} REGISTRY_LOGIN_REFUSED, FETCH_FAILED; never with what logs in
 */
export function authorizer(
  registry: HttpTarget,
  login: () => Promise<RegistryLogin | undefined>,
  asking: Asking,
): Authorize {
  let challenge: Promise<Challenge | undefined> | undefined
  const granted = new Map<string, { headers: Record<string, string>; until: number }>()
  return async (repository, access = 'pull') => {
    // what the address itself has, as mirrors' may
    if (registry.headers?.['authorization'] !== undefined) return {}
    challenge ??= findChallenge(registry, asking)
    const wanted = await challenge
    if (wanted === undefined) return {}
    const key = `${repository} ${access}`
    const known = granted.get(key)
    if (known && known.until > performance.now()) return known.headers
    const found = await login()
    if (wanted.scheme === 'basic') return found === undefined ? {} : { authorization: basic(found, registry) }
    const { token, lifetime } = await getToken(wanted, { repository, access }, found, registry, asking)
    const headers = { authorization: `Bearer ${token}` }
    granted.set(key, { headers, until: performance.now() + (lifetime - MARGIN) * 1000 })
    return headers
  }
}

/** Asks a registry, or its server for tokens, for something small. @throws {StillroomError} FETCH_FAILED */
export function askRegistry(target: HttpTarget, options: AskOptions): Promise<Answer> {
  return ask(target, options).catch((error) => {
    throw error instanceof Unreachable ? registryFailed(target, error.message) : error
  })
}

export function registryFailed({ url }: HttpTarget, reason: string): StillroomError {
  return fetchFailed(url, reason, {
    hint: 'check the network, proxy and certificate set-up, then run again',
  })
}

/** @param login what was tried; null for none, left out where that is not known */
export function loginRefused(
  { url }: HttpTarget,
  reason: string,
  { login, access = 'pull' }: { login?: RegistryLogin | null; access?: Access } = {},
): StillroomError {
  const { host } = new URL(url)
  const known =
    login === undefined ? '' : login === null ? ' without a login' : ' with the login that Docker has for it'
  const [tried, may] = access === 'pull' ? ['read from', 'read'] : ['write to', 'write to']
  return new StillroomError('REGISTRY_LOGIN_REFUSED', `cannot ${tried} registry ${host}${known}: ${reason}`, {
    hint: `log in with \`docker login ${host}\`, or check what this login may ${may}`,
  })
}

async function findChallenge(registry: HttpTarget, asking: Asking): Promise<Challenge | undefined> {
  const root = { ...registry, url: `${registry.url}/v2/` }
  const { status, header } = await askRegistry(root, { ...asking, limit: TOKEN_LIMIT })
  if (status !== 401) return undefined
  const challenges = parseChallenges(header('www-authenticate') ?? '')
  return (
    challenges.find(({ scheme }) => scheme === 'bearer') ??
    challenges.find(({ scheme }) => scheme === 'basic')
  )
}

async function getToken(
  { parameters }: Challenge,
  { repository, access }: { repository: string; access: Access },
  login: RegistryLogin | undefined,
  registry: HttpTarget,
  asking: Asking,
): Promise<{ token: string; lifetime: number }> {
  const { realm = '', service } = parameters
  if (!/^https?:\/\//.test(realm) || !URL.canParse(realm))
    throw loginRefused(registry, 'it names no server for tokens')
  const url = new URL(realm)
  if (login && url.protocol !== 'https:' && new URL(registry.url).protocol === 'https:')
    throw loginRefused(registry, `it wants the login to be sent unencrypted, to ${url.host}`)
  const scope = `repository:${repository}:${access}`
  const query = { ...(service === undefined ? {} : { service }), scope }
  const headers: Record<string, string> = {}
  let body: URLSearchParams | undefined
  if (login?.kind === 'identity') {
    const grant = { grant_type: 'refresh_token', client_id: 'stillroom', refresh_token: login.token }
    body = new URLSearchParams({ ...query, ...grant })
  } else {
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    if (login) headers['authorization'] = basic(login, registry)
  }
  const answer = await askRegistry(
    { url: url.href, ca: registry.ca, headers },
    { ...asking, limit: TOKEN_LIMIT, ...(body ? { method: 'POST', body } : {}) },
  )
  const { status } = answer
  if (status !== 200)
    throw loginRefused(registry, `its server for tokens answered HTTP ${status}`, {
      login: login ?? null,
      access,
    })
  return readToken(answer.body, registry)
}

function readToken(body: Uint8Array, registry: HttpTarget): { token: string; lifetime: number } {
  type Answer = { token?: unknown; access_token?: unknown; expires_in?: unknown } | null | undefined
  const answer = tryJson(Buffer.from(body).toString()) as Answer
  const token = answer?.token ?? answer?.access_token
  // RFC 6750, section 2.1
  if (typeof token !== 'string' || !/^[A-Za-z0-9._~+/-]+=*$/.test(token))
    throw loginRefused(registry, 'its server for tokens gave none')
  const lifetime = answer?.expires_in
  return { token, lifetime: typeof lifetime === 'number' ? lifetime : LIFETIME }
}

function basic(login: RegistryLogin, registry: HttpTarget): string {
  if (login.kind === 'identity')
    throw loginRefused(registry, 'it wants a password, and an identity token is known')
  return `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
}

/** What a registry wants before it answers (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  scheme: string
  parameters: Record<string, string>
}

/** Reads a WWW-Authenticate header: each challenge with its parameters; anything else in it is skipped. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  const parts = /([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z0-9_-]+)(?=\s|,|$)/g
  for (const [, name, quoted, plain, scheme] of header.matchAll(parts)) {
    const last = challenges.at(-1)
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} })
    else if (last && name)
      last.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? ''
  }
  return challenges
}

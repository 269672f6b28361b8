import { StillroomError } from '../../error.ts'
import type { ArtifactUrl } from '../../store/artifact.ts'
import type { RegistryLogin } from './find-docker-login.ts'
import { ask } from './locate-registry-ask.ts'
import { type Challenge, parseChallenges } from './parse-challenge.ts'

/** Headers that let one repository be read; asked for again shortly before they expire. */
export type Authorize = (repository: string) => Promise<Record<string, string>>

const TOKEN_LIMIT = 1 << 20
/** Seconds that a token is good for when its server does not say, and that it must still be good for to be used. */
const LIFETIME = 60
const MARGIN = 20

/**
 * Logs in to a registry as its answer to `/v2/` wants it: not at all, with the password, or with a token that another
 * server gives (distribution project, "Token Authentication Specification").
 *
 * @param place the registry's root
 * @throws {StillroomError} REGISTRY_LOGIN_REFUSED, FETCH_FAILED; never with what logs in
 */
export function authorizer(
  place: ArtifactUrl,
  login: () => Promise<RegistryLogin | undefined>,
  signal: AbortSignal,
): Authorize {
  let challenge: Promise<Challenge | undefined> | undefined
  const granted = new Map<string, { headers: Record<string, string>; until: number }>()
  return async (repository) => {
    // what the address itself has, as mirrors' may
    if (place.headers?.authorization !== undefined) return {}
    challenge ??= findChallenge(place, signal)
    const wanted = await challenge
    if (wanted === undefined) return {}
    const known = granted.get(repository)
    if (known && known.until > performance.now()) return known.headers
    const found = await login()
    if (wanted.scheme === 'basic') return found === undefined ? {} : { authorization: basic(found, place) }
    const { token, lifetime } = await getToken(wanted, repository, found, place, signal)
    const headers = { authorization: `Bearer ${token}` }
    granted.set(repository, { headers, until: performance.now() + (lifetime - MARGIN) * 1000 })
    return headers
  }
}

async function findChallenge(place: ArtifactUrl, signal: AbortSignal): Promise<Challenge | undefined> {
  const { status, header } = await ask({ ...place, url: `${place.url}/v2/` }, { signal, limit: TOKEN_LIMIT })
  if (status !== 401) return undefined
  const challenges = parseChallenges(header('www-authenticate') ?? '')
  return (
    challenges.find(({ scheme }) => scheme === 'bearer') ??
    challenges.find(({ scheme }) => scheme === 'basic')
  )
}

async function getToken(
  { parameters }: Challenge,
  repository: string,
  login: RegistryLogin | undefined,
  place: ArtifactUrl,
  signal: AbortSignal,
): Promise<{ token: string; lifetime: number }> {
  const { realm = '', service } = parameters
  if (!/^https?:\/\//.test(realm) || !URL.canParse(realm))
    throw refused(place, 'it names no server for tokens')
  const url = new URL(realm)
  if (login && url.protocol !== 'https:' && new URL(place.url).protocol === 'https:')
    throw refused(place, `it wants the login to be sent unencrypted, to ${url.host}`)
  const scope = `repository:${repository}:pull`
  const query = { ...(service === undefined ? {} : { service }), scope }
  const server = { label: 'token server', ...(place.ca === undefined ? {} : { ca: place.ca }) }
  const form =
    login?.kind === 'identity'
      ? new URLSearchParams({
          ...query,
          grant_type: 'refresh_token',
          client_id: 'stillroom',
          refresh_token: login.token,
        })
      : undefined
  if (!form) for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const headers: Record<string, string> =
    login?.kind === 'password' ? { authorization: basic(login, place) } : {}
  const { status, body } = await ask(
    { ...server, url: url.href, headers },
    { signal, limit: TOKEN_LIMIT, ...(form ? { form } : {}) },
  )
  if (status !== 200) throw refused(place, `its server for tokens answered HTTP ${status}`, login)
  return readToken(body, place)
}

function readToken(body: Uint8Array, place: ArtifactUrl): { token: string; lifetime: number } {
  let answer: { token?: unknown; access_token?: unknown; expires_in?: unknown } | null
  try {
    answer = JSON.parse(Buffer.from(body).toString())
  } catch {
    answer = null
  }
  const token = answer?.token ?? answer?.access_token
  // RFC 6750, section 2.1
  if (typeof token !== 'string' || !/^[A-Za-z0-9._~+/-]+=*$/.test(token))
    throw refused(place, 'its server for tokens gave none')
  const lifetime = answer?.expires_in
  return { token, lifetime: typeof lifetime === 'number' ? lifetime : LIFETIME }
}

function basic(login: RegistryLogin, place: ArtifactUrl): string {
  if (login.kind === 'identity') throw refused(place, 'it wants a password, and an identity token is known')
  return `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
}

export function refused(place: ArtifactUrl, reason: string, login?: RegistryLogin): StillroomError {
  const { host } = new URL(place.url)
  const known = login === undefined ? 'without a login' : 'with the login that Docker has for it'
  return new StillroomError(
    'REGISTRY_LOGIN_REFUSED',
    `cannot read from registry ${host} ${known}: ${reason}`,
    {
      hint: `log in with \`docker login ${host}\`, or check what this login may read`,
    },
  )
}

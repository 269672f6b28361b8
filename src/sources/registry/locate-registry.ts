import { StillroomError } from '../../error.ts'
import { splitUserinfo } from '../../net/split-userinfo.ts'
import type { Artifact, ArtifactUrl } from '../../store/artifact.ts'
import type { RegistryLogin } from './find-docker-login.ts'
import { ask } from './locate-registry-ask.ts'
import { type Authorize, authorizer } from './locate-registry-login.ts'
import { parseReference, type Reference } from './parse-reference.ts'

/** The registry that the engine takes a reference without one to mean. */
export interface DefaultRegistry {
  /** As references name it. */
  name: string
  /** Root of its API. */
  url: string
  /** What Docker files its login under. */
  loginKey: string
}

export interface RegistrySettings {
  /** Base URLs by registry, asked before the registry itself. */
  mirrors: Readonly<Record<string, readonly string[]>>
  ca?: string | undefined
  /** Asked when a reference is not of a registry with a host's name. */
  defaultRegistry(): Promise<DefaultRegistry | undefined>
  /** @param keys what Docker may file the login under */
  login(keys: readonly string[]): Promise<RegistryLogin | undefined>
  signal: AbortSignal
}

/** One place that a repository may be read from. */
export interface RegistryPlace {
  /** The root of the repository's API: `manifests/` and `blobs/` lie below. */
  located: ArtifactUrl
  repository: string
  authorize: Authorize
}

/** Finds the places of a reference's repository: its mirrors, then the registry itself. */
export interface FindRegistry {
  (reference: string): Promise<RegistryPlace[]>
  /** A reference with its registry written out. @throws {StillroomError} SOURCE_UNKNOWN when nothing tells it */
  spelledOut(reference: string): Promise<Reference>
}

/** Ways to registries; what each wants to be logged in with is found once. */
export function findRegistry(settings: RegistrySettings): FindRegistry {
  const known = new Map<string, Promise<{ root: ArtifactUrl; authorize: Authorize }>>()
  const open = (url: string, label: string, keys: readonly string[]) => {
    const opened = known.get(url) ?? openRegistry(url, label, keys, settings)
    known.set(url, opened)
    return opened
  }
  const spelledOut = async (reference: string) => {
    const fallback = await settings.defaultRegistry()
    const parsed = parseReference(reference, fallback?.name ?? '')
    if (parsed.registry === '') {
      throw new StillroomError('SOURCE_UNKNOWN', `cannot tell which registry "${reference}" is in`, {
        hint: 'name the registry in the recipe, or start the Docker Engine, which knows its default one',
      })
    }
    return parsed
  }
  const find = async (reference: string) => {
    const { registry, repository } = await spelledOut(reference)
    const fallback = await settings.defaultRegistry()
    const mirrors = (settings.mirrors[registry] ?? []).map((url) => open(url, 'mirror', [new URL(url).host]))
    const own =
      registry === fallback?.name
        ? open(fallback.url, 'registry', [fallback.loginKey, registry])
        : open(`https://${registry}`, 'registry', [registry])
    const places = await Promise.all([...mirrors, own])
    return places.map(({ root, authorize }) => ({
      located: { ...root, url: `${root.url}/v2/${repository}` },
      repository,
      authorize,
    }))
  }
  return Object.assign(find, { spelledOut })
}

/** Finds the layers of a base image. */
export function locateRegistry(find: FindRegistry) {
  return async ({ origin }: Artifact): Promise<ArtifactUrl[]> => {
    if (origin.kind !== 'registry') return []
    const places = await find(origin.reference)
    const results = await Promise.allSettled(
      places.map(async ({ located, repository, authorize }) => ({
        ...located,
        url: `${located.url}/blobs/${origin.digest}`,
        headers: { ...located.headers, ...(await authorize(repository)) },
      })),
    )
    const found = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const failure = results.find((result) => result.status === 'rejected')
    if (found.length === 0 && failure) throw failure.reason
    return found
  }
}

async function openRegistry(
  url: string,
  label: string,
  keys: readonly string[],
  { ca, login, signal }: RegistrySettings,
): Promise<{ root: ArtifactUrl; authorize: Authorize }> {
  const trust = ca === undefined ? {} : { ca }
  const secure = splitUserinfo({ url: url.replace(/\/+$/, ''), label, ...trust })
  const root = { ...secure, url: secure.url.replace(/\/+$/, '') }
  const plain = { ...root, url: root.url.replace('https:', 'http:') }
  const place = (await isPlain(root, plain, signal)) ? plain : root
  return { root: place, authorize: authorizer(place, () => login(keys), signal) }
}

/** A registry of this machine may do without TLS, as for Docker. */
async function isPlain(secure: ArtifactUrl, plain: ArtifactUrl, signal: AbortSignal): Promise<boolean> {
  const { protocol, hostname } = new URL(secure.url)
  if (protocol !== 'https:' || !/^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname)) return false
  const options = { signal, limit: 1 << 20, timing: { retries: 0 } }
  const answers = async (place: ArtifactUrl) =>
    ask({ ...place, url: `${place.url}/v2/` }, options).then(
      ({ status }) => status === 200 || status === 401,
      () => false,
    )
  return !(await answers(secure)) && (await answers(plain))
}

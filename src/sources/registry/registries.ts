import { z } from 'zod'
import { StillroomError } from '../../error.ts'
import { parseReference, type Reference } from '../../formats/image-reference.ts'
import { tryJson } from '../../formats/json/try-json.ts'
import { askOnce } from '../../net/http-get.ts'
import { splitUserinfo } from '../../net/redact-url.ts'
import type { Timing } from '../../net/retry.ts'
import type { ArtifactUrl } from '../../store/artifact.ts'

import { firstGood } from '../first-good.ts'
import { type Locate, locateWith } from '../locate.ts'

import {
  type Authorize,
  askRegistry,
  authorizer,
  loginRefused,
  type RegistryLogin,
  registryFailed,
} from './registry-login.ts'

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
  /** Of what is asked before anything is read: how to log in. */
  timing?: Partial<Timing> | undefined
}

/** One source that a repository may be read from. */
export interface Repository {
  /** The root of the repository's API: `manifests/` and `blobs/` lie below. */
  root: ArtifactUrl
  name: string
  authorize: Authorize
}

export interface Registries {
  /** A reference with its registry written out. @throws {StillroomError} SOURCE_UNKNOWN when nothing names it */
  expand(reference: string): Promise<Reference>
  /** A reference's repository at each source: the registry's mirrors, then the registry itself. */
  repositories(reference: string): Promise<Repository[]>
  /** A reference's repository at the registry itself: where it is written to. */
  repository(reference: string): Promise<Repository>
}

/** Ways to registries; what each wants to be logged in with is found once. */
export function createRegistries(settings: RegistrySettings): Registries {
  const known = new Map<string, Promise<Omit<Repository, 'name'>>>()
  const open = (url: string, label: string, keys: readonly string[]) => {
    const opened = known.get(url) ?? openRegistry(url, label, keys, settings)
    known.set(url, opened)
    return opened
  }
  const expand = async (reference: string) => {
    const fallback = await settings.defaultRegistry()
    const parsed = parseReference(reference, fallback?.name ?? '')
    if (parsed.registry === '') {
      throw new StillroomError('SOURCE_UNKNOWN', `cannot tell which registry "${reference}" is in`, {
        hint: 'name the registry in the recipe, or start the Docker Engine, which knows its default one',
      })
    }
    return parsed
  }
  const repositories = async (reference: string) => {
    const { registry, repository: name } = await expand(reference)
    const mirrors = (settings.mirrors[registry] ?? []).map((url) => open(url, 'mirror', [new URL(url).host]))
    const opened = await Promise.all(mirrors)
    return [...opened.map((mirror) => below(mirror, name)), await repository(reference)]
  }
  const repository = async (reference: string) => {
    const { registry, repository: name } = await expand(reference)
    const fallback = await settings.defaultRegistry()
    const own =
      registry === fallback?.name
        ? open(fallback.url, 'registry', [fallback.loginKey, registry])
        : open(`https://${registry}`, 'registry', [registry])
    return below(await own, name)
  }
  return { expand, repositories, repository }
}

const below = ({ root, authorize }: Omit<Repository, 'name'>, name: string): Repository => ({
  root: { ...root, url: `${root.url}/v2/${name}` },
  name,
  authorize,
})

/** Finds the layers of a base image. */
export function locateRegistry(registries: Registries): Locate {
  return async (artifact) => {
    const { origin } = artifact
    if (origin.kind !== 'registry') return []
    return locateBlobs(await registries.repositories(origin.reference))(artifact)
  }
}

/** Finds blobs, known by their digest, in each of some repositories. */
export function locateBlobs(repositories: readonly Repository[]): Locate {
  const locateAt = ({ root, name, authorize: ask }: Repository): Locate => {
    const authorize = () => ask(name)
    return async ({ origin }) => {
      if (origin.kind !== 'registry') return []
      // one that does not let us in is none of its sources
      await authorize()
      return [{ ...root, url: `${root.url}/blobs/${origin.digest}`, authorize }]
    }
  }
  return locateWith(...repositories.map(locateAt))
}

/** A manifest or a config: OCI's distribution specification wants registries to take at least 4 MiB. */
const DOCUMENT_LIMIT = 16 << 20

/**
 * Reads a manifest, by tag or digest, or a small blob, from the first source that has it. What comes is not verified.
 *
 * @throws {StillroomError} REGISTRY_IMAGE_UNKNOWN, REGISTRY_LOGIN_REFUSED, FETCH_FAILED: what the last source said
 */
export async function fetchDocument(
  repositories: readonly Repository[],
  kind: 'manifests' | 'blobs',
  document: string,
  { accept, ...options }: { accept: readonly string[]; signal: AbortSignal; timing?: Partial<Timing> },
): Promise<{ bytes: Uint8Array; mediaType: string }> {
  return firstGood(repositories, async ({ root, name, authorize }) => {
    const url = { ...root, url: `${root.url}/${kind}/${document}` }
    const headers = { accept: accept.join(', '), ...(await authorize(name)) }
    const { status, header, body } = await askRegistry(url, { ...options, limit: DOCUMENT_LIMIT, headers })
    if (status === 200) {
      const mediaType = header('content-type')?.replace(/;.*/, '').trim().toLowerCase() ?? ''
      return { bytes: body, mediaType }
    }
    throw refusedBy({ root, name }, kind, document, status)
  })
}

const Tags = z.looseObject({ tags: z.array(z.string()).nullish() })
/** Pages of a list of tags: with a hundred tags on each, more than anyone has. */
const MOST_PAGES = 1000

/**
 * All tags of a repository (OCI distribution specification 1.1, "Listing Tags"); none when there is no such repository.
 *
 * @throws {StillroomError} REGISTRY_LOGIN_REFUSED, FETCH_FAILED
 */
export async function listTags(
  { root, name, authorize }: Repository,
  signal: AbortSignal,
): Promise<string[]> {
  const tags: string[] = []
  let next: string | undefined = `${root.url}/tags/list`
  for (let page = 0; next !== undefined && page < MOST_PAGES; page++) {
    const url: string = next
    // a list goes on at the registry itself: nobody else gets the login
    if (new URL(url).origin !== new URL(root.url).origin)
      throw registryFailed(root, 'its list of tags goes on elsewhere')
    const headers = { ...root.headers, ...(await authorize(name)) }
    const { status, header, body } = await askRegistry(
      { ...root, url },
      { signal, limit: DOCUMENT_LIMIT, headers },
    )
    if (status === 404) return tags
    if (status === 401 || status === 403) throw loginRefused(root, `HTTP ${status} for ${name}`)
    const list = Tags.safeParse(tryJson(Buffer.from(body).toString('utf8'))).data
    if (status !== 200 || list === undefined)
      throw registryFailed(
        { ...root, url },
        status === 200 ? 'the answer is not a list of tags' : `HTTP ${status}`,
      )
    tags.push(...(list.tags ?? []))
    const link = /^<([^>]+)>;\s*rel="?next"?/i.exec(header('link') ?? '')?.[1]
    next = link !== undefined && URL.canParse(link, url) ? new URL(link, url).href : undefined
  }
  return tags
}

/** Why a repository did not give a manifest or a blob: an HTTP status, or in words. */
export function refusedBy(
  { root, name }: Pick<Repository, 'root' | 'name'>,
  kind: 'manifests' | 'blobs',
  document: string,
  reason: number | string,
): StillroomError {
  if (reason === 401 || reason === 403) return loginRefused(root, `HTTP ${reason} for ${name}`)
  if (reason === 404) return unknown(root.url, name, kind, document)
  const words = typeof reason === 'number' ? `HTTP ${reason}` : reason
  return registryFailed({ ...root, url: `${root.url}/${kind}/${document}` }, words)
}

function unknown(url: string, repository: string, kind: 'manifests' | 'blobs', name: string): StillroomError {
  const what = `${kind === 'manifests' ? 'image' : 'file'} "${name}"`
  return new StillroomError(
    'REGISTRY_IMAGE_UNKNOWN',
    `registry ${new URL(url).host} has no ${what} in "${repository}"`,
    { hint: 'check the name; if the registry has dropped it, name a mirror that still has it' },
  )
}

async function openRegistry(
  url: string,
  label: string,
  keys: readonly string[],
  { ca, login, signal, timing }: RegistrySettings,
): Promise<Omit<Repository, 'name'>> {
  const secure = splitUserinfo({ url: url.replace(/\/+$/, ''), label, ca })
  const root = { ...secure, url: secure.url.replace(/\/+$/, '') }
  const plain = { ...root, url: root.url.replace('https:', 'http:') }
  const registry = (await isPlain(root, plain, signal)) ? plain : root
  return {
    root: registry,
    authorize: authorizer(registry, () => login(keys), { signal, ...(timing && { timing }) }),
  }
}

/** A registry of this machine may do without TLS, as for Docker. */
async function isPlain(secure: ArtifactUrl, plain: ArtifactUrl, signal: AbortSignal): Promise<boolean> {
  const { protocol, hostname } = new URL(secure.url)
  if (protocol !== 'https:' || !/^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname)) return false
  const answers = async (root: ArtifactUrl) =>
    askOnce({ ...root, url: `${root.url}/v2/` }, { signal, limit: 1 << 20 }).then(
      ({ status }) => status === 200 || status === 401,
      () => false,
    )
  return !(await answers(secure)) && (await answers(plain))
}

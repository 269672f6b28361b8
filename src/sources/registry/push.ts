import { StillroomError } from '../../error.ts'
import { tryJson } from '../../formats/json/try-json.ts'
import { INDEX_TYPES, MANIFEST_TYPES, sha256Digest } from '../../formats/oci.ts'
import { type Answer, type AskOptions, ask, askOnce } from '../../net/http-get.ts'
import { type Pieces, Unreachable } from '../../net/http-request.ts'
import { redactUrl } from '../../net/redact-url.ts'
import {
  type Attempt,
  createHttpOrigins,
  DEFAULT_TIMING,
  retryOf,
  type Timing,
  withRetries,
} from '../../net/retry.ts'
import type { Repository } from './registries.ts'
import { loginRefused } from './registry-login.ts'

/** Bytes that a registry keeps by their digest. */
export interface Blob {
  digest: string
  size: number
  read: Pieces
}

export interface Document {
  digest: string
  mediaType: string
  bytes: Buffer
}

/** A repository of a registry, as it is written to. */
export interface PushTarget {
  hasBlob(digest: string): Promise<boolean>
  /** Sends a blob, unless the registry has it. @returns whether it was sent */
  pushBlob(blob: Blob): Promise<boolean>
  /**
   * Sends a manifest or an index, unless that is what the registry has there.
   *
   * @param name a tag, or the digest of it
   * @returns whether it was sent
   */
  pushManifest(document: Document, name: string): Promise<boolean>
  /** What the registry has by a tag or digest; undefined when it has nothing. */
  getManifest(name: string): Promise<Document | undefined>
  /** Whether it lists what refers to a manifest (OCI distribution specification 1.1, "Listing Referrers"). */
  listsReferrers(digest: string): Promise<boolean>
}

/** A small answer: a manifest, an error. */
const LIMIT = 16 << 20

/**
 * Ways to write to a repository (OCI distribution specification 1.1, "Push"). Each blob is sent whole: when it does not arrive,
 * it is sent again from its beginning, as often as the retry policy wants; what has arrived is not sent again.
 *
 * Its functions throw StillroomError REGISTRY_LOGIN_REFUSED, and PUSH_FAILED for all else that keeps the registry from having
 * what was sent.
 */
export function pushTarget(
  { root, name, authorize }: Repository,
  { signal, timing = {} }: { signal: AbortSignal; timing?: Partial<Timing> },
): PushTarget {
  const { host } = new URL(root.url)
  const origins = createHttpOrigins()

  const target = async (path: string, base = `${root.url}/`) => {
    const url = new URL(path, base)
    const isOwn = url.origin === new URL(root.url).origin
    if (!isOwn && url.protocol !== 'https:' && root.url.startsWith('https:'))
      throw refused(`an upload, but wants it sent unencrypted, to ${url.host}`)
    // an upload may go to another host, which must not get the login
    const headers = isOwn ? { ...root.headers, ...(await authorize(name, 'pull,push')) } : {}
    return { url: url.href, ca: root.ca, headers }
  }
  const send = async (path: string, what: string, { headers, ...options }: Partial<AskOptions>) => {
    const to = await target(path)
    const asked = {
      ...options,
      signal,
      timing,
      origins,
      limit: LIMIT,
      headers: { ...to.headers, ...headers },
    }
    return ask(to, asked).catch((error: unknown) => {
      throw error instanceof Unreachable ? refused(`${what}: ${error.message}`) : error
    })
  }

  function refused(what: string): StillroomError {
    return new StillroomError('PUSH_FAILED', `registry ${host} does not take ${what}`, {
      hint: `check that it takes what is pushed to "${name}"; then run again: what it has already is not sent again`,
      details: { registry: host, repository: name },
    })
  }
  function refusedBy(what: string, answer: Answer): StillroomError {
    const { status } = answer
    const said = errorIn(answer)
    if (status === 401 || status === 403)
      return loginRefused(root, `HTTP ${status} for ${name}${said}`, { access: 'pull,push' })
    return refused(`${what}: HTTP ${status}${said}`)
  }
  /** A registry that names another digest than that of what it was sent has something else. */
  function requireDigest(what: string, expected: string, { header }: Answer): void {
    const actual = header('docker-content-digest')
    if (actual !== undefined && actual !== expected)
      throw refused(`${what} as it is: expected digest ${expected}, actual ${actual}`)
  }

  const sendBlob = async ({ digest, size, read }: Blob): Promise<Attempt<Answer, Answer | Unreachable>> => {
    // a registry hashes all of a blob before it answers
    const patient = { ...DEFAULT_TIMING, ...timing }
    const options = { signal, limit: LIMIT, timing: { stall: Math.max(patient.stall, patient.patience) } }
    try {
      const begin = await target('blobs/uploads/')
      const begun = await askOnce(begin, { ...options, method: 'POST', headers: { 'content-length': '0' } })
      const location = begun.header('location')
      if (begun.status !== 202 || location === undefined) return { failure: begun, retry: retryOf(begun) }
      const place = await target(location, begin.url)
      const url = new URL(place.url)
      url.searchParams.set('digest', digest)
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) }
      const sent = await askOnce(
        { ...place, url: url.href },
        { ...options, method: 'PUT', headers, body: read },
      )
      return sent.status === 201 ? { done: sent } : { failure: sent, retry: retryOf(sent) }
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      return { failure: error, retry: error.permanent ? 'no' : 'later' }
    }
  }

  const hasBlob = async (digest: string) => {
    const answer = await send(`blobs/${digest}`, `blob ${digest}`, { method: 'HEAD' })
    if (answer.status === 200 || answer.status === 404) return answer.status === 200
    throw refusedBy(`blob ${digest}`, answer)
  }

  const pushBlob = async (blob: Blob) => {
    if (await hasBlob(blob.digest)) return false
    const what = `blob ${blob.digest}`
    const result = await withRetries(root.url, () => sendBlob(blob), { signal, timing, origins })
    if ('failure' in result) {
      const { failure } = result
      throw failure instanceof Unreachable ? refused(`${what}: ${failure.message}`) : refusedBy(what, failure)
    }
    requireDigest(what, blob.digest, result.done)
    return true
  }

  const getManifest = async (wanted: string): Promise<Document | undefined> => {
    const what = `manifest "${wanted}"`
    const accept = [...MANIFEST_TYPES, ...INDEX_TYPES].join(', ')
    const answer = await send(`manifests/${wanted}`, what, { headers: { accept } })
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw refusedBy(what, answer)
    const bytes = Buffer.from(answer.body)
    return {
      bytes,
      digest: sha256Digest(bytes),
      mediaType: answer.header('content-type')?.replace(/;.*/, '').trim() ?? '',
    }
  }

  const pushManifest = async ({ digest, mediaType, bytes }: Document, tag: string) => {
    const what = `manifest ${digest}`
    if ((await getManifest(tag))?.digest === digest) return false
    const headers = { 'content-type': mediaType, 'content-length': String(bytes.length) }
    const answer = await send(`manifests/${tag}`, what, { method: 'PUT', headers, body: bytes })
    if (answer.status !== 201) throw refusedBy(what, answer)
    requireDigest(what, digest, answer)
    const actual = (await getManifest(tag))?.digest
    if (actual !== digest)
      throw refused(`${what} as "${tag}": expected that digest there, actual ${actual ?? 'none'}`)
    return true
  }

  const listsReferrers = async (digest: string) => {
    const { status, header } = await send(`referrers/${digest}`, 'the question for referrers', {})
    return status === 200 && (header('content-type') ?? '').includes('json')
  }

  return { hasBlob, pushBlob, pushManifest, getManifest, listsReferrers }
}

/** What a registry says of an error (distribution specification, "Error Codes"), shortened. */
function errorIn({ body }: Answer): string {
  const answer = tryJson(Buffer.from(body).toString('utf8')) as {
    errors?: { code?: unknown; message?: unknown }[]
  } | null
  const [first] = Array.isArray(answer?.errors) ? answer.errors : []
  const words = [first?.code, first?.message].filter((word) => typeof word === 'string')
  return words.length === 0 ? '' : `, ${redactUrl(words.join(': ')).slice(0, 200)}`
}

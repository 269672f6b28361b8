import { createReadStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { systemCode } from '../error.ts'
import { redactUrl } from './redact-url.ts'
import { trustedCertificates } from './trusted-certificates.ts'

/** An address, and what asking it takes. */
export interface HttpTarget {
  url: string
  /** Credentials belong here (authorization, cookie: dropped when redirected to another host), never into `url`. */
  headers?: Record<string, string>
  /** Certificates (PEM) trusted besides the machine's own. */
  ca?: string
  /** Any certificate will do (pip's `trusted-host`): what is fetched is verified by its digest all the same. */
  insecure?: boolean
  /** A file of this machine that its own settings name: only then may `url` be a `file:` one. */
  local?: boolean
}

/** The part of a response that is used here. */
export interface Reply {
  status: number
  /** After redirects. */
  url: string
  header(name: string): string | undefined
  /** The body as sent: never decompressed. */
  body: AsyncIterable<Uint8Array>
}

/** Why there was no reply, or none to the end. */
export class Unreachable extends Error {
  /** Asking again will not help: no such host, an untrusted certificate. */
  readonly permanent: boolean
  constructor(message: string, permanent: boolean) {
    super(message)
    this.permanent = permanent
  }
}

export interface RequestOptions {
  headers: Record<string, string>
  signal: AbortSignal
  /** Milliseconds without a byte after which the server is given up. */
  stall: number
  /** Sent as a form with POST, instead of GET. */
  form?: URLSearchParams
}

/**
 * Asks for one address and gives the reply to `use`; the connection is over when `use` is.
 * Redirects are followed, HTTP_PROXY, HTTPS_PROXY and NO_PROXY honoured; nothing is retried or cached. A
 * `local` target is a file of this machine, and its reply has status 200.
 * @throws Unreachable
 */
export async function httpRequest<T>(
  target: HttpTarget,
  { headers, signal, stall, form }: RequestOptions,
  use: (reply: Reply) => Promise<T>,
): Promise<T> {
  if (target.local) return use(fileReply(target.url, signal))
  const fetch = await loadFetch()
  const over = new AbortController()
  let stalled = false
  const timer = setTimeout(() => {
    stalled = true
    over.abort()
  }, stall)
  const explain = (error: unknown) => {
    if (signal.aborted) return signal.reason
    if (stalled) return new Unreachable(`no data for ${stall / 1000} s`, false)
    return unreachable(error)
  }

  async function* body(chunks: AsyncIterable<Uint8Array>) {
    try {
      for await (const chunk of chunks) {
        timer.refresh()
        yield chunk
      }
    } catch (error) {
      throw explain(error)
    }
  }

  try {
    const asked = async () =>
      fetch(target.url, {
        headers: { ...target.headers, 'accept-encoding': 'identity', ...headers },
        ...(form === undefined ? {} : { method: 'POST', body: form }),
        ...(target.ca === undefined ? {} : { ca: trustedCertificates(target.ca) }),
        ...(target.insecure ? { strictSSL: false } : {}),
        cache: 'no-store',
        retry: false,
        compress: false,
        maxSockets: 64,
        signal: AbortSignal.any([signal, over.signal]),
      })
    const response = await asked().catch((error) => {
      throw explain(error)
    })
    timer.refresh()
    return await use({
      status: response.status,
      url: response.url,
      header: (name) => response.headers.get(name) ?? undefined,
      body: body(response.body),
    })
  } finally {
    clearTimeout(timer)
    over.abort()
  }
}

function fileReply(url: string, signal: AbortSignal): Reply {
  async function* body() {
    try {
      yield* createReadStream(fileURLToPath(url), { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : new Unreachable(String(systemCode(error) ?? error), true)
    }
  }
  return { status: 200, url, header: () => undefined, body: body() }
}

const PERMANENT =
  /^(ENOTFOUND|EINVAL|EMAXREDIRECT|ENOREDIRECT|EUNSUPPORTED|ERR_INVALID|ERR_TLS|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/

function unreachable(error: unknown): Unreachable {
  const code = systemCode(error)
  const message = error instanceof Error ? error.message : String(error)
  // make-fetch-happen puts the whole URL before the reason, and Node an advice for its own command line behind.
  const plain = (message.match(/reason: (.*)$/s)?.[1] ?? message).replace(
    /; if the root CA is installed.*/s,
    '',
  )
  const reason = plain === 'aborted' ? 'the connection broke off' : redactUrl(plain)
  const permanent = PERMANENT.test(code ?? '') || /Only (absolute|HTTP)/.test(message)
  return new Unreachable(reason.trim() || code || 'connection failed', permanent)
}

type Fetch = (url: string, options: Record<string, unknown>) => Promise<FetchResponse>
interface FetchResponse {
  status: number
  url: string
  headers: { get(name: string): string | null }
  body: AsyncIterable<Uint8Array>
}

/** Loaded when first needed: it is heavy. Its published types know neither `signal` nor its own body stream. */
async function loadFetch(): Promise<Fetch> {
  const { default: fetch } = await import('make-fetch-happen')
  return fetch as unknown as Fetch
}

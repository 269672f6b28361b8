import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { systemCode } from '../error.ts'
import { proxyFor } from './proxy-for.ts'
import { redactUrl, splitUserinfo } from './redact-url.ts'
import { trustedCertificates } from './trusted-certificates.ts'

/** An address, and what asking it takes. */
export interface HttpTarget {
  url: string
  /** Credentials belong here, never into `url`: of these, another origin gets only what every client sends. */
  headers?: Record<string, string>
  /** Certificates (PEM) trusted besides the machine's own. */
  ca?: string | undefined
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
  /** Where what was asked for is to be found from now on, by redirects that are for good (301, 308) from the first on. */
  movedTo?: string
  header(name: string): string | undefined
  /** The body as sent, never decompressed; it throws Unreachable when less comes than was announced. */
  body: AsyncIterable<Uint8Array>
}

/** Why there was no reply, or none to the end. The message shows no URL's credentials. */
export class Unreachable extends Error {
  /** Asking again will not help: no such host, an untrusted certificate. */
  readonly permanent: boolean
  constructor(message: string, permanent: boolean) {
    super(message)
    this.permanent = permanent
  }
}

export interface RequestOptions {
  signal: AbortSignal
  /** Milliseconds without a byte after which the server is given up. */
  stall: number
  method?: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT'
  headers?: Record<string, string>
  /** URLSearchParams are sent as a form. What is sent piece by piece needs its length among the headers. */
  body?: string | Uint8Array | URLSearchParams | Pieces
  /** How many redirects are followed, 20 by default. */
  redirects?: number
}

/** Gives what is to be sent from its beginning, each time it is called. */
export type Pieces = () => AsyncIterable<Uint8Array>

/**
 * Asks for one address and gives the reply to `use`; the connection is over when `use` is.
 * Redirects are followed, HTTP_PROXY, HTTPS_PROXY and NO_PROXY honoured; nothing is retried or cached. A
 * `local` target is a file of this machine, and its reply has status 200.
 * @throws Unreachable; what the pieces throw that are sent
 */
export async function httpRequest<T>(
  target: HttpTarget,
  options: RequestOptions,
  use: (reply: Reply) => Promise<T>,
): Promise<T> {
  const { signal, stall } = options
  if (target.local) return use(fileReply(target.url, signal))
  const fetch = await loadFetch()
  const over = new AbortController()
  let stalled = false
  const failure: { error?: unknown } = {}
  const clock = stallClock(stall, () => {
    stalled = true
    over.abort()
  })
  const explain = (error: unknown) => {
    if (signal.aborted) return signal.reason
    if ('error' in failure) return failure.error
    if (stalled) return new Unreachable(`no data for ${stall / 1000} s`, false)
    return error instanceof Unreachable ? error : unreachable(error)
  }

  async function* body({ body, headers }: Response) {
    let size = 0
    try {
      for await (const chunk of body) {
        clock.reset()
        size += chunk.length
        yield chunk
      }
    } catch (error) {
      throw explain(error)
    }
    const announced = options.method === 'HEAD' ? null : headers.get('content-length')
    if (announced !== null && Number(announced) !== size)
      throw new Unreachable(`the response ended after ${size} of ${announced} bytes`, false)
  }

  try {
    const { response, url, movedTo } = await follow(
      target,
      options,
      AbortSignal.any([signal, over.signal]),
      clock,
      fetch,
      failure,
    ).catch((error) => {
      throw explain(error)
    })
    return await use({
      status: response.status,
      url,
      ...(movedTo === undefined ? {} : { movedTo }),
      header: (name) => response.headers.get(name) ?? undefined,
      body: body(response),
    })
  } finally {
    clock.stop()
    over.abort()
  }
}

type StallClock = ReturnType<typeof stallClock>

/** Runs out after so many milliseconds in which this process could have read: not while it is busy or stopped. */
function stallClock(stall: number, runOut: () => void) {
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
    if (ticks === 4) runOut()
  }, stall / 4)
  return {
    reset: () => {
      ticks = 0
      timer.refresh()
    },
    stop: () => clearInterval(timer),
  }
}

const REDIRECTS = [301, 302, 303, 307, 308]
const FOR_GOOD = [301, 308]

/** Sends a request, and again to where a redirect leads (RFC 9110, 15.4). */
async function follow(
  target: HttpTarget,
  { method = 'GET', headers, body, redirects = 20 }: RequestOptions,
  signal: AbortSignal,
  clock: StallClock,
  fetch: Fetch,
  failure: { error?: unknown },
): Promise<{ response: Response; url: string; movedTo: string | undefined }> {
  const start = splitUserinfo(target)
  const request = { url: start.url, method, body, headers: lowerCased({ ...start.headers, ...headers }) }
  let movedTo: string | undefined
  let isForGood = true
  for (let followed = 0; ; followed += 1) {
    const url = webUrl(request.url)
    const response = await fetch(url.href, {
      headers: { 'accept-encoding': 'identity', ...request.headers },
      method: request.method,
      ...(request.body === undefined ? {} : { body: sendable(request.body, clock, failure) }),
      ...(target.ca === undefined ? {} : { ca: trustedCertificates(target.ca) }),
      ...(target.insecure ? { strictSSL: false } : {}),
      ...proxyOptions(url),
      redirect: 'manual',
      cache: 'no-store',
      retry: false,
      compress: false,
      maxSockets: 64,
      signal,
    })
    clock.reset()
    const location = response.headers.get('location')
    if (!REDIRECTS.includes(response.status) || location === null) return { response, url: url.href, movedTo }
    response.body.resume()
    if (followed >= redirects) {
      const reason = redirects === 0 ? 'the server redirects' : `more than ${redirects} redirects`
      throw new Unreachable(reason, true)
    }
    const next = splitUserinfo<HttpTarget>({ url: webUrl(location, url).href })
    isForGood &&= FOR_GOOD.includes(response.status)
    if (isForGood) movedTo = next.url
    const isElsewhere = url.origin !== new URL(next.url).origin
    if (isElsewhere) request.headers = harmless(request.headers)
    Object.assign(request.headers, next.headers)
    if (response.status === 303 || (request.method === 'POST' && response.status < 303)) {
      if (request.method !== 'HEAD') request.method = 'GET'
      request.body = undefined
      const { 'content-type': _, ...rest } = request.headers
      request.headers = rest
    }
    if (isElsewhere && request.body !== undefined)
      throw new Unreachable(`the server redirects what was sent to it to ${new URL(next.url).host}`, true)
    request.url = next.url
  }
}

/** A body as it is sent; the clock runs only while the server takes nothing. */
function sendable(
  body: NonNullable<RequestOptions['body']>,
  clock: StallClock,
  failure: { error?: unknown },
) {
  if (typeof body !== 'function') return body
  async function* pieces() {
    try {
      for await (const piece of (body as Pieces)()) {
        clock.reset()
        // a connection keeps pieces until they are sent, and who reads a disk takes their memory for others before that
        yield Buffer.from(piece)
      }
    } catch (error) {
      failure.error = error
      throw error
    }
  }
  return Readable.from(pieces(), { objectMode: false })
}

function webUrl(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined
  if (url && /^https?:$/.test(url.protocol)) return url
  throw new Unreachable(`expected an http or https address, got ${url ? url.protocol : 'none'}`, true)
}

/** What says nothing of who asks. */
const HARMLESS = [
  ...['accept', 'content-type', 'if-range', 'range', 'user-agent', 'want-digest', 'want-repr-digest'],
]

/** Another host, another port or another scheme gets no login, token, cookie, or header of whatever name that may be one. */
function harmless(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.includes(name)))
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/**
 * make-fetch-happen itself reads the environment once, and takes HTTPS_PROXY for http addresses, too. It keeps agents by the
 * proxy's address, and would send what is asked of an https server as it is asked of a proxy once that was asked for an http
 * address: so the fragment, which no proxy is sent, tells them apart.
 */
function proxyOptions(url: URL): Record<string, unknown> {
  const proxy = proxyFor(url, process.env)
  if (proxy === undefined) return { noProxy: [url.hostname] }
  return { proxy: `${proxy}#${url.protocol.replace(':', '')}`, noProxy: [] }
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
  /^(ENOTFOUND|EINVAL|EUNSUPPORTED|ERR_INVALID|ERR_TLS|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/

/** Which of them Node gives when a server closes a connection depends on what it had read by then. */
const BROKEN = ['ECONNRESET', 'EPIPE']

function unreachable(error: unknown): Unreachable {
  const code = systemCode(error)
  const message = error instanceof Error ? error.message : String(error)
  // make-fetch-happen puts the whole URL before the reason, and Node an advice for its own command line behind.
  const plain = (message.match(/reason: (.*)$/s)?.[1] ?? message).replace(
    /; if the root CA is installed.*/s,
    '',
  )
  const reason =
    BROKEN.includes(code ?? '') || plain === 'aborted' ? 'the connection broke off' : redactUrl(plain)
  return new Unreachable(reason.trim() || code || 'connection failed', PERMANENT.test(code ?? ''))
}

type Fetch = (url: string, options: Record<string, unknown>) => Promise<Response>
interface Response {
  status: number
  headers: { get(name: string): string | null }
  body: AsyncIterable<Uint8Array> & { resume(): void }
}

/** Loaded when first needed: it is heavy. Its published types know neither `signal` nor its own body stream. */
async function loadFetch(): Promise<Fetch> {
  const { default: fetch } = await import('make-fetch-happen')
  return fetch as unknown as Fetch
}

import { StillroomError } from '../error.ts'
import { redactUrl } from './redact-url.ts'
import { trustedCertificates } from './trusted-certificates.ts'

export interface GetOptions {
  /** Bytes after which the answer is given up. */
  limit?: number
  signal?: AbortSignal
  /** Certificates (PEM) to trust besides the machine's own. */
  ca?: string | undefined
}

/** Fetches a URL into memory; rejects with FETCH_FAILED, `details.status` being the HTTP status if there was one. */
export type Get = (url: string, options?: GetOptions) => Promise<Uint8Array>

const DEFAULT_LIMIT = 256 * 1024 * 1024
/** An answer that breaks off halfway is asked for again; what fails before the first byte, make-fetch-happen retries. */
const BODY_ATTEMPTS = 3

/**
 * Fetches a URL into memory, with retries; proxies as set up for Node.
 *
 * @throws {StillroomError} FETCH_FAILED when there was no answer, none with status 200, or one beyond the limit.
 */
export async function httpGet(url: string, options: GetOptions = {}): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    const response = await request(url, options)
    if (response.status !== 200) {
      response.body.resume()
      throw failure(url, `HTTP status ${response.status}`, { status: response.status })
    }
    try {
      return await readBody(response, url, options.limit ?? DEFAULT_LIMIT)
    } catch (cause) {
      if (cause instanceof StillroomError) throw cause
      if (attempt === BODY_ATTEMPTS || options.signal?.aborted) throw failure(url, messageOf(cause), {})
    }
  }
}

interface Response {
  status: number
  headers: { get(name: string): string | null }
  body: AsyncIterable<Buffer> & { resume(): void; destroy(): void }
}

async function readBody(response: Response, url: string, limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > limit) {
      response.body.destroy()
      throw failure(url, `more than ${limit} bytes`, {})
    }
    chunks.push(chunk)
  }
  const announced = response.headers.get('content-length')
  if (announced !== null && Number(announced) !== size) {
    throw new Error(`answer broke off after ${size} of ${announced} bytes`)
  }
  return Buffer.concat(chunks, size)
}

async function request(url: string, options: GetOptions): Promise<Response> {
  const { default: fetch } = await import('make-fetch-happen')
  try {
    return (await fetch(url, {
      compress: false,
      timeout: 60_000,
      retry: { retries: 3, factor: 2, minTimeout: 500, maxTimeout: 10_000 },
      ...(options.ca === undefined ? {} : { ca: trustedCertificates(options.ca) }),
      ...(options.signal === undefined ? {} : { signal: options.signal as never }),
    })) as unknown as Response
  } catch (cause) {
    throw failure(url, messageOf(cause), {})
  }
}

/** Without a cause: the client's own errors carry the URL with its credentials. */
function failure(url: string, reason: string, details: { status?: number }): StillroomError {
  const shown = redactUrl(url)
  return new StillroomError('FETCH_FAILED', `cannot fetch ${shown}: ${reason}`, {
    details: { url: shown, ...details },
  })
}

function messageOf(cause: unknown): string {
  return redactUrl(cause instanceof Error ? cause.message : String(cause))
}

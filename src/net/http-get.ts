import { type ErrorOptions, StillroomError } from '../error.ts'
import { type HttpTarget, httpRequest, type RequestOptions, Unreachable } from './http-request.ts'
import { redactUrl } from './redact-url.ts'
import {
  type Attempt,
  createHttpOrigins,
  DEFAULT_TIMING,
  type RetryOptions,
  retryOf,
  type Timing,
  withRetries,
} from './retry.ts'

/** A small response, whatever its status. */
export interface Answer {
  status: number
  /** After redirects. */
  url: string
  header(name: string): string | undefined
  body: Uint8Array
}

export interface AskOptions extends Omit<RequestOptions, 'stall'>, Pick<RetryOptions, 'timing' | 'origins'> {
  /** Bytes after which the answer is given up. */
  limit?: number
}

const DEFAULT_LIMIT = 256 * 1024 * 1024

/** Asks once, and reads the answer into memory. @throws Unreachable */
export function askOnce(
  target: HttpTarget,
  { limit = DEFAULT_LIMIT, timing, origins: _, ...options }: AskOptions,
): Promise<Answer> {
  const { stall } = { ...DEFAULT_TIMING, ...timing }
  return httpRequest(target, { ...options, stall }, async ({ body, ...reply }) => {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of body) {
      size += chunk.length
      if (size > limit) throw new Unreachable(`more than ${limit} bytes`, true)
      chunks.push(chunk)
    }
    return { ...reply, body: Buffer.concat(chunks, size) }
  })
}

/** Asks as `askOnce`, and again as `withRetries` does; in the end any status is an answer. @throws Unreachable */
export async function ask(target: HttpTarget, options: AskOptions): Promise<Answer> {
  const { signal, timing = {}, origins = createHttpOrigins() } = options
  const attempt = async (): Promise<Attempt<Answer, Answer | Unreachable>> => {
    try {
      const answer = await askOnce(target, options)
      const retry = retryOf(answer)
      return retry === 'no' ? { done: answer } : { failure: answer, retry }
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      return { failure: error, retry: error.permanent ? 'no' : 'later' }
    }
  }
  const result = await withRetries(target.url, attempt, { signal, timing, origins })
  if ('done' in result) return result.done
  if (result.failure instanceof Unreachable) throw result.failure
  return result.failure
}

/**
 * Fetches a URL into memory, `limit` being the bytes after which the answer is given up.
 *
 * @throws {StillroomError} FETCH_FAILED when there was no answer, none with status 200 (it is `details.status` then), or
 *   one beyond the limit.
 */
export type Get = (url: string, options?: { limit?: number }) => Promise<Uint8Array>

export interface GetOptions {
  /** Ends every request. */
  signal: AbortSignal
  ca?: string | undefined
  timing?: Partial<Timing>
}

/** A way to fetch with retries, which soon gives up a server that never answered. */
export function createGet({ ca, signal, timing = {} }: GetOptions): Get {
  const origins = createHttpOrigins()
  return async (url, options = {}) => {
    const answer = await ask({ url, ca }, { ...options, signal, timing, origins }).catch((error) => {
      throw error instanceof Unreachable ? fetchFailed(url, error.message) : error
    })
    if (answer.status === 200) return answer.body
    throw fetchFailed(url, `HTTP status ${answer.status}`, { details: { status: answer.status } })
  }
}

/** FETCH_FAILED for an address. */
export function fetchFailed(
  url: string,
  reason: string,
  { hint, details = {} }: Pick<ErrorOptions, 'hint' | 'details'> = {},
): StillroomError {
  const shown = redactUrl(url)
  return new StillroomError('FETCH_FAILED', `cannot fetch ${shown}: ${redactUrl(reason)}`, {
    details: { url: shown, ...details },
    hint,
  })
}

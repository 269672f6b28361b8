import { setTimeout as delay } from 'node:timers/promises'
import { StillroomError } from '../../error.ts'
import { DEFAULT_TIMING, type Timing } from '../../net/http-origins.ts'
import { httpRequest, Unreachable } from '../../net/http-request.ts'
import { parseRetryAfter } from '../../net/parse-retry-after.ts'
import { redactUrl } from '../../net/redact-url.ts'
import type { ArtifactUrl } from '../../store/artifact.ts'

export interface AskOptions {
  signal: AbortSignal
  /** Bytes that the answer may have. */
  limit: number
  headers?: Record<string, string>
  form?: URLSearchParams
  timing?: Partial<Timing>
}

export interface Answer {
  status: number
  header(name: string): string | undefined
  body: Uint8Array
}

/**
 * Asks a registry for something small, whatever its answer; a server that is busy or breaks off is asked again.
 *
 * @throws {StillroomError} FETCH_FAILED when there was no answer, or none below the limit
 */
export async function ask(located: ArtifactUrl, options: AskOptions): Promise<Answer> {
  const { signal, limit, headers = {}, form } = options
  const { stall, retries, backoff, retryAfterCap } = { ...DEFAULT_TIMING, ...options.timing }
  for (let attempt = 1; ; attempt++) {
    let wait: number | undefined
    try {
      const request = { headers, signal, stall, ...(form ? { form } : {}) }
      const answer = await httpRequest(located, request, async ({ status, header, body }) => {
        const chunks: Uint8Array[] = []
        let size = 0
        for await (const chunk of body) {
          size += chunk.length
          if (size > limit) throw failed(located, `more than ${limit} bytes`)
          chunks.push(Buffer.from(chunk))
        }
        const announced = header('content-length')
        if (announced !== undefined && Number(announced) !== size)
          throw new Unreachable(`the answer broke off after ${size} of ${announced} bytes`, false)
        return { status, header, body: Buffer.concat(chunks) }
      })
      const busy = answer.status === 429 || answer.status >= 500
      if (!busy || attempt > retries) return answer
      wait = parseRetryAfter(answer.header('retry-after'), Date.now())
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      if (error.permanent || attempt > retries) throw failed(located, error.message)
    }
    await delay(Math.min(wait ?? backoff * 2 ** (attempt - 1), retryAfterCap), undefined, { signal })
  }
}

export function failed({ url }: ArtifactUrl, reason: string): StillroomError {
  return new StillroomError('FETCH_FAILED', `cannot fetch ${redactUrl(url)}: ${redactUrl(reason)}`, {
    hint: 'check the network, proxy and certificate set-up, then run again',
  })
}

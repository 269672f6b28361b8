import { setTimeout as delay } from 'node:timers/promises'
import { StillroomError } from '../error.ts'
import type { Timing } from '../net/http-origins.ts'
import { httpRequest, type Reply, Unreachable } from '../net/http-request.ts'
import { parseRetryAfter } from '../net/parse-retry-after.ts'
import { redactUrl } from '../net/redact-url.ts'
import type { ArtifactUrl } from '../store/artifact.ts'
import { parseSimplePage, SIMPLE_ACCEPT, type SimpleFile } from './parse-simple-page.ts'

/** The largest page that is read: those of projects with ten thousand files have about 10 MB. */
const PAGE_LIMIT = 64 << 20

/**
 * Reads the page of a package; an index that has none gives no files.
 * @throws StillroomError FETCH_FAILED, INDEX_INVALID
 */
export async function fetchSimplePage(
  located: ArtifactUrl,
  { signal, timing }: { signal: AbortSignal; timing: Timing },
): Promise<SimpleFile[]> {
  for (let tries = 0; ; tries += 1) {
    const { files, failure, wait } = await ask(located, signal, timing.stall)
    if (files) return files
    if (wait === undefined || tries >= timing.retries) {
      const hint = "check the network, proxy and certificate set-up, and that this is an index' simple API"
      const message = `cannot read ${located.label} ${redactUrl(located.url)}: ${failure}`
      throw new StillroomError('FETCH_FAILED', message, { hint })
    }
    const asked = wait === 'backoff' ? timing.backoff * 2 ** tries * (0.5 + Math.random()) : wait
    await delay(Math.min(asked, timing.retryAfterCap), undefined, { signal })
  }
}

interface Answer {
  files?: SimpleFile[]
  failure?: string
  /** Milliseconds until it is worth asking again; undefined: never. */
  wait?: number | 'backoff' | undefined
}

async function ask(located: ArtifactUrl, signal: AbortSignal, stall: number): Promise<Answer> {
  try {
    return await httpRequest(located, { headers: { accept: SIMPLE_ACCEPT }, signal, stall }, read)
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    return { failure: error.message, wait: error.permanent ? undefined : 'backoff' }
  }
}

async function read(reply: Reply): Promise<Answer> {
  const { status } = reply
  if (status === 404 || status === 410) return { files: [] }
  if (status === 408 || status === 429 || status >= 500) {
    const wait = parseRetryAfter(reply.header('retry-after'), Date.now())
    return { failure: `HTTP ${status}`, wait: wait ?? 'backoff' }
  }
  if (status !== 200) return { failure: `HTTP ${status}` }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of reply.body) {
    size += chunk.length
    if (size > PAGE_LIMIT) return { failure: `more than ${PAGE_LIMIT} bytes` }
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  return { files: parseSimplePage(text, reply.header('content-type') ?? '', reply.url) }
}

import { once } from 'node:events'
import { PassThrough, type Writable } from 'node:stream'
import { httpRequest, type Reply, Unreachable } from '../../net/http-request.ts'
import {
  type Attempt,
  createHttpOrigins,
  DEFAULT_TIMING,
  retryOf,
  type Timing,
  withRetries,
} from '../../net/retry.ts'
import { firstGood } from '../first-good.ts'
import { type Repository, refusedBy } from './registries.ts'

export interface BlobOptions {
  /** Bytes that the manifest states: no more are taken. */
  size: number
  signal: AbortSignal
  timing?: Partial<Timing>
}

/**
 * Bytes that are asked for at once: what comes faster than it is taken waits in memory. A registry that knows no ranges sends all.
 */
const PART = 64 << 20

/**
 * The bytes of a blob, as they come from the first source that has it. When a connection breaks off, the rest is asked for.
 * What comes is not verified.
 *
 * @throws {StillroomError} REGISTRY_IMAGE_UNKNOWN, REGISTRY_LOGIN_REFUSED, FETCH_FAILED: what the last source said
 */
export async function* fetchBlob(
  repositories: readonly Repository[],
  digest: string,
  { signal, ...options }: BlobOptions,
): AsyncGenerator<Buffer> {
  const over = new AbortController()
  const stream = new PassThrough()
  const fetching = pipeBlob(repositories, digest, stream, {
    ...options,
    signal: AbortSignal.any([signal, over.signal]),
  }).then(
    () => stream.end(),
    (error: Error) => stream.destroy(error),
  )
  try {
    yield* stream
  } finally {
    over.abort()
    await fetching
  }
}

async function pipeBlob(
  repositories: readonly Repository[],
  digest: string,
  stream: Writable,
  { size, signal, timing }: BlobOptions,
): Promise<void> {
  const origins = createHttpOrigins()
  let received = 0
  const take = async (reply: Reply): Promise<Attempt<void, string | number>> => {
    // a server may know nothing of ranges
    const start = reply.status === 206 ? startOf(reply) : 0
    if ((reply.status !== 200 && reply.status !== 206) || start > received)
      return { failure: reply.status, retry: retryOf(reply) }
    let position = start
    for await (const chunk of reply.body) {
      const fresh = chunk.subarray(Math.max(0, Math.min(received - position, chunk.length)))
      position += chunk.length
      received += fresh.length
      if (received > size)
        return { failure: `more than the ${size} bytes that its manifest states`, retry: 'no' }
      if (fresh.length > 0 && !stream.write(fresh)) await once(stream, 'drain', { signal })
    }
    return { done: undefined }
  }
  await firstGood(repositories, async (repository) => {
    const target = { ...repository.root, url: `${repository.root.url}/blobs/${digest}` }
    const attempt = async () => {
      const end = received + PART < size ? received + PART - 1 : undefined
      const range = received > 0 || end !== undefined ? { range: `bytes=${received}-${end ?? ''}` } : {}
      const headers = { ...(await repository.authorize(repository.name)), ...range }
      const { stall } = { ...DEFAULT_TIMING, ...timing }
      return httpRequest(target, { headers, signal, stall }, take).catch((error: unknown) => {
        if (!(error instanceof Unreachable)) throw error
        return { failure: error.message, retry: error.permanent ? ('no' as const) : ('later' as const) }
      })
    }
    const options = { signal, origins, received: () => received, ...(timing && { timing }) }
    let before: number
    do {
      before = received
      const result = await withRetries(target.url, attempt, options)
      if ('failure' in result) throw refusedBy(repository, 'blobs', digest, result.failure)
    } while (size > PART && received < size && received > before)
  })
}

/** Content-Range (RFC 9110, 14.4); past all bytes when it does not say. */
function startOf(reply: Reply): number {
  const start = /^bytes (\d+)-/i.exec(reply.header('content-range') ?? '')?.[1]
  return start === undefined ? Number.POSITIVE_INFINITY : Number(start)
}

import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StillroomError } from '../error.ts'
import { DEFAULT_TIMING, type Timing } from '../net/http-origins.ts'
import { httpRequest, type Reply, Unreachable } from '../net/http-request.ts'
import { parseRetryAfter } from '../net/parse-retry-after.ts'
import { redactUrl } from '../net/redact-url.ts'
import type { ArtifactUrl } from './artifact.ts'
import { writing } from './disk-error.ts'
import { type Hashed, hashFile } from './hash-file.ts'
import { makeDirectory } from './make-directory.ts'
import { looksLikeHtml } from './source-failure.ts'
import type { Store } from './store.ts'

/** So many new bytes show that a connection is worth going on with: failures are counted from there anew. */
const PROGRESS = 1 << 20

export interface UnpinnedOptions {
  store: Store
  signal: AbortSignal
  timing?: Partial<Timing>
}

/** What there is of the file; `etag` names the version that the bytes are of, and only then can be gone on. */
interface Received {
  bytes: number
  etag: string | undefined
}

type Attempt = 'done' | { reason: string; wait?: number | undefined }

/**
 * Brings a file into the store whose digest is not known yet. What breaks off is gone on with where it stopped, as
 * long as the server says that the file is still the same.
 *
 * @throws {StillroomError} ARTIFACT_GONE when the server has no such file; FETCH_FAILED; DISK_FULL, NOT_WRITABLE
 */
export async function downloadUnpinned(
  located: ArtifactUrl,
  { store, signal, timing }: UnpinnedOptions,
): Promise<Hashed> {
  const { retries, backoff, stall, retryAfterCap } = { ...DEFAULT_TIMING, ...timing }
  const path = join(store.temporary, `${randomUUID()}.put`)
  await makeDirectory(store.temporary)
  const handle = await writing(path, () => open(path, 'wx+'))
  try {
    const received: Received = { bytes: 0, etag: undefined }
    let furthest = 0
    for (let failures = 0; ; ) {
      const attempt = await ask(located, handle, received, { signal, stall })
      if (attempt === 'done') break
      const goesOn = received.bytes >= furthest + PROGRESS
      if (goesOn) furthest = received.bytes
      failures = goesOn ? 1 : failures + 1
      if (failures > retries) throw failed(located, attempt.reason)
      const pause = Math.min(attempt.wait ?? backoff * 2 ** (failures - 1), retryAfterCap)
      await delay(pause, undefined, { signal })
    }
    const hashed = await hashFile(handle)
    await store.adopt(path, hashed.sha256)
    return hashed
  } finally {
    await handle.close()
    await rm(path, { force: true })
  }
}

async function ask(
  located: ArtifactUrl,
  handle: FileHandle,
  received: Received,
  { signal, stall }: { signal: AbortSignal; stall: number },
): Promise<Attempt> {
  const { bytes, etag } = received
  const headers: Record<string, string> =
    bytes > 0 && etag !== undefined ? { range: `bytes=${bytes}-`, 'if-range': etag } : {}
  try {
    return await httpRequest(located, { headers, signal, stall }, (reply) =>
      receive(reply, located, handle, received),
    )
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    if (error.permanent) throw failed(located, error.message)
    return { reason: error.message }
  }
}

async function receive(
  reply: Reply,
  located: ArtifactUrl,
  handle: FileHandle,
  received: Received,
): Promise<Attempt> {
  const goesOn = reply.status === 206 && reply.header('content-range')?.startsWith(`bytes ${received.bytes}-`)
  if (!goesOn) received.bytes = 0
  if (reply.status === 206 && !goesOn) return { reason: 'HTTP 206 for another range than asked for' }
  if (reply.status !== 200 && reply.status !== 206) return refusal(reply, located)
  const isPage = /\.x?html?$/i.test(new URL(located.url).pathname)
  if (!isPage && looksLikeHtml(reply.header('content-type'), new Uint8Array())) {
    throw failed(located, 'got a web page, expected a file', 'it may want a login, or the file has moved')
  }
  const validator = reply.header('etag')
  received.etag = validator?.startsWith('"') ? validator : undefined
  const length = reply.header('content-length')
  const end = length === undefined ? undefined : received.bytes + Number(length)
  if (!goesOn) await handle.truncate(0)
  for await (const chunk of reply.body) {
    for (let done = 0; done < chunk.length; ) {
      const at = received.bytes
      const { bytesWritten } = await writing('the store', () => handle.write(chunk, done, undefined, at))
      done += bytesWritten
      received.bytes += bytesWritten
    }
  }
  if (end === undefined || received.bytes === end) return 'done'
  return { reason: `the answer broke off after ${received.bytes} of ${end} bytes` }
}

function refusal(reply: Reply, located: ArtifactUrl): Attempt {
  const { status } = reply
  const reason = `HTTP ${status}`
  if (status === 404 || status === 410) {
    throw new StillroomError('ARTIFACT_GONE', `cannot fetch ${redactUrl(located.url)}: ${reason}`, {
      hint: 'correct the address in the recipe, or name another place that has the file',
    })
  }
  if (status === 408 || status === 416 || status === 425 || status === 429 || status >= 500)
    return { reason, wait: parseRetryAfter(reply.header('retry-after'), Date.now()) }
  throw failed(located, reason)
}

function failed({ url }: ArtifactUrl, reason: string, hint?: string): StillroomError {
  const options = hint === undefined ? {} : { hint }
  return new StillroomError('FETCH_FAILED', `cannot fetch ${redactUrl(url)}: ${redactUrl(reason)}`, options)
}

import { createHash } from 'node:crypto'
import { httpRequest, type Reply, Unreachable } from '../net/http-request.ts'
import { parseRetryAfter } from '../net/parse-retry-after.ts'
import { redactUrl } from '../net/redact-url.ts'
import type { Artifact, ArtifactUrl } from './artifact.ts'
import type { PartialFile } from './partial-file.ts'
import {
  describeMismatch,
  type Evidence,
  likelyGone,
  looksLikeHtml,
  type SourceFailure,
} from './source-failure.ts'

/** `again`: at once, from the first byte; `later`: after a pause, from where it stopped. */
export type TransferResult = { done: true } | { done: false; failure: SourceFailure; retry: Retry }
export type Retry = 'no' | 'again' | 'later' | { afterMilliseconds: number }

export interface TransferOptions {
  signal: AbortSignal
  stall: number
  onBytes: () => void
}

const EVIDENCE_LIMIT = 1 << 20
const HEAD = 256

/** Tries once to bring a partial file to its end from one place. Bytes beyond the artifact's size are never taken. */
export async function transfer(
  artifact: Artifact,
  located: ArtifactUrl,
  partial: PartialFile,
  { signal, stall, onBytes }: TransferOptions,
): Promise<TransferResult> {
  const source = `${located.label} ${redactUrl(located.url)}`
  const failed = (reason: string, retry: Retry, kind: 'failed' | 'gone' = 'failed'): TransferResult => ({
    done: false,
    retry,
    failure: { kind, source, reason, ...(kind === 'gone' ? { likely: likelyGone(artifact.origin) } : {}) },
  })
  const mismatch = async (got: Evidence, retry: Retry = 'no'): Promise<TransferResult> => {
    await partial.restart()
    onBytes()
    return { done: false, retry, failure: describeMismatch(artifact, source, got) }
  }
  const resumedFrom = partial.received

  const receive = async (reply: Reply): Promise<TransferResult> => {
    const refusal = judgeStatus(reply, resumedFrom)
    if (refusal?.restart) await partial.restart()
    if (refusal) return failed(refusal.reason, refusal.retry, refusal.kind)

    const contentType = reply.header('content-type')
    if (looksLikeHtml(contentType, new Uint8Array()) && !/\.html?$/.test(artifact.file)) {
      const got = await hashUpTo(reply.body, EVIDENCE_LIMIT)
      // What came before is not to blame: leave it for the next place.
      return {
        done: false,
        retry: 'no',
        failure: describeMismatch(artifact, source, { ...got, isHtml: true }),
      }
    }
    const total = announcedTotal(reply)
    if (total !== undefined && total > artifact.size) return mismatch({ size: total })
    if (reply.status === 200 && partial.received > 0) await partial.restart()
    const etag = reply.header('etag')
    if (etag?.startsWith('"')) partial.validator = { url: located.url, etag }

    let head: Uint8Array = new Uint8Array()
    for await (const chunk of reply.body) {
      if (partial.received === 0) head = chunk.slice(0, HEAD)
      if (partial.received + chunk.length > artifact.size) {
        return mismatch({ size: artifact.size, more: true, isHtml: looksLikeHtml(undefined, head) })
      }
      partial.append(chunk)
      onBytes()
    }
    const got = { sha256: partial.digest(), size: partial.received, isHtml: looksLikeHtml(undefined, head) }
    if (got.sha256 === artifact.sha256 && got.size === artifact.size) return { done: true }
    // The wrong bytes may be those that were there before.
    if (got.size === artifact.size)
      return mismatch(got, resumedFrom > 0 && reply.status === 206 ? 'again' : 'no')
    if (total === got.size || got.isHtml) return mismatch(got)
    return { done: false, retry: 'later', failure: describeMismatch(artifact, source, got) }
  }

  try {
    const headers = rangeHeaders(partial, located)
    return await httpRequest(located, { headers, signal, stall }, receive)
  } catch (error) {
    if (error instanceof Unreachable) return failed(error.message, error.permanent ? 'no' : 'later')
    throw error
  }
}

function rangeHeaders(partial: PartialFile, located: ArtifactUrl): Record<string, string> {
  if (partial.received === 0) return {}
  const range = { range: `bytes=${partial.received}-` }
  return partial.validator?.url === located.url ? { ...range, 'if-range': partial.validator.etag } : range
}

interface Refusal {
  reason: string
  retry: Retry
  kind?: 'gone'
  restart?: true
}

function judgeStatus(reply: Reply, offset: number): Refusal | undefined {
  const { status } = reply
  const reason = `HTTP ${status}`
  if (status === 200) return undefined
  if (status === 206 && offset > 0 && rangeOf(reply)?.start === offset) return undefined
  if (status === 206 || (status === 416 && offset > 0)) {
    return { reason: `${reason} for the range asked for`, retry: offset > 0 ? 'again' : 'no', restart: true }
  }
  if (status === 404 || status === 410) return { reason, retry: 'no', kind: 'gone' }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const wait = parseRetryAfter(reply.header('retry-after'), Date.now())
    return { reason, retry: wait === undefined ? 'later' : { afterMilliseconds: wait } }
  }
  return { reason, retry: 'no' }
}

/** Content-Range (RFC 9110, 14.4). */
function rangeOf(reply: Reply): { start: number; total: number | undefined } | undefined {
  const match = reply.header('content-range')?.match(/^bytes (\d+)-\d+\/(\d+|\*)$/i)
  if (!match) return undefined
  return { start: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) }
}

function announcedTotal(reply: Reply): number | undefined {
  if (reply.status === 206) return rangeOf(reply)?.total
  const length = reply.header('content-length')
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined
}

async function hashUpTo(body: AsyncIterable<Uint8Array>, limit: number): Promise<Evidence> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of body) {
    if (size + chunk.length > limit) return { size, more: true }
    hash.update(chunk)
    size += chunk.length
  }
  return { sha256: hash.digest('hex'), size }
}

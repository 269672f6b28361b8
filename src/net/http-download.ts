import { createHash } from 'node:crypto'
import { type HttpTarget, httpRequest, type Reply, Unreachable } from './http-request.ts'
import { type Retry, retryOf } from './retry.ts'

/** The first bytes of a file, where they are kept. */
export interface Part {
  readonly received: number
  /** The server's name for the version these bytes are of, and where it said so. */
  validator: { url: string; etag: string } | undefined
  append(chunk: Uint8Array): void
  /** Forgets all bytes. */
  restart(): Promise<void>
}

export interface DownloadOptions {
  signal: AbortSignal
  stall: number
  /** Bytes that the file may have: none beyond are taken. */
  limit?: number
  /**
   * Goes on with bytes though the server names no version of the file: a digest tells afterwards whether all are of
   * one. Else they are fetched again.
   */
  anyVersion: boolean
  /** A web page may be what is asked for. */
  mayBePage: boolean
  /** Called after each chunk. */
  onBytes?: () => void
}

export type Received =
  /** The response came to its end. `total` is the size that the server states, if any. */
  | { kind: 'complete'; total: number | undefined; resumed: boolean; isHtml: boolean }
  /** There was more than the limit: stated as `total`, or sent. */
  | { kind: 'beyond'; total: number | undefined; isHtml: boolean }
  /** A web page came, of which nothing was taken. */
  | { kind: 'page'; page: { size: number; sha256?: string; more?: true } }
  | { kind: 'refused'; status: number | undefined; reason: string; retry: Retry }

const PAGE_LIMIT = 1 << 20
const HEAD = 256

/** Asks once for what a part lacks (RFC 9110, 14: ranges), and appends what comes; what came stays when it breaks off. */
export async function downloadPart(
  target: HttpTarget,
  part: Part,
  { signal, stall, anyVersion, ...options }: DownloadOptions,
): Promise<Received> {
  const etag = part.validator?.url === target.url ? part.validator.etag : undefined
  const headers: Record<string, string> = {}
  if (part.received > 0 && (anyVersion || etag !== undefined)) headers['range'] = `bytes=${part.received}-`
  if (headers['range'] !== undefined && etag !== undefined) headers['if-range'] = etag
  try {
    return await httpRequest(target, { headers, signal, stall }, (reply) =>
      receive(target, part, reply, options),
    )
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    const retry = error.permanent ? 'no' : 'later'
    return { kind: 'refused', status: undefined, reason: error.message, retry }
  }
}

async function receive(
  { url }: HttpTarget,
  part: Part,
  reply: Reply,
  {
    limit = Number.POSITIVE_INFINITY,
    mayBePage,
    onBytes,
  }: Omit<DownloadOptions, 'signal' | 'stall' | 'anyVersion'>,
): Promise<Received> {
  const offset = part.received
  const resumed = reply.status === 206
  if (resumed ? offset === 0 || rangeOf(reply)?.start !== offset : reply.status === 416 && offset > 0) {
    await part.restart()
    const retry = offset > 0 ? 'again' : 'no'
    return { ...refusal(reply), reason: `HTTP ${reply.status} for the range asked for`, retry }
  }
  if (!resumed && reply.status !== 200) return refusal(reply)
  if (!mayBePage && looksLikeHtml(reply.header('content-type'))) {
    return { kind: 'page', page: await hashUpTo(reply.body, PAGE_LIMIT) }
  }
  const total = statedTotal(reply)
  if (total !== undefined && total > limit) return { kind: 'beyond', total, isHtml: false }
  if (!resumed && offset > 0) await part.restart()
  const etag = reply.header('etag')
  // a weak one does not promise the same bytes
  if (etag?.startsWith('"')) part.validator = { url, etag }

  let head: Uint8Array = new Uint8Array()
  const isHtml = () => looksLikeHtml(undefined, head)
  for await (const chunk of reply.body) {
    if (part.received === 0) head = chunk.slice(0, HEAD)
    if (part.received + chunk.length > limit) return { kind: 'beyond', total: undefined, isHtml: isHtml() }
    part.append(chunk)
    onBytes?.()
  }
  return { kind: 'complete', total, resumed, isHtml: isHtml() }
}

function refusal(reply: Reply): Received & { kind: 'refused' } {
  const { status } = reply
  return { kind: 'refused', status, reason: `HTTP ${status}`, retry: retryOf(reply) }
}

/** Content-Range (RFC 9110, 14.4). */
function rangeOf(reply: Reply): { start: number; total: number | undefined } | undefined {
  const match = reply.header('content-range')?.match(/^bytes (\d+)-\d+\/(\d+|\*)$/i)
  if (!match) return undefined
  return { start: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) }
}

function statedTotal(reply: Reply): number | undefined {
  if (reply.status === 206) return rangeOf(reply)?.total
  const length = reply.header('content-length')
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined
}

/** Whether a reply is a web page: by what it calls itself, or by how it begins. */
function looksLikeHtml(contentType: string | undefined, head: Uint8Array = new Uint8Array()): boolean {
  if (/^\s*(text\/html|application\/xhtml\+xml)\b/i.test(contentType ?? '')) return true
  return /^\s*<(!doctype\s+html|html|head|body)\b/i.test(Buffer.from(head).toString('latin1'))
}

async function hashUpTo(body: AsyncIterable<Uint8Array>, limit: number) {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of body) {
    if (size + chunk.length > limit) return { size, more: true as const }
    hash.update(chunk)
    size += chunk.length
  }
  return { sha256: hash.digest('hex'), size }
}

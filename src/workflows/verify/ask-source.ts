import { createHash } from 'node:crypto'
import { httpRequest, type Reply, Unreachable } from '../../net/http-request.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { DEFAULT_TIMING } from '../../net/retry.ts'
import type { Artifact, ArtifactUrl } from '../../store/artifact.ts'
import type { Comparison, SourceAnswer } from '../../verify/forecast.ts'

/** The largest file behind an address that is downloaded to compare it, in bytes. */
const HASH_LIMIT = 256 << 20

/**
 * Asks a source for an artifact without keeping it. A digest that the source itself states is believed as far as this
 * goes; else the size is compared, or with `bytes` the file is downloaded and hashed. A file by address, which anybody may
 * replace by one of the same size, is always hashed when it has no more than 256 MiB.
 */
export async function askSource(
  artifact: Artifact,
  from: ArtifactUrl,
  { bytes, signal }: { bytes: boolean; signal: AbortSignal },
): Promise<SourceAnswer> {
  const { label } = from
  if (from.sha256 !== undefined && from.sha256 !== artifact.sha256)
    return { label, answer: 'other', detail: `expected sha256 ${artifact.sha256}, it says ${from.sha256}` }
  const isByAddress = artifact.origin.kind === 'url'
  const whole = bytes || (isByAddress && artifact.size <= HASH_LIMIT)
  const headers: Record<string, string> = whole ? {} : { range: 'bytes=0-0' }
  if (isByAddress && !bytes)
    Object.assign(headers, { 'want-repr-digest': 'sha-256=10', 'want-digest': 'sha-256' })
  try {
    return await httpRequest(from, { headers, signal, stall: DEFAULT_TIMING.stall }, async (reply) => {
      const { compared, ...answer } = await read(artifact, label, reply, whole, isByAddress && !bytes)
      if (!isByAddress) return answer
      const movedTo = reply.movedTo === undefined ? {} : { movedTo: redactUrl(reply.movedTo) }
      return { ...answer, ...movedTo, ...(compared === undefined ? {} : { compared }) }
    })
  } catch (error) {
    if (error instanceof Unreachable) return { label, answer: 'silent', detail: error.message }
    throw error
  }
}

async function read(
  artifact: Artifact,
  label: string,
  reply: Reply,
  whole: boolean,
  believesDigest: boolean,
): Promise<SourceAnswer> {
  const { status } = reply
  if (status === 404 || status === 410) return { label, answer: 'lacks', detail: `HTTP status ${status}` }
  if (status !== 200 && status !== 206) return { label, answer: 'silent', detail: `HTTP status ${status}` }
  const other = (detail: string, compared: Comparison): SourceAnswer => ({
    ...{ label, answer: 'other', detail, compared },
  })
  const expected = `expected sha256 ${artifact.sha256}`
  const stated = believesDigest ? statedSha256(reply) : undefined
  if (stated === artifact.sha256)
    return { label, answer: 'has', detail: 'it states the same sha256', compared: 'stated' }
  if (stated !== undefined) return other(`${expected}, it states ${stated}`, 'stated')
  const total = /\/(\d+)$/.exec(reply.header('content-range') ?? '')?.[1] ?? lengthOf(reply)
  if (total !== undefined && Number(total) !== artifact.size)
    return other(`expected ${artifact.size} bytes, it has ${total}`, 'size')
  if (!whole) return { label, answer: 'has', detail: 'the same size', compared: 'size' }
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of reply.body) {
    size += chunk.length
    if (size > artifact.size) return other(`expected ${artifact.size} bytes, it has more`, 'size')
    hash.update(chunk)
  }
  const got = hash.digest('hex')
  if (got !== artifact.sha256) return other(`${expected}, got ${got} (${size} bytes)`, 'hashed')
  return { label, answer: 'has', detail: 'the same sha256', compared: 'hashed' }
}

/**
 * The sha256 of the whole file in lower-case hex, where the server states it: `Repr-Digest` (RFC 9530), or `Digest` as it
 * was before (RFC 3230). What a server stated before is in no lock, so that `ETag` and `Last-Modified` tell nothing.
 */
function statedSha256(reply: Reply): string | undefined {
  const [, modern] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/i.exec(reply.header('repr-digest') ?? '') ?? []
  const [, old] = /(?:^|,)\s*sha-256=([A-Za-z0-9+/]{43}=)/i.exec(reply.header('digest') ?? '') ?? []
  const base64 = modern ?? old
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('hex')
}

function lengthOf(reply: Reply): string | undefined {
  return reply.status === 200 ? reply.header('content-length') : undefined
}

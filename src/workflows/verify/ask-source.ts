import { createHash } from 'node:crypto'
import { httpRequest, type Reply, Unreachable } from '../../net/http-request.ts'
import { DEFAULT_TIMING } from '../../net/retry.ts'
import type { Artifact, ArtifactUrl } from '../../store/artifact.ts'
import type { SourceAnswer } from '../../verify/forecast.ts'

/**
 * Asks a source for an artifact without keeping it. A digest that the source itself states is believed as far as this
 * goes; else the size is compared, or with `bytes` the file is downloaded and hashed.
 */
export async function askSource(
  artifact: Artifact,
  from: ArtifactUrl,
  { bytes, signal }: { bytes: boolean; signal: AbortSignal },
): Promise<SourceAnswer> {
  const { label } = from
  if (from.sha256 !== undefined && from.sha256 !== artifact.sha256)
    return { label, answer: 'other', detail: `expected sha256 ${artifact.sha256}, it says ${from.sha256}` }
  const headers = bytes ? {} : { range: 'bytes=0-0' }
  try {
    return await httpRequest(from, { headers, signal, stall: DEFAULT_TIMING.stall }, (reply) =>
      read(artifact, label, reply, bytes),
    )
  } catch (error) {
    if (error instanceof Unreachable) return { label, answer: 'silent', detail: error.message }
    throw error
  }
}

async function read(artifact: Artifact, label: string, reply: Reply, bytes: boolean): Promise<SourceAnswer> {
  const { status } = reply
  if (status === 404 || status === 410) return { label, answer: 'lacks', detail: `HTTP status ${status}` }
  if (status !== 200 && status !== 206) return { label, answer: 'silent', detail: `HTTP status ${status}` }
  if (bytes) {
    const hash = createHash('sha256')
    for await (const chunk of reply.body) hash.update(chunk)
    const got = hash.digest('hex')
    if (got === artifact.sha256) return { label, answer: 'has', detail: 'the same sha256' }
    return { label, answer: 'other', detail: `expected sha256 ${artifact.sha256}, got ${got}` }
  }
  const total = /\/(\d+)$/.exec(reply.header('content-range') ?? '')?.[1] ?? lengthOf(reply)
  if (total !== undefined && Number(total) !== artifact.size)
    return { label, answer: 'other', detail: `expected ${artifact.size} bytes, it has ${total}` }
  return { label, answer: 'has', detail: 'the same size' }
}

function lengthOf(reply: Reply): string | undefined {
  return reply.status === 200 ? reply.header('content-length') : undefined
}

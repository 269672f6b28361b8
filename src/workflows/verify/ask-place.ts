import { createHash } from 'node:crypto'
import { httpRequest, type Reply, Unreachable } from '../../net/http-request.ts'
import { DEFAULT_TIMING } from '../../net/retry.ts'
import type { Artifact, ArtifactUrl } from '../../store/artifact.ts'
import type { PlaceAnswer } from '../../verify/forecast.ts'

/**
 * Asks a place for an artifact without keeping it. A digest that the place itself states is believed as far as this
 * goes; else the size is compared, or with `bytes` the file is downloaded and hashed.
 */
export async function askPlace(
  artifact: Artifact,
  place: ArtifactUrl,
  { bytes, signal }: { bytes: boolean; signal: AbortSignal },
): Promise<PlaceAnswer> {
  const { label } = place
  if (place.sha256 !== undefined && place.sha256 !== artifact.sha256)
    return { label, answer: 'other', detail: `expected sha256 ${artifact.sha256}, it says ${place.sha256}` }
  const headers = bytes ? {} : { range: 'bytes=0-0' }
  try {
    return await httpRequest(place, { headers, signal, stall: DEFAULT_TIMING.stall }, (reply) =>
      read(artifact, label, reply, bytes),
    )
  } catch (error) {
    if (error instanceof Unreachable) return { label, answer: 'silent', detail: error.message }
    throw error
  }
}

async function read(artifact: Artifact, label: string, reply: Reply, bytes: boolean): Promise<PlaceAnswer> {
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

import { setTimeout as delay } from 'node:timers/promises'
import type { HttpOrigins, Timing } from '../net/http-origins.ts'
import { redactUrl } from '../net/redact-url.ts'
import type { Artifact, ArtifactUrl } from './artifact.ts'
import type { PartialFile } from './partial-file.ts'
import { describeMismatch, type SourceFailure } from './source-failure.ts'
import { type Retry, transfer } from './transfer.ts'

/** So many new bytes show that a connection is worth going on with: retries are counted from there anew. */
const PROGRESS = 1 << 20
const RESTARTS = 3

export interface DownloadOptions {
  signal: AbortSignal
  timing: Timing
  origins: HttpOrigins
  onBytes: () => void
}

/** Completes a partial file from one place, with retries; undefined when done, else why not. */
export async function download(
  artifact: Artifact,
  located: ArtifactUrl,
  partial: PartialFile,
  { signal, timing, origins, onBytes }: DownloadOptions,
): Promise<SourceFailure | undefined> {
  if (located.sha256 !== undefined && located.sha256 !== artifact.sha256) {
    const source = `${located.label} ${redactUrl(located.url)}`
    return describeMismatch(artifact, source, { sha256: located.sha256, size: 0, stated: true })
  }
  let tries = 0
  let restarts = 0
  let furthest = partial.received
  let wrongBytes: SourceFailure | undefined
  for (;;) {
    await origins.ready(located.url, signal)
    const result = await transfer(artifact, located, partial, { signal, stall: timing.stall, onBytes })
    if (result.done) {
      origins.mark(located.url, true)
      return undefined
    }
    const { failure, retry } = result
    if (failure.kind === 'mismatch') wrongBytes = failure
    if (retry === 'no') return failure
    if (retry === 'again' && restarts < RESTARTS) {
      restarts += 1
      continue
    }
    if (partial.received >= furthest + PROGRESS) {
      furthest = partial.received
      tries = 0
    }
    if (tries >= origins.retries(located.url)) {
      origins.mark(located.url, false)
      return wrongBytes ?? failure
    }
    tries += 1
    await pause(retry, tries)
  }

  async function pause(retry: Retry, attempt: number): Promise<void> {
    if (typeof retry === 'object') {
      origins.pause(located.url, Math.min(retry.afterMilliseconds, timing.retryAfterCap))
      return
    }
    const jitter = 0.5 + Math.random()
    await delay(timing.backoff * 2 ** (attempt - 1) * jitter, undefined, { signal })
  }
}

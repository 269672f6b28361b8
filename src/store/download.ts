import { StillroomError } from '../error.ts'
import { downloadPart, type Received } from '../net/http-download.ts'
import { fetchFailed } from '../net/http-get.ts'
import { redactUrl } from '../net/redact-url.ts'
import { type Attempt, DEFAULT_TIMING, type HttpOrigins, type Timing, withRetries } from '../net/retry.ts'
import type { Artifact, ArtifactUrl } from './artifact.ts'
import type { Hashed } from './disk.ts'
import { describeMismatch, type Evidence, likelyGone, type SourceFailure } from './fetch-failure.ts'
import { createPartialFile, type PartialFile } from './partial-file.ts'
import type { Store } from './store.ts'

export interface DownloadOptions {
  signal: AbortSignal
  timing: Timing
  origins: HttpOrigins
  onBytes: () => void
}

/** Completes a partial file from one source, with retries; undefined when done, else why not. */
export async function download(
  artifact: Artifact,
  from: ArtifactUrl,
  partial: PartialFile,
  { onBytes, ...options }: DownloadOptions,
): Promise<SourceFailure | undefined> {
  const source = `${from.label} ${redactUrl(from.url)}`
  if (from.sha256 !== undefined && from.sha256 !== artifact.sha256)
    return describeMismatch(artifact, source, { sha256: from.sha256, size: 0, stated: true })
  let wrongBytes: SourceFailure | undefined
  const attempt = async (): Promise<Attempt<true, SourceFailure>> => {
    const offset = partial.received
    const more = await from.authorize?.().catch((error: unknown) => {
      if (error instanceof StillroomError) return error
      throw error
    })
    if (more instanceof StillroomError)
      return { failure: { kind: 'failed', source, reason: more.message }, retry: 'no' }
    const target = more === undefined ? from : { ...from, headers: { ...from.headers, ...more } }
    const received = await downloadPart(target, partial, {
      signal: options.signal,
      stall: options.timing.stall,
      limit: artifact.size,
      anyVersion: true,
      mayBePage: /\.html?$/.test(artifact.file),
      onBytes,
    })
    const result = judge(artifact, source, partial, received, offset)
    if ('done' in result) return result
    if (result.restart) {
      await partial.restart()
      onBytes()
    }
    // what was wrong says more than what came of trying again
    if (result.failure.kind === 'mismatch') wrongBytes = result.failure
    const failure = result.retry === 'no' ? result.failure : (wrongBytes ?? result.failure)
    return { failure, retry: result.retry }
  }
  const work = () => withRetries(from.url, attempt, { ...options, received: () => partial.received })
  const { atOnce = Number.POSITIVE_INFINITY } = from
  const result = await options.origins.share(from.url, atOnce, work)
  return 'done' in result ? undefined : result.failure
}

function judge(
  artifact: Artifact,
  source: string,
  partial: PartialFile,
  received: Received,
  offset: number,
): Attempt<true, SourceFailure> & { restart?: boolean } {
  const wrong = (got: Evidence, restart = true) => ({
    failure: describeMismatch(artifact, source, got),
    retry: 'no' as const,
    restart,
  })
  switch (received.kind) {
    case 'refused': {
      const { status, reason, retry } = received
      const isGone = status === 404 || status === 410
      const likely = isGone ? { likely: likelyGone(artifact.origin) } : {}
      return { failure: { kind: isGone ? 'gone' : 'failed', source, reason, ...likely }, retry }
    }
    case 'page':
      // What came before is not to blame: it is left for the next source.
      return wrong({ ...received.page, isHtml: true }, false)
    case 'beyond': {
      const { total, isHtml } = received
      return wrong(total === undefined ? { size: artifact.size, more: true, isHtml } : { size: total })
    }
    case 'complete': {
      const { total, resumed, isHtml } = received
      const got = { sha256: partial.digest(), size: partial.received, isHtml }
      if (got.sha256 === artifact.sha256 && got.size === artifact.size) return { done: true }
      // The wrong bytes may be those that were there before.
      if (got.size === artifact.size && resumed && offset > 0) return { ...wrong(got), retry: 'again' }
      if (got.size === artifact.size || total === got.size || isHtml) return wrong(got)
      return { ...wrong(got, false), retry: 'later' }
    }
  }
}

/**
 * Brings a file into the store whose digest is not known yet. What breaks off is gone on with where it stopped, as
 * long as the server says that the file is still the same.
 *
 * @throws {StillroomError} ARTIFACT_GONE when the server has no such file; FETCH_FAILED; DISK_FULL, NOT_WRITABLE
 */
export async function downloadUnpinned(
  from: ArtifactUrl,
  { store, signal, timing = {} }: { store: Store; signal: AbortSignal; timing?: Partial<Timing> },
): Promise<Hashed> {
  const { stall } = { ...DEFAULT_TIMING, ...timing }
  await using partial = await createPartialFile(store)
  const mayBePage = /\.x?html?$/i.test(new URL(from.url).pathname)
  const attempt = async (): Promise<Attempt<true, StillroomError>> => {
    const received = await downloadPart(from, partial, { signal, stall, anyVersion: false, mayBePage })
    if (received.kind === 'complete') return { done: true }
    if (received.kind !== 'refused') {
      const hint = 'it may want a login, or the file has moved'
      return { failure: fetchFailed(from.url, 'got a web page, expected a file', { hint }), retry: 'no' }
    }
    const { status, reason, retry } = received
    const isGone = status === 404 || status === 410
    return { failure: isGone ? gone(from.url, reason) : fetchFailed(from.url, reason), retry }
  }
  const result = await withRetries(from.url, attempt, { signal, timing, received: () => partial.received })
  if ('done' in result) return await partial.keep()
  throw result.failure
}

function gone(url: string, reason: string): StillroomError {
  return new StillroomError('ARTIFACT_GONE', `cannot fetch ${redactUrl(url)}: ${reason}`, {
    hint: 'correct the address in the recipe, or name another source that has the file',
  })
}

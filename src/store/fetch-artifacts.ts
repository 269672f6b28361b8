import { existsSync } from 'node:fs'
import pMap from 'p-map'
import { StillroomError } from '../error.ts'
import { createHttpOrigins, DEFAULT_TIMING, type Timing } from '../net/retry.ts'
import type { Artifact, ArtifactUrl } from './artifact.ts'
import { diskError } from './disk.ts'
import { type DownloadOptions, download } from './download.ts'
import { type ArtifactFailure, fetchFailure, type SourceFailure } from './fetch-failure.ts'
import { openPartialFile } from './partial-file.ts'
import type { Store } from './store.ts'

export interface FetchOptions {
  store: Store
  /** Where an artifact may be had, best source first. Asked only for what the store lacks. */
  locate: (artifact: Artifact) => Promise<ArtifactUrl[]>
  /** How many at once. 8 by default. */
  concurrency?: number
  signal?: AbortSignal
  /** Called often: at every chunk received. */
  onProgress?: (progress: FetchProgress) => void
  timing?: Partial<Timing>
}

/** Where a fetch stands. Bytes may go down: wrong ones don't count any more. */
export interface FetchProgress {
  bytesDone: number
  bytesTotal: number
  filesDone: number
  filesTotal: number
}

export interface FetchReport {
  /** Artifacts that were in the store, and right. */
  reused: number
  /** Artifacts that were downloaded. */
  fetched: number
  /** Names of artifacts whose entry in the store was damaged and got replaced. */
  damaged: string[]
  /** Sources that failed for an artifact which a later one then gave. */
  overcome: ArtifactFailure[]
}

type Outcome = { from: 'store' | 'network'; damaged: boolean; sources: SourceFailure[] } | ArtifactFailure

/**
 * Brings artifacts into the store, each verified by size and sha256: those already there are hashed again,
 * the others are downloaded. One that appears twice is fetched once. All are tried before any failure is reported.
 *
 * @throws StillroomError ARTIFACT_MISMATCH when a source gave wrong bytes for one that could not be got;
 *   ARTIFACT_GONE when no source has those missing; FETCH_FAILED otherwise; DISK_FULL, NOT_WRITABLE and
 *   INTERRUPTED at once. What was received in part stays for the next run.
 */
export async function fetchArtifacts(
  artifacts: readonly Artifact[],
  options: FetchOptions,
): Promise<FetchReport> {
  const { store, concurrency = 8, signal } = options
  const unique = [...new Map(artifacts.map((artifact) => [artifact.sha256, artifact])).values()]
  const timing = { ...DEFAULT_TIMING, ...options.timing }
  const origins = createHttpOrigins()
  const progress = createProgress(unique, options.onProgress)
  const stop = new AbortController()
  const stopped = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])

  const outcomes = await pMap(
    unique,
    async (artifact): Promise<Outcome | undefined> => {
      if (stopped.aborted) return undefined
      try {
        const onBytes = (bytes: number) => progress.at(artifact, bytes)
        const outcome = await obtain(artifact, options, { signal: stopped, timing, origins }, onBytes)
        if (!('artifact' in outcome)) progress.done(artifact)
        return outcome
      } catch (error) {
        // Not this artifact's fault: no other would fare better.
        stop.abort(error)
        return undefined
      }
    },
    { concurrency },
  )

  if (signal?.aborted) throw interrupted(signal.reason)
  if (stop.signal.aborted) throw diskError(stop.signal.reason, store.directory)
  const ended = outcomes.filter((outcome) => outcome !== undefined)
  const failures = ended.filter((outcome) => 'artifact' in outcome)
  if (failures.length > 0) throw fetchFailure(failures, unique.length)
  return summarize(unique, ended)
}

async function obtain(
  artifact: Artifact,
  { store, locate }: FetchOptions,
  how: Omit<DownloadOptions, 'onBytes'>,
  onBytes: (bytes: number) => void,
): Promise<Outcome> {
  const present = existsSync(store.path(artifact.sha256))
  if (present && (await store.verify(artifact))) return { from: 'store', damaged: false, sources: [] }

  const urls = await locate(artifact).catch((error) => locateFailure(error, how.signal))
  if ('kind' in urls) return { artifact, sources: [urls] }
  if (urls.length === 0) return { artifact, sources: [] }

  await using partial = await openPartialFile(store, artifact, {
    patience: how.timing.patience,
    signal: how.signal,
  })
  if (partial === undefined) return { from: 'store', damaged: present, sources: [] }
  const sources: SourceFailure[] = []
  if (partial.received > artifact.size) await partial.restart()
  for (const url of urls) {
    const failure = await download(artifact, url, partial, {
      ...how,
      onBytes: () => onBytes(partial.received),
    })
    if (failure === undefined) {
      await partial.keep()
      return { from: 'network', damaged: present, sources }
    }
    sources.push(failure)
  }
  return { artifact, sources }
}

/** What went wrong when asking where an artifact lies counts as a source that failed. */
function locateFailure(error: unknown, signal: AbortSignal): SourceFailure {
  if (signal.aborted || !(error instanceof StillroomError)) throw error
  return { kind: 'failed', source: 'looking it up', reason: error.message }
}

function summarize(artifacts: readonly Artifact[], outcomes: readonly Outcome[]): FetchReport {
  const report: FetchReport = { reused: 0, fetched: 0, damaged: [], overcome: [] }
  for (const [index, artifact] of artifacts.entries()) {
    const outcome = outcomes[index]
    if (outcome === undefined || 'artifact' in outcome) continue
    if (outcome.from === 'store') report.reused += 1
    else report.fetched += 1
    if (outcome.damaged) report.damaged.push(artifact.name)
    if (outcome.sources.length > 0) report.overcome.push({ artifact, sources: outcome.sources })
  }
  return report
}

function interrupted(reason: unknown): StillroomError {
  if (reason instanceof StillroomError) return reason
  return new StillroomError('INTERRUPTED', 'interrupted while fetching artifacts', {
    hint: 'run again: what was received is kept',
    cause: reason,
  })
}

/** Adds up the progress of many artifacts, and reports every change to `listen`. */
function createProgress(artifacts: readonly Artifact[], listen?: (progress: FetchProgress) => void) {
  const progress: FetchProgress = {
    bytesDone: 0,
    bytesTotal: artifacts.reduce((sum, { size }) => sum + size, 0),
    filesDone: 0,
    filesTotal: artifacts.length,
  }
  const received = new Map<string, number>()
  const set = ({ sha256 }: Artifact, bytes: number) => {
    progress.bytesDone += bytes - (received.get(sha256) ?? 0)
    received.set(sha256, bytes)
  }
  return {
    /** So many bytes of this artifact are there. */
    at: (artifact: Artifact, bytes: number) => {
      set(artifact, bytes)
      listen?.({ ...progress })
    },
    /** This artifact is there. */
    done: (artifact: Artifact) => {
      set(artifact, artifact.size)
      progress.filesDone += 1
      listen?.({ ...progress })
    },
  }
}

import { type ErrorCode, StillroomError } from '../error.ts'
import type { Artifact, Origin } from './artifact.ts'

/** An artifact that no source gave, with what each source answered. */
export interface ArtifactFailure {
  artifact: Artifact
  sources: SourceFailure[]
}

const SHOWN = 20

const HINTS: Partial<Record<ErrorCode, string>> = {
  ARTIFACT_MISMATCH:
    'nothing of it was kept; if the source is a proxy, check its set-up; if upstream replaced the file, lock the recipe again and review the difference',
  ARTIFACT_GONE: 'add a source that still has it, such as a snapshot service, or lock the recipe again',
  FETCH_FAILED: 'check the network, proxy and certificate set-up, then run again: what was received is kept',
}

/** The one error for all artifacts that could not be got. */
export function fetchFailure(failures: readonly ArtifactFailure[], total: number): StillroomError {
  const code = codeOf(failures)
  const shown = failures.slice(0, SHOWN).map(describe)
  const rest = failures.length > SHOWN ? [`  and ${failures.length - SHOWN} more`] : []
  const message = [`could not get ${failures.length} of ${total} artifacts:`, ...shown, ...rest].join('\n')
  return new StillroomError(code, message, {
    hint: HINTS[code],
    details: {
      artifacts: failures.map(({ artifact, sources }) => ({
        name: artifact.name,
        file: artifact.file,
        expected: artifact.sha256,
        size: artifact.size,
        sources,
      })),
    },
  })
}

function codeOf(failures: readonly ArtifactFailure[]): ErrorCode {
  const kinds = failures.flatMap(({ sources }) => sources.map(({ kind }) => kind))
  if (kinds.includes('mismatch')) return 'ARTIFACT_MISMATCH'
  return kinds.every((kind) => kind === 'gone') ? 'ARTIFACT_GONE' : 'FETCH_FAILED'
}

function describe({ artifact, sources }: ArtifactFailure): string {
  const { name, file, sha256, size } = artifact
  const head = `  ${name}: file "${file}", expected sha256 ${sha256}, ${size} bytes`
  const tried = sources.map(({ source, reason, likely }) => {
    const cause = likely === undefined ? '' : `; likely ${likely}`
    return `    ${source}: ${reason}${cause}`
  })
  const none = `    no configured source has it; likely ${likelyGone(artifact.origin)}`
  return [head, ...(tried.length === 0 ? [none] : tried)].join('\n')
}

/** Why one source did not give an artifact. */
export interface SourceFailure {
  kind: 'mismatch' | 'gone' | 'failed'
  /** Label and redacted URL. */
  source: string
  /** What was got: a status, a network error, other bytes. */
  reason: string
  got?: { sha256?: string; size?: number }
  /** What most likely happened, where that is known. */
  likely?: string
}

/** What came instead of the artifact. */
export interface Evidence {
  sha256?: string
  size: number
  /** There was more than `size`. */
  more?: boolean
  isHtml?: boolean
  /** The source itself states another sha256 for the file; nothing was fetched. */
  stated?: boolean
}

/** Describes bytes that are not the artifact's, with the likely cause. */
export function describeMismatch(artifact: Artifact, source: string, got: Evidence): SourceFailure {
  const size = got.more ? `more than ${got.size} bytes` : `${got.size} bytes`
  const reason = got.stated
    ? `the index states sha256 ${got.sha256}; not fetched`
    : `got sha256 ${got.sha256 ?? 'unknown'}, ${size}`
  const { sha256 } = got
  return {
    kind: 'mismatch',
    source,
    reason,
    got: { ...(got.stated ? {} : { size: got.size }), ...(sha256 === undefined ? {} : { sha256 }) },
    likely: likelyCause(artifact, got),
  }
}

function likelyCause(artifact: Artifact, got: Evidence): string {
  if (got.isHtml) return 'an error page of a proxy or login portal [HTML] came instead of the file'
  if (got.stated) return 'replaced upstream, or the lockfile was edited'
  if (got.more || got.size > artifact.size) return 'replaced upstream, or a file of the wrong architecture'
  if (got.size < artifact.size) return 'cut short, or replaced upstream'
  return 'tampered with or damaged on the way, or a file of the wrong architecture'
}

/** Why a source that answers does not have a file. */
export function likelyGone({ kind }: Origin): string {
  switch (kind) {
    case 'debian':
      return 'dropped for a newer version'
    case 'pypi':
      return 'withdrawn from the index'
    case 'registry':
      return 'deleted from the registry'
    case 'git':
    case 'url':
      return 'moved or removed upstream'
  }
}

import { type ErrorCode, StillroomError } from '../error.ts'
import type { Artifact } from './artifact.ts'
import { likelyGone, type SourceFailure } from './source-failure.ts'

/** An artifact that no place gave, with what each place answered. */
export interface ArtifactFailure {
  artifact: Artifact
  sources: SourceFailure[]
}

const SHOWN = 20

const HINTS: Partial<Record<ErrorCode, string>> = {
  ARTIFACT_MISMATCH:
    'nothing of it was kept; if the place is a proxy, check its set-up; if upstream replaced the file, lock the recipe anew and review the difference',
  ARTIFACT_GONE: 'add a source that still has it, such as a snapshot service, or lock the recipe anew',
  FETCH_FAILED: 'check the network, proxy and certificate set-up, then run again: what was received is kept',
}

/** The one error for all artifacts that could not be got. */
export function fetchFailure(failures: readonly ArtifactFailure[], total: number): StillroomError {
  const code = codeOf(failures)
  const shown = failures.slice(0, SHOWN).map(describe)
  const rest = failures.length > SHOWN ? [`  and ${failures.length - SHOWN} more`] : []
  const message = [`could not get ${failures.length} of ${total} artifacts:`, ...shown, ...rest].join('\n')
  const hint = HINTS[code]
  return new StillroomError(code, message, {
    ...(hint === undefined ? {} : { hint }),
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

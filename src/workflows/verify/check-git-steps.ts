import { StillroomError } from '../../error.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { ArtifactState, SourceAnswer } from '../../verify/forecast.ts'
import { gitOptions } from '../lock/git-sources.ts'
import type { Artifacts, Cache, Cancellation, Environment, Fetching, Upstreams } from '../ports.ts'

const GONE = new Set(['GIT_COMMIT_GONE', 'GIT_REPOSITORY_GONE', 'GIT_LFS_GONE'])

/** Fetches each locked commit anew, and says whether it still gives the archive that was locked. */
export async function checkGitSteps(
  ports: Cache & Fetching,
  { steps }: LockedPlatform,
): Promise<ArtifactState[]> {
  const states: ArtifactState[] = []
  for (const step of steps) {
    if (step.kind !== 'git') continue
    ports.progress({ kind: 'status', text: `${step.url} ${step.commit.slice(0, 12)}` })
    const stored = await ports.store.has(step.sha256, step.size)
    states.push({ subject: `git/${step.url} ${step.commit}`, stored, answers: [await ask(ports, step)] })
  }
  return states
}

async function ask(
  ports: Environment & Cancellation & Cache & Artifacts & Upstreams,
  step: Extract<LockedPlatform['steps'][number], { kind: 'git' }>,
): Promise<SourceAnswer> {
  const { refetchGit } = await import('../../resolve/git/resolve-git.ts')
  try {
    await refetchGit(step, await gitOptions(ports))
    return { label: 'repository', answer: 'has', detail: 'the same archive' }
  } catch (error) {
    if (!(error instanceof StillroomError) || ports.signal.aborted) throw error
    const detail = error.message
    if (error.code === 'ARTIFACT_MISMATCH') return { label: 'repository', answer: 'other', detail }
    return { label: 'repository', answer: GONE.has(error.code) ? 'lacks' : 'silent', detail }
  }
}

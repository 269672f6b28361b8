import pMap from 'p-map'
import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { StillroomError } from '../../error.ts'
import { otherRecipes } from '../../lock/other-recipes.ts'
import { SUITE_ENDS } from '../../resolve/debian/suite-ends.ts'
import type { Locate } from '../../sources/locate.ts'
import type { Artifact } from '../../store/artifact.ts'
import { type ArtifactState, forecast, type SourceAnswer, type SourcesReport } from '../../verify/forecast.ts'
import { locateInputs } from '../build/fetch-inputs.ts'
import { loadInputs } from '../project/load-inputs.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import { askRepositories } from './ask-repositories.ts'
import { askSource } from './ask-source.ts'
import { newerVersions } from './newer-versions.ts'

/** How many are asked for at once: each is one small request. */
const AT_ONCE = 16

export interface VerifySourcesOptions {
  /** Download and hash what has no digest to ask for, instead of comparing sizes. */
  bytes: boolean
}

/**
 * Looks whether each artifact of a lock is still where it came from and still the same, what is newer, and what is
 * about to end. What nobody answers for is reported as `unknown`.
 *
 * @throws {StillroomError} RECIPE_*, LOCK_*, SOURCE_UNKNOWN, INTERRUPTED
 */
export async function verifySources(
  session: Session,
  name: string,
  options: VerifySourcesOptions,
): Promise<SourcesReport> {
  const { progress, store, signal } = session
  progress({ kind: 'stage', title: `sources of ${name}` })
  const loaded = await loadInputs(session, name)
  const { recipe } = loaded
  const locked = lockedPlatform(await requireLock(session.directory, name), recipe)
  const sources = await session.sources()
  const locate = locateInputs(session, sources, locked)
  const { files } = contextArtifacts(locked)
  // one content may lie at two addresses
  const identity = ({ sha256, origin }: Artifact) => JSON.stringify([sha256, origin])
  const unique = [...new Map(files.map(({ artifact }) => [identity(artifact), artifact])).values()]
  const fetched = unique.filter(({ origin }) => origin.kind !== 'git')
  let done = 0
  const states = await pMap(
    fetched,
    async (artifact): Promise<ArtifactState> => {
      const state = {
        subject: subjectOf(artifact),
        stored: await store.has(artifact.sha256, artifact.size),
        answers: await askSources(artifact, locate, { ...options, signal }),
      }
      done += 1
      progress({ kind: 'status', text: `${done}/${fetched.length}` })
      return state
    },
    { concurrency: AT_ONCE, signal },
  )
  const git = await askRepositories(session, { name, steps: recipe.steps }, locked)
  for (const other of otherRecipes(locked)) {
    const { states: more, risks } = await askRepositories(
      session,
      { name: other.name, steps: other.recipe.steps },
      other.locked,
    )
    git.states.push(...more)
    git.risks.push(...risks)
  }
  progress({ kind: 'stage', title: 'newer versions' })
  const { base } = recipe
  const versions = await newerVersions(session, loaded, locked)
  const suite = base.kind === 'debian' ? { name: base.suite, ...SUITE_ENDS[base.suite] } : undefined
  return forecast({
    recipe: name,
    at: new Date().toISOString(),
    artifacts: [...states, ...git.states],
    refs: git.risks,
    ...versions,
    suite,
  })
}

function subjectOf({ name, origin }: Artifact): string {
  return `${{ debian: 'deb', pypi: 'pypi', registry: 'layer', git: 'git', url: 'file' }[origin.kind]}/${name}`
}

/** Every source until one has it: a build would ask no further. */
async function askSources(
  artifact: Artifact,
  locate: Locate,
  options: { bytes: boolean; signal: AbortSignal },
): Promise<SourceAnswer[]> {
  let located: Awaited<ReturnType<Locate>>
  try {
    located = await locate(artifact)
  } catch (error) {
    if (!(error instanceof StillroomError)) throw error
    return [{ label: 'index', answer: 'silent', detail: error.message }]
  }
  const kind = artifact.origin.kind
  if (located.length === 0 && kind === 'pypi')
    return [{ label: 'index', answer: 'lacks', detail: 'it is not on its page' }]
  const answers: SourceAnswer[] = []
  for (const url of located) {
    const answer = await askSource(artifact, url, options)
    answers.push(answer)
    if (answer.answer === 'has') break
  }
  return answers
}

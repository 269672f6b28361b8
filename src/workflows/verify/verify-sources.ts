import pMap from 'p-map'
import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { StillroomError } from '../../error.ts'
import { compareDebian } from '../../formats/versions/compare-debian.ts'
import { basePackages } from '../../lock/base-packages.ts'
import type { DebianPackage, LockedPlatform } from '../../lock/schema.ts'
import { createGet } from '../../net/http-get.ts'
import { fetchIndexes } from '../../resolve/debian/fetch-indexes.ts'
import { loadKeyring } from '../../resolve/debian/keyring.ts'
import { readPackages } from '../../resolve/debian/read-packages.ts'
import { SUITE_ENDS } from '../../resolve/debian/suite-ends.ts'
import type { Sources } from '../../sources/find-sources.ts'
import { type Locate, locateWith } from '../../sources/locate.ts'
import type { Artifact } from '../../store/artifact.ts'
import {
  type ArtifactState,
  forecast,
  type NewerVersion,
  type SourceAnswer,
  type SourcesReport,
} from '../../verify/forecast.ts'
import { locateFrom } from '../build/fetch-inputs.ts'
import { locateBase } from '../build/locate-base.ts'
import type { Progress } from '../ports.ts'
import { loadInputs } from '../project/load-inputs.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'
import type { Session } from '../session.ts'
import { askSource } from './ask-source.ts'
import { checkGitSteps } from './check-git-steps.ts'
import { newerWheels } from './newer-wheels.ts'

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
  const { recipe } = await loadInputs(session, name)
  const locked = lockedPlatform(await requireLock(session.directory, name), recipe)
  const sources = await session.sources()
  const locate = locateWith(locateFrom(sources, locked, signal), locateBase(session, sources, locked))
  const { files } = contextArtifacts(locked)
  const unique = [...new Map(files.map(({ artifact }) => [artifact.sha256, artifact])).values()]
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
  const git = await checkGitSteps(session, locked)
  progress({ kind: 'stage', title: 'newer versions' })
  const newer = [
    ...(await newerPackages(locked, sources, progress)),
    ...(await newerWheels(locked, sources, signal)),
  ]
  const { base } = recipe
  const suite = base.kind === 'debian' ? { name: base.suite, ...SUITE_ENDS[base.suite] } : undefined
  return forecast({
    recipe: name,
    at: new Date().toISOString(),
    artifacts: [...states, ...git],
    newer,
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

/** What the suite's present indexes have of the packages that a lock names, where that is newer. */
async function newerPackages(
  locked: LockedPlatform,
  sources: Sources,
  progress: Progress,
): Promise<NewerVersion[]> {
  const { base, steps } = locked
  if (base.kind !== 'debian') return []
  const get = createGet(sources)
  const options = { get, sources: sources.debian, keys: await loadKeyring(), now: new Date() }
  const indexes = await fetchIndexes(base.suite, options).catch((error: unknown) => {
    if (!(error instanceof StillroomError)) throw error
    progress({ kind: 'note', text: `whether Debian packages are newer is not known: ${error.message}` })
    return []
  })
  const newest = readPackages(indexes.map(({ index, packages }) => ({ archive: index.archive, packages })))
  const all: DebianPackage[] = [
    ...basePackages(base),
    ...steps.flatMap((step) => (step.kind === 'apt' ? step.packages : [])),
  ]
  return all.flatMap(({ name, version }) => {
    const found = newest.get(name)
    if (!found || compareDebian(found.version, version) <= 0) return []
    const security = found.archive === 'debian-security'
    return [{ subject: `deb/${name}`, locked: version, newest: found.version, security }]
  })
}

import { StillroomError } from '../../error.ts'
import type { LockedGit, LockedPlatform } from '../../lock/schema.ts'
import type { GitStep, Recipe } from '../../recipe/schema.ts'
import { commitSwhid } from '../../resolve/git/commit-archive.ts'
import { isCommit } from '../../resolve/git/remote-repository.ts'
import { presentRefs, probeCommit, refetchGit } from '../../resolve/git/resolve-git.ts'
import {
  type ArtifactState,
  COMMIT_ARCHIVE,
  type SourceAnswer,
  type SourceRisk,
} from '../../verify/forecast.ts'
import { type RefState, refRisks } from '../../verify/ref-risks.ts'
import { gitOptions } from '../lock/git-sources.ts'
import type { Cache, Fetching } from '../ports.ts'

const GONE = new Set(['GIT_COMMIT_GONE', 'GIT_REPOSITORY_GONE', 'GIT_LFS_GONE'])

export interface RepositoryAnswers {
  states: ArtifactState[]
  /** Of refs that name something else than what was locked. */
  risks: SourceRisk[]
}

/**
 * Fetches each locked commit again, and says whether it still gives the archive that was locked; and what the recipe's
 * refs name now.
 */
export async function askRepositories(
  ports: Cache & Fetching,
  recipe: { name: string; steps: Recipe['steps'] },
  { steps }: LockedPlatform,
): Promise<RepositoryAnswers> {
  const states: ArtifactState[] = []
  const risks: SourceRisk[] = []
  for (const [index, locked] of steps.entries()) {
    if (locked.kind !== 'git') continue
    ports.progress({ kind: 'status', text: `${locked.url} ${locked.commit.slice(0, 12)}` })
    const { answer, locatedAt } = await askRepository(ports, locked)
    const subject = `git/${locked.url} ${locked.commit}`
    const stored = await ports.store.has(locked.sha256, locked.size)
    states.push({ subject, stored, answers: [answer] })
    const step = recipe.steps[index]
    if (step?.kind === 'git' && step.url === locked.url)
      risks.push(...(await askRef(ports, recipe.name, step, locked, locatedAt)))
    else
      ports.progress({
        kind: 'note',
        text: `steps[${index}] is another than locked: what its ref names now is not looked at (stillroom lock recipe ${recipe.name})`,
      })
  }
  return { states, risks }
}

/** What the sources of a step say of all of it, and who gives its own commit. */
interface RepositoryAnswer {
  answer: SourceAnswer
  locatedAt: RefState['locatedAt']
}

async function askRepository(ports: Cache & Fetching, step: LockedGit): Promise<RepositoryAnswer> {
  const archived = new Set<string>()
  const options = await gitOptions(ports, (swhid) => archived.add(swhid))
  const isArchived = ({ commit }: { commit: string }) => archived.has(commitSwhid(commit) ?? '')
  const found = () => (isArchived(step) ? 'archive' : 'repository')
  const refused = await refusal(ports, () => refetchGit(step, options))
  if (refused?.code === 'ARTIFACT_MISMATCH') {
    const answer: SourceAnswer = { label: 'repository', answer: 'other', detail: refused.message }
    return { answer, locatedAt: found() }
  }
  const parts = partsOf(step)
  if (refused === undefined) {
    const kept = parts.filter(isArchived)
    const label = kept.length > 0 ? COMMIT_ARCHIVE : 'repository'
    return {
      answer: { label, answer: 'has', detail: 'the same archive', about: listed(kept) },
      locatedAt: found(),
    }
  }
  // what is missing first ends the fetching: each repository is asked for its own commit
  const failures: { part: Part; error: StillroomError }[] = []
  for (const part of parts) {
    const error = await refusal(ports, () => probeCommit(part, options))
    if (error !== undefined) failures.push({ part, error })
  }
  const errors = failures.length > 0 ? failures.map(({ error }) => error) : [refused]
  const gone = failures.filter(({ error }) => GONE.has(error.code))
  const about = listed((gone.length > 0 ? gone : failures).map(({ part }) => part))
  const answer: SourceAnswer = {
    label: 'repository',
    answer: errors.some(({ code }) => GONE.has(code)) ? 'lacks' : 'silent',
    detail: errors.map(({ message }) => message).join('; '),
    about: failures.length > 0 ? about : 'all of its content',
  }
  const own = failures.find(({ part }) => part === parts[0])?.error
  if (own === undefined) return { answer, locatedAt: found() }
  return { answer, locatedAt: GONE.has(own.code) ? 'nowhere' : 'unknown' }
}

interface Part {
  name: string
  url: string
  commit: string
}

/** The repository of a step, and those within it. */
function partsOf({ url, commit, submodules }: LockedGit): Part[] {
  const within = submodules.map(({ path, ...part }) => {
    return {
      name: `its submodule "${path}" (${part.url} ${part.commit})`,
      url: part.url,
      commit: part.commit,
    }
  })
  return [{ name: 'it', url, commit }, ...within]
}

const listed = (parts: readonly Part[]) => parts.map(({ name }) => name).join(' and ')

async function askRef(
  ports: Cache & Fetching,
  recipe: string,
  { url, ref }: GitStep,
  { commit }: LockedGit,
  locatedAt: RefState['locatedAt'],
): Promise<SourceRisk[]> {
  if (isCommit(ref)) return []
  const options = await gitOptions(ports)
  let present: RefState['present'] = []
  const refused = await refusal(ports, async () => {
    present = await presentRefs({ url, ref }, options)
  })
  if (refused === undefined || refused.code === 'GIT_REF_UNKNOWN')
    return refRisks(recipe, { url, ref, locked: commit, locatedAt, present })
  // else the commit itself is reported
  if (locatedAt !== 'repository') return []
  return [
    {
      kind: 'unknown',
      subject: `git/${url} ${ref}`,
      message: `what it names now could not be asked: ${refused.message}`,
      advice: 'run `stillroom doctor`, then try again',
    },
  ]
}

/** Why something failed, or undefined when it did not. @throws what is no answer of a source */
async function refusal(
  { signal }: Pick<Fetching, 'signal'>,
  work: () => Promise<void>,
): Promise<StillroomError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (error instanceof StillroomError && !signal.aborted) return error
    throw error
  }
}

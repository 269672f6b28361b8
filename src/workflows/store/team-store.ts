import { existsSync } from 'node:fs'
import { StillroomError } from '../../error.ts'
import { openRegistries } from '../../sources/registry/open-registries.ts'
import type { Repository } from '../../sources/registry/registries.ts'
import { StoreName } from '../../sources/schema.ts'
import type { Artifact } from '../../store/artifact.ts'
import { fetchArtifacts } from '../../store/fetch-artifacts.ts'
import type { Fetching } from '../ports.ts'

/**
 * Fetches what is missing from the team's store, where the settings name one. What it lacks or gives wrong is left to other
 * sources; that it cannot be asked is said once.
 */
export async function fetchFromTeam(ports: Fetching, artifacts: readonly Artifact[]): Promise<void> {
  const { store, signal, progress } = ports
  const missing = artifacts.filter(({ sha256 }) => !existsSync(store.path(sha256)))
  if (missing.length === 0) return
  const sources = await ports.sources()
  if (sources.store === undefined) return
  try {
    const repositories = await openRegistries(ports, sources).repositories(sources.store)
    await fetchArtifacts(missing, { store, signal, locate: locateBlob(repositories) })
  } catch (error) {
    if (!(error instanceof StillroomError) || !PASSING.test(error.code)) throw error
    // that a store lacks an artifact is what it may
    if (error.code === 'ARTIFACT_GONE') return
    const reason = error.message.split('\n', 2).join(' ').slice(0, 300)
    progress({ kind: 'note', text: `not all from the store ${sources.store}: ${reason}` })
  }
}

const PASSING = /^(ARTIFACT_|FETCH_|REGISTRY_)/

/** Each artifact is a blob by its digest. */
export const locateBlob =
  (repositories: readonly Repository[]) =>
  ({ sha256 }: Pick<Artifact, 'sha256'>) =>
    Promise.all(
      repositories.map(async ({ root, name, authorize }) => ({
        ...root,
        url: `${root.url}/blobs/sha256:${sha256}`,
        headers: { ...root.headers, ...(await authorize(name)) },
        label: 'store',
      })),
    )

/**
 * A repository as a user gives it: `[docker://]REGISTRY/NAME`.
 *
 * @param doing what is to be done, for the message
 * @throws {StillroomError} USAGE
 */
export function requireStore(doing: string, where: string): string {
  const text = where.replace(/^docker:\/\//, '')
  if (StoreName.safeParse(text).success) return text
  throw new StillroomError(
    'USAGE',
    `cannot ${doing} ${JSON.stringify(where)}: expected a repository with its registry, without a tag`,
    { hint: 'such as registry.example.org/team/store' },
  )
}

import type { ContextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { StillroomError } from '../../error.ts'
import { withOthers } from '../../lock/other-recipes.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import { datedUrls, oldReleaseUrls, snapshotUrls } from '../../resolve/debian/archive-urls.ts'
import { ASK_SNAPSHOT } from '../../resolve/debian/refetch-indexes.ts'
import { imageArchives } from '../../resolve/registry/fetch-image-indexes.ts'
import { isTrustedHost } from '../../sources/find-pip-sources.ts'
import type { Sources } from '../../sources/find-sources.ts'
import {
  type ArchiveBase,
  type Locate,
  locateDebian,
  locateFindLinks,
  locateOwnIndex,
  locatePypi,
  locateUrl,
  locateWith,
} from '../../sources/locate.ts'
import { openRegistries } from '../../sources/registry/open-registries.ts'
import { locateRegistry } from '../../sources/registry/registries.ts'
import type { Artifact } from '../../store/artifact.ts'
import { type FetchReport, fetchArtifacts } from '../../store/fetch-artifacts.ts'
import { fetchGitSteps } from '../lock/git-sources.ts'
import { readAptSources, ubuntuMirrors } from '../lock/lock-image-base.ts'
import type { Cache, Fetching } from '../ports.ts'
import { fetchFromTeam } from '../store/team-store.ts'

/** Brings every artifact of a build into the store, verified; sources are looked up only when something is missing. */
export async function fetchInputs(
  ports: Cache & Fetching,
  { files }: Pick<ContextArtifacts, 'files'>,
  locked: LockedPlatform,
): Promise<FetchReport> {
  const { store, signal, progress } = ports
  await fetchFromTeam(
    ports,
    files.map(({ artifact }) => artifact),
  )
  await fetchGitSteps(ports, locked)
  let locate: Promise<Locate> | undefined
  const fetching = fetchArtifacts(
    files.map(({ artifact }) => artifact),
    {
      store,
      signal,
      locate: async (artifact: Artifact) => {
        locate ??= ports.sources().then((found) => locateInputs(ports, found, locked))
        return (await locate)(artifact)
      },
      onProgress: ({ bytesDone, bytesTotal, filesDone, filesTotal }) =>
        progress({
          kind: 'status',
          text: `${filesDone}/${filesTotal} files, ${Math.floor(bytesDone / 1e6)}/${Math.ceil(bytesTotal / 1e6)} MB`,
        }),
    },
  )
  return fetching.catch(async (error: unknown) => {
    throw withSnapshotHint(error, files, locate && (await ports.sources()))
  })
}

/** That a package is nowhere, though one more service could have been asked, is said with how to ask it. */
function withSnapshotHint(
  error: unknown,
  files: ContextArtifacts['files'],
  sources: Sources | undefined,
): unknown {
  if (!(error instanceof StillroomError) || error.code !== 'ARTIFACT_GONE') return error
  if (sources === undefined || sources.snapshot !== undefined) return error
  if (!files.some(({ artifact }) => artifact.origin.kind === 'debian')) return error
  const { code, message, details } = error
  return new StillroomError(code, message, { hint: ASK_SNAPSHOT, details, cause: error })
}

/** Where each artifact of a lock may be had, but those of git steps. */
export function locateInputs(ports: Fetching, sources: Sources, locked: LockedPlatform): Locate {
  return locateWith(
    locateFrom(sources, locked, ports.signal),
    ...withOthers(locked).map((each) => locateBase(ports, sources, each)),
  )
}

/** A snapshot service answers whoever asks for more with status 429 or 503. */
const SNAPSHOT_AT_ONCE = 2

/**
 * Where packages and files of a lock may be had: the live mirrors first, then the snapshot service as the archives were
 * when locked; what pip's `find-links` names and its indexes for Python.
 */
export function locateFrom(sources: Sources, locked: LockedPlatform, signal: AbortSignal): Locate {
  const { snapshot, oldReleases, pypi, ca } = sources
  const live: Record<string, string[]> = sources.debian
  const bases: Record<string, ArchiveBase[]> = {}
  for (const { archive, date, url, snapshot: states } of withOthers(locked).flatMap(
    ({ base }) => base.indexes,
  )) {
    if (url !== undefined) {
      const old = states === undefined ? [] : datedUrls(states, new Date(date)).slice(0, 2)
      bases[archive] ??= [{ url, label: 'archive', ca }]
      bases[archive].push(...old.map((at) => ({ url: at, label: 'snapshot', ca, atOnce: SNAPSHOT_AT_ONCE })))
      continue
    }
    const old = snapshotUrls(snapshot, archive, new Date(date)).slice(0, 2)
    bases[archive] ??= (live[archive] ?? []).map((url) => ({ url, label: 'live mirror', ca }))
    bases[archive].push(...old.map((url) => ({ url, label: 'snapshot', ca, atOnce: SNAPSHOT_AT_ONCE })))
  }
  for (const archive of Object.keys(bases)) {
    const kept = oldReleaseUrls(oldReleases, archive)
    bases[archive]?.push(...kept.map((url) => ({ url, label: 'archive of old releases', ca })))
  }
  const indexAt = (url: string) => ({
    url,
    ca,
    ...(isTrustedHost(url, pypi.trustedHosts) ? { insecure: true } : {}),
  })
  return locateWith(
    locateDebian(bases),
    locateFindLinks(pypi.findLinks.map(indexAt), { signal }),
    locateOwnIndex(indexAt, { signal }),
    locatePypi(pypi.indexes.map(indexAt), { signal }),
    locateUrl(ca),
  )
}

/**
 * Where the layers of a base may be had, and packages of archives that this machine has no setting for: the base's
 * own apt sources tell.
 */
function locateBase(ports: Fetching, sources: Sources, { base }: LockedPlatform): Locate {
  const layers = locateRegistry(openRegistries(ports, sources))
  if (base.kind !== 'image') return layers
  let own: Promise<Locate> | undefined
  const find = async (): Promise<Locate> => {
    const archives = imageArchives(await readAptSources(ports, base))
    const ubuntu = [...ubuntuMirrors(ports.env), ...(archives.ubuntu ?? [])]
    const places = Object.entries({ ...archives, ubuntu }).map(([archive, urls]) => {
      return [archive, urls.map((url) => ({ url, label: "the base's mirror", ca: sources.ca }))] as const
    })
    return locateDebian(Object.fromEntries(places))
  }
  const packages: Locate = async (artifact) => {
    const { origin } = artifact
    if (origin.kind !== 'debian' || origin.archive in sources.debian) return []
    own ??= find()
    return (await own)(artifact)
  }
  return locateWith(layers, packages)
}

import type { ContextArtifacts } from '../../dockerfile/context-artifacts.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import { snapshotUrls } from '../../resolve/debian/snapshot-urls.ts'
import { isTrustedHost } from '../../sources/find-pip-sources.ts'
import type { Sources } from '../../sources/find-sources.ts'
import {
  type ArchiveBase,
  type Locate,
  locateDebian,
  locateFindLinks,
  locatePypi,
  locateUrl,
  locateWith,
} from '../../sources/locate.ts'
import type { Artifact } from '../../store/artifact.ts'
import { type FetchReport, fetchArtifacts } from '../../store/fetch-artifacts.ts'
import { fetchGitSteps } from '../lock/git-sources.ts'
import type { Cache, Fetching } from '../ports.ts'
import { locateBase } from './locate-base.ts'

/** Brings every artifact of a build into the store, verified; sources are looked up only when something is missing. */
export async function fetchInputs(
  ports: Cache & Fetching,
  { files }: Pick<ContextArtifacts, 'files'>,
  locked: LockedPlatform,
): Promise<FetchReport> {
  const { store, signal, progress } = ports
  await fetchGitSteps(ports, locked)
  let locate: Promise<Locate> | undefined
  return fetchArtifacts(
    files.map(({ artifact }) => artifact),
    {
      store,
      signal,
      locate: async (artifact: Artifact) => {
        locate ??= ports
          .sources()
          .then((found) => locateWith(locateFrom(found, locked, signal), locateBase(ports, found, locked)))
        return (await locate)(artifact)
      },
      onProgress: ({ bytesDone, bytesTotal, filesDone, filesTotal }) =>
        progress({
          kind: 'status',
          text: `${filesDone}/${filesTotal} files, ${Math.floor(bytesDone / 1e6)}/${Math.ceil(bytesTotal / 1e6)} MB`,
        }),
    },
  )
}

/**
 * Where the artifacts of a lock may be had: the live mirrors first, then the snapshot service as the archives were
 * when locked; what pip's `find-links` names and its indexes for Python.
 */
export function locateFrom(sources: Sources, locked: LockedPlatform, signal: AbortSignal): Locate {
  const { snapshot, pypi, ca } = sources
  const live: Record<string, string[]> = sources.debian
  const trust = ca === undefined ? {} : { ca }
  const bases: Record<string, ArchiveBase[]> = {}
  for (const { archive, date } of locked.base.indexes) {
    const old = snapshot === undefined ? [] : snapshotUrls(snapshot, archive, new Date(date)).slice(0, 2)
    bases[archive] ??= (live[archive] ?? []).map((url) => ({ url, label: 'live mirror', ...trust }))
    bases[archive].push(...old.map((url) => ({ url, label: 'snapshot', ...trust })))
  }
  const place = (url: string) => ({
    url,
    ...trust,
    ...(isTrustedHost(url, pypi.trustedHosts) ? { insecure: true } : {}),
  })
  return locateWith(
    locateDebian(bases),
    locateFindLinks(pypi.findLinks.map(place), { signal }),
    locatePypi(pypi.indexes.map(place), { signal }),
    locateUrl(trust),
  )
}

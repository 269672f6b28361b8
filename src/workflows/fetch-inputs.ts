import { readFile } from 'node:fs/promises'
import type { ContextArtifacts } from '../dockerfile/context-artifacts.ts'
import type { LockedPlatform } from '../lock/schema.ts'
import { snapshotUrls } from '../resolve/debian/snapshot-urls.ts'
import type { Artifact } from '../store/artifact.ts'
import { type FetchReport, fetchArtifacts } from '../store/fetch-artifacts.ts'
import { type ArchiveBase, type Locate, locateDebian, locatePypi, locateWith } from '../store/locate.ts'
import type { Session } from './session.ts'

/** Brings every artifact of a build into the store, verified; sources are looked up only when something is missing. */
export async function fetchInputs(
  session: Session,
  { files }: ContextArtifacts,
  locked: LockedPlatform,
): Promise<FetchReport> {
  const { store, signal, progress } = session
  let locate: Promise<Locate> | undefined
  return fetchArtifacts(
    files.map(({ artifact }) => artifact),
    {
      store,
      signal,
      locate: async (artifact: Artifact) => {
        locate ??= locator(session, locked)
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

/** The live mirror first, then the snapshot service as the archives were when locked; the index for Python. */
async function locator(session: Session, locked: LockedPlatform): Promise<Locate> {
  const { debian, snapshot, pypi } = await session.sources()
  const bases: Record<string, ArchiveBase[]> = {}
  for (const { archive, date } of locked.base.indexes) {
    const old = snapshot === undefined ? [] : snapshotUrls(snapshot, archive, new Date(date)).slice(0, 2)
    bases[archive] ??= debian[archive].map((url) => ({ url, label: 'live mirror' }))
    bases[archive].push(...old.map((url) => ({ url, label: 'snapshot' })))
  }
  const ca = pypi.ca === undefined ? undefined : await readFile(pypi.ca, 'utf8').catch(() => undefined)
  const indexes = pypi.indexes.map((url) => ({ url, ...(ca === undefined ? {} : { ca }) }))
  return locateWith(locateDebian(bases), locatePypi(indexes, { signal: session.signal }))
}

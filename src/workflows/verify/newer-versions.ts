import { explain } from '@renovatebot/pep440'
import pMap from 'p-map'
import { StillroomError } from '../../error.ts'
import { versionInFileName } from '../../formats/python/distribution-name.ts'
import { compareDebian } from '../../formats/versions/compare-debian.ts'
import { comparePep440 } from '../../formats/versions/compare-pep440.ts'
import { basePackages } from '../../lock/base-packages.ts'
import type { DebianPackage, LockedPlatform } from '../../lock/schema.ts'
import type { SuiteChoice } from '../../lock/suite-indexes.ts'
import { createGet } from '../../net/http-get.ts'
import { splitUserinfo } from '../../net/redact-url.ts'
import { fetchIndexes } from '../../resolve/debian/fetch-indexes.ts'
import { loadKeyring, suiteSigners } from '../../resolve/debian/keyring.ts'
import { readPackages } from '../../resolve/debian/read-packages.ts'
import type { Sources } from '../../sources/find-sources.ts'
import { fetchSimplePage } from '../../sources/simple-page.ts'
import type { NewerVersion } from '../../verify/forecast.ts'
import type { Progress } from '../ports.ts'

/** The newest version of each Python package of a lock that the main index has a file of, where that is newer. */
export async function newerWheels(
  { steps }: LockedPlatform,
  { pypi, ca }: Sources,
  signal: AbortSignal,
): Promise<NewerVersion[]> {
  const [index] = pypi.indexes
  if (index === undefined) return []
  const root = splitUserinfo({ label: 'index', url: index, ca })
  const locked = new Map(
    steps
      .flatMap((step) => (step.kind === 'pip' ? step.files : []))
      .map(({ name, version }) => [name, version]),
  )
  const found = await pMap(
    [...locked],
    async ([name, version]): Promise<NewerVersion[]> => {
      const url = `${root.url.replace(/\/+$/, '')}/${encodeURIComponent(name)}/`
      // that an index is silent is reported for the artifact itself
      const files = await fetchSimplePage({ ...root, url }, { signal }).catch((error) => {
        if (error instanceof StillroomError) return []
        throw error
      })
      const versions = files
        .map(({ file }) => versionInFileName(file, name))
        // a pre-release is nobody's upgrade unless asked for
        .filter((each) => each !== undefined && explain(each)?.is_prerelease === false) as string[]
      const newest = versions.sort(comparePep440).at(-1)
      if (newest === undefined || comparePep440(newest, version) <= 0) return []
      return [{ subject: `pypi/${name}`, locked: version, newest, security: false }]
    },
    { concurrency: 8, signal },
  )
  return found.flat()
}

/** What the suite's present indexes have of the packages that a lock names, where that is newer. */
export async function newerPackages(
  locked: LockedPlatform,
  choice: SuiteChoice,
  sources: Sources,
  progress: Progress,
): Promise<NewerVersion[]> {
  const { base, steps } = locked
  if (base.kind !== 'debian') return []
  const get = createGet(sources)
  const options = {
    get,
    sources: sources.debian,
    oldReleases: sources.oldReleases,
    keys: await loadKeyring(),
    signers: suiteSigners,
    now: new Date(),
  }
  const indexes = await fetchIndexes({ ...choice, backports: false }, options).catch((error: unknown) => {
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

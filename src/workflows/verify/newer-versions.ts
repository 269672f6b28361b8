import { StillroomError } from '../../error.ts'
import { basePackages } from '../../lock/base-packages.ts'
import type { DebianPackage, LockedPlatform } from '../../lock/schema.ts'
import { createGet } from '../../net/http-get.ts'
import { parseAptRequest } from '../../recipe/apt-request.ts'
import { type FetchedIndex, fetchIndexes } from '../../resolve/debian/fetch-indexes.ts'
import { loadKeyring, suiteSigners } from '../../resolve/debian/keyring.ts'
import { fetchArchives } from '../../resolve/debian/other-archives.ts'
import { readVersions } from '../../resolve/debian/read-packages.ts'
import type { NewerVersions } from '../../verify/forecast.ts'
import { newerDebian } from '../../verify/newer-debian.ts'
import { besideRecipe } from '../lock/lock-image-base.ts'
import type { Fetching } from '../ports.ts'
import type { RecipeInputs } from '../project/load-inputs.ts'
import { newerWheels } from './newer-wheels.ts'

/** Newer versions of all that a lock names, of which none is one that locking again could not take. */
export async function newerVersions(
  ports: Fetching,
  loaded: RecipeInputs,
  locked: LockedPlatform,
): Promise<NewerVersions> {
  const found = [await newerPackages(ports, loaded, locked), await newerWheels(ports, loaded, locked)]
  return {
    newer: found.flatMap(({ newer }) => newer),
    excluded: found.flatMap(({ excluded }) => excluded),
  }
}

async function newerPackages(
  ports: Fetching,
  loaded: RecipeInputs,
  { base, steps }: LockedPlatform,
): Promise<NewerVersions> {
  const { recipe } = loaded
  if (base.kind !== 'debian' || recipe.base.kind !== 'debian') return { newer: [], excluded: [] }
  const { debian, oldReleases, ca } = await ports.sources()
  const now = new Date()
  const get = createGet({ ca, signal: ports.signal })
  const keys = await loadKeyring()
  const options = { get, sources: debian, oldReleases, keys, signers: suiteSigners, now }
  let indexes: FetchedIndex[]
  try {
    indexes = [
      ...(await fetchIndexes(recipe.base, options)),
      ...(await fetchArchives(recipe.archives, { get, now, readFile: besideRecipe(loaded) })),
    ]
  } catch (error) {
    if (!(error instanceof StillroomError) || ports.signal.aborted) throw error
    ports.progress({ kind: 'note', text: `whether Debian packages are newer is not known: ${error.message}` })
    return { newer: [], excluded: [] }
  }
  const packages = readVersions(
    indexes.map(({ index, packages: text }) => ({
      archive: index.archive,
      suite: index.suite,
      packages: text,
    })),
  )
  const quiet = indexes.filter(isNotAutomatic)
  const all: DebianPackage[] = [
    ...basePackages(base),
    ...steps.flatMap((step) => (step.kind === 'apt' ? step.packages : [])),
  ]
  return newerDebian(all, {
    packages,
    requests: recipe.steps.flatMap((step) => (step.kind === 'apt' ? step.packages.map(parseAptRequest) : [])),
    isNotAutomatic: ({ archive, suite }) =>
      quiet.some(({ index }) => index.archive === archive && index.suite === suite),
  })
}

/** The Release file itself says that apt takes nothing of it unasked. */
function isNotAutomatic({ inRelease }: FetchedIndex): boolean {
  return /^NotAutomatic: *yes *$/im.test(Buffer.from(inRelease).toString('latin1'))
}

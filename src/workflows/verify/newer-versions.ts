import pMap from 'p-map'
import { StillroomError } from '../../error.ts'
import { versionInFileName } from '../../formats/python/distribution-name.ts'
import { parseRequirement } from '../../formats/python/requirement.ts'
import { basePackages } from '../../lock/base-packages.ts'
import type { DebianPackage, LockedPip, LockedPlatform, PythonFile } from '../../lock/schema.ts'
import { createGet } from '../../net/http-get.ts'
import { splitUserinfo } from '../../net/redact-url.ts'
import { parseAptRequest } from '../../recipe/apt-request.ts'
import type { PipStep } from '../../recipe/schema.ts'
import { type FetchedIndex, fetchIndexes } from '../../resolve/debian/fetch-indexes.ts'
import { loadKeyring, suiteSigners } from '../../resolve/debian/keyring.ts'
import { fetchArchives } from '../../resolve/debian/other-archives.ts'
import { readVersions } from '../../resolve/debian/read-packages.ts'
import { isTrustedHost } from '../../sources/find-pip-sources.ts'
import type { Sources } from '../../sources/find-sources.ts'
import { fetchSimplePage, type SimpleFile } from '../../sources/simple-page.ts'
import type { NewerVersions } from '../../verify/forecast.ts'
import { imagePython } from '../../verify/image-python.ts'
import { newerDebian } from '../../verify/newer-debian.ts'
import { countingRules, newerPython, RECIPE } from '../../verify/newer-python.ts'
import { besideRecipe } from '../lock/lock-image-base.ts'
import type { Fetching } from '../ports.ts'
import type { RecipeInputs } from '../project/load-inputs.ts'
import { readRequirements } from './read-requirements.ts'

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

interface Wanted {
  file: PythonFile
  /** Of the step that has it. */
  index: number
}

async function newerWheels(
  ports: Fetching,
  { recipe, pip }: RecipeInputs,
  locked: LockedPlatform,
): Promise<NewerVersions> {
  const sources = await ports.sources()
  const isPip = (step: { kind: string }): step is LockedPip => step.kind === 'pip'
  const all = locked.steps.flatMap((step, index) =>
    isPip(step) ? step.files.map((file): Wanted => ({ file, index })) : [],
  )
  // a later step has the last word on a project; what is required by address no index is asked for
  const wanted = [...new Map(all.map((each) => [each.file.name, each])).values()]
  const steps = recipe.steps.flatMap((step, index) => {
    return step.kind === 'pip' ? [pip.get(index)?.step ?? step] : []
  })
  const stated = steps.flatMap(({ requirements, constraints = [] }: PipStep) => [
    ...requirements,
    ...constraints,
  ])
  const extras = new Map(
    stated.map((text) => parseRequirement(text)).map((each) => [each?.name, each?.extras]),
  )
  const required = await pMap(
    wanted,
    async ({ file }) => ({
      owner: `${file.name} ${file.version}`,
      extras: extras.get(file.name),
      requirements: file.file.endsWith('.whl') ? await readRequirements(ports.store.path(file.sha256)) : [],
    }),
    { concurrency: 8 },
  )
  const found = await pMap(
    wanted.filter(({ file }) => file.url === undefined),
    async ({ file, index }): Promise<NewerVersions> => {
      const python = imagePython(locked, index)
      const rules = [
        ...countingRules(file.name, stated, RECIPE, python),
        ...required.flatMap((each) =>
          countingRules(file.name, each.requirements, each.owner, python, each.extras),
        ),
      ]
      const offered = (await filesOf(file, sources, ports.signal)).flatMap((each) => {
        const version = versionInFileName(each.file, file.name)
        return version === undefined ? [] : [{ ...each, version }]
      })
      return newerPython({ ...file, isSource: !file.file.endsWith('.whl') }, offered, rules, python)
    },
    { concurrency: 8, signal: ports.signal },
  )
  return { newer: found.flatMap(({ newer }) => newer), excluded: found.flatMap(({ excluded }) => excluded) }
}

/** What the indexes that pip would ask have of a project: the recipe's own for it, or all of the machine. */
async function filesOf(
  { name, index }: PythonFile,
  { pypi, ca }: Sources,
  signal: AbortSignal,
): Promise<SimpleFile[]> {
  const pages = await Promise.all(
    (index === undefined ? pypi.indexes : [index]).map((url) => {
      const insecure = isTrustedHost(url, pypi.trustedHosts) ? { insecure: true } : {}
      const root = splitUserinfo({ label: 'index', url, ca, ...insecure })
      const page = `${root.url.replace(/\/+$/, '')}/${encodeURIComponent(name)}/`
      // that an index is silent is reported for the artifact itself
      return fetchSimplePage({ ...root, url: page }, { signal }).catch((error) => {
        if (error instanceof StillroomError) return []
        throw error
      })
    }),
  )
  return pages.flat()
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
  const get = createGet({ ca })
  const keys = await loadKeyring()
  const options = { get, sources: debian, oldReleases, keys, signers: suiteSigners, now }
  let indexes: FetchedIndex[]
  try {
    indexes = [
      ...(await fetchIndexes(recipe.base, options)),
      ...(await fetchArchives(recipe.archives, { get, now, readFile: besideRecipe(loaded) })),
    ]
  } catch (error) {
    if (!(error instanceof StillroomError)) throw error
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
  const all: DebianPackage[] = [
    ...basePackages(base),
    ...steps.flatMap((step) => (step.kind === 'apt' ? step.packages : [])),
  ]
  return newerDebian(all, {
    packages,
    requests: recipe.steps.flatMap((step) => (step.kind === 'apt' ? step.packages.map(parseAptRequest) : [])),
    notAutomatic: new Set(indexes.filter(isNotAutomatic).map(({ index }) => index.suite)),
  })
}

/** The Release file itself says that apt takes nothing of it unasked. */
function isNotAutomatic({ inRelease }: FetchedIndex): boolean {
  return /^NotAutomatic: *yes *$/im.test(Buffer.from(inRelease).toString('latin1'))
}

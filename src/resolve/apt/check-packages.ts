import { StillroomError } from '../../error.ts'
import { compareDebian } from '../../formats/versions/compare-debian.ts'
import { type AptRequest, parseAptRequest } from '../../recipe/apt-request.ts'
import { type AptStep, Component, type DebianBase } from '../../recipe/schema.ts'
import type { PackageVersions } from '../debian/read-packages.ts'
import { providersOf, similarPackages } from './similar-packages.ts'

/** An apt step, and its place in the recipe. */
export interface PlacedStep {
  index: number
  step: AptStep
}

/** What the suite of a recipe's base has besides what the recipe takes. */
export interface OtherPackages {
  base: DebianBase
  indexes: { suite: string; component: string; packages: PackageVersions }[]
}

/**
 * Passes when the indexes have each package that the steps name, in the version that they name. A lock could not hold a
 * package that others only provide.
 *
 * @param others when they are known, what is there is named with the line that takes it
 * @throws {StillroomError} APT_PACKAGE_UNKNOWN, or APT_VERSION_UNKNOWN when all names are known: with every package of
 *   every step that is not there, and what may have been meant
 */
export function checkPackages(
  steps: readonly PlacedStep[],
  packages: PackageVersions,
  others?: OtherPackages,
): void {
  const problems = steps.flatMap(({ index, step }) =>
    step.packages.flatMap((word) => {
      const request = parseAptRequest(word)
      const problem = problemOf(request, packages)
      const found = problem && { ...problem, ...elsewhere(request, others) }
      return found === undefined ? [] : [{ ...found, line: `  steps[${index}] "${word}": ${found.reason}` }]
    }),
  )
  if (problems.length === 0) return
  const code = problems.find((each) => each.code === 'APT_PACKAGE_UNKNOWN')?.code ?? 'APT_VERSION_UNKNOWN'
  const places = problems.flatMap(({ place }) => place ?? [])
  const hint =
    others !== undefined && places.length > 0
      ? `write ${baseThatTakes(others.base, places)} in the recipe`
      : code === 'APT_PACKAGE_UNKNOWN'
        ? 'correct the names, or look them up among the packages of the suite'
        : 'name a version that the suite has, or leave it out: the lockfile pins it anyway'
  throw new StillroomError(
    code,
    `cannot resolve apt packages:\n${problems.map(({ line }) => line).join('\n')}`,
    {
      hint,
      details: { packages: problems.map(({ name, nearest, place }) => ({ name, nearest, ...place })) },
    },
  )
}

interface Problem {
  code: 'APT_PACKAGE_UNKNOWN' | 'APT_VERSION_UNKNOWN'
  name: string
  /** What can be asked for instead, the likeliest first. */
  nearest: string[]
  reason: string
  /** Where it is, when the recipe does not take that. */
  place?: Place
}

interface Place {
  suite: string
  component: string
}

/** Where a request is met that the recipe's own indexes don't meet. */
function elsewhere(
  { name, version, suite }: AptRequest,
  others: OtherPackages | undefined,
): Pick<Problem, 'place' | 'reason'> | undefined {
  const found = others?.indexes.flatMap(({ packages, ...place }) =>
    (packages.get(name) ?? [])
      .filter((entry) => version === undefined || entry.version === version)
      .map((entry) => ({ place, version: entry.version })),
  )
  const [first] = found?.filter(({ place }) => suite === undefined || place.suite === suite) ?? []
  if (first === undefined) return undefined
  const { place } = first
  const isMain = place.component === 'main'
  const where = isMain ? place.suite : `component "${place.component}" of ${place.suite}`
  // of backports, apt takes only what is asked for by that name
  const word =
    isBackports(place) && suite === undefined && version === undefined ? `${name}/${place.suite}` : undefined
  const ask = word === undefined ? '' : `; ask for "${word}"`
  return { place, reason: `${where} has ${name} ${first.version}, which the recipe does not take${ask}` }
}

const isBackports = ({ suite }: Place) => suite.endsWith('-backports')

/** The base as a recipe writes it, with what it takes and these. */
function baseThatTakes({ suite, components = [], backports }: DebianBase, places: readonly Place[]): string {
  const all = [...new Set([...components, ...places.map(({ component }) => component)])]
  const more = Component.options.filter((each) => each !== 'main' && all.includes(each))
  const options = [
    ...(more.length > 0 ? [`components: [${more.map((each) => `'${each}'`).join(', ')}]`] : []),
    ...(backports || places.some(isBackports) ? ['backports: true'] : []),
  ]
  return `base: debian('${suite}', { ${options.join(', ')} })`
}

const AT_MOST = 8

function problemOf({ name, version, suite }: AptRequest, packages: PackageVersions): Problem | undefined {
  const code = 'APT_PACKAGE_UNKNOWN'
  const found = packages.get(name)
  if (found === undefined) {
    const providers = providersOf(name, packages).slice(0, AT_MOST)
    if (providers.length > 0)
      return { code, name, nearest: providers, reason: `is only provided by others: ${providers.join(', ')}` }
    const nearest = similarPackages(name, packages)
    const meant = nearest.length > 0 ? `; nearest: ${nearest.join(', ')}` : ''
    return { code, name, nearest, reason: `no index has it${meant}` }
  }
  if (suite !== undefined && !found.some((entry) => entry.suite === suite)) {
    const suites = [...new Set(found.map((entry) => entry.suite))]
    const reason = `no index of suite "${suite}" has it; it is in ${suites.join(', ')}`
    return { code: 'APT_VERSION_UNKNOWN', name, nearest: suites, reason }
  }
  if (version === undefined || found.some((entry) => entry.version === version)) return undefined
  const nearest = [...new Set(found.map((entry) => entry.version))].sort((a, b) => compareDebian(b, a))
  const reason = `no index has this version; available: ${nearest.slice(0, AT_MOST).join(', ')}`
  return { code: 'APT_VERSION_UNKNOWN', name, nearest, reason }
}

import { StillroomError } from '../../error.ts'
import { compareDebian } from '../../formats/versions/compare-debian.ts'
import { type AptRequest, parseAptRequest } from '../../recipe/apt-request.ts'
import type { AptStep } from '../../recipe/schema.ts'
import type { PackageVersions } from '../debian/read-packages.ts'
import { providersOf, similarPackages } from './similar-packages.ts'

/** An apt step, and its place in the recipe. */
export interface PlacedStep {
  index: number
  step: AptStep
}

/**
 * Passes when the indexes have each package that the steps name, in the version that they name. A lock could not hold a
 * package that others only provide.
 *
 * @throws {StillroomError} APT_PACKAGE_UNKNOWN, or APT_VERSION_UNKNOWN when all names are known: with every package of
 *   every step that is not there, and what may have been meant
 */
export function checkPackages(steps: readonly PlacedStep[], packages: PackageVersions): void {
  const problems = steps.flatMap(({ index, step }) =>
    step.packages.flatMap((word) => {
      const found = problemOf(parseAptRequest(word), packages)
      return found === undefined ? [] : [{ ...found, line: `  steps[${index}] "${word}": ${found.reason}` }]
    }),
  )
  if (problems.length === 0) return
  const code = problems.find((each) => each.code === 'APT_PACKAGE_UNKNOWN')?.code ?? 'APT_VERSION_UNKNOWN'
  const hint =
    code === 'APT_PACKAGE_UNKNOWN'
      ? 'correct the names, or look them up among the packages of the suite'
      : 'name a version that the suite has, or leave it out: the lockfile pins it anyway'
  throw new StillroomError(
    code,
    `cannot resolve apt packages:\n${problems.map(({ line }) => line).join('\n')}`,
    { hint, details: { packages: problems.map(({ name, nearest }) => ({ name, nearest })) } },
  )
}

interface Problem {
  code: 'APT_PACKAGE_UNKNOWN' | 'APT_VERSION_UNKNOWN'
  name: string
  /** What can be asked for instead, the likeliest first. */
  nearest: string[]
  reason: string
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

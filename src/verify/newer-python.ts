import { fitsWheel, isPrerelease, meetsPython, type PythonPlatform } from '../formats/python/installable.ts'
import { evaluateMarker, type MarkerEnvironment } from '../formats/python/marker.ts'
import { meetsRequirement } from '../formats/python/meets-requirement.ts'
import { parseRequirement } from '../formats/python/requirement.ts'
import { comparePep440, isPep440 } from '../formats/versions/compare-pep440.ts'
import type { NewerVersions } from './forecast.ts'

/** A file that an index lists for a project. */
export interface OfferedFile {
  file: string
  version: string
  sha256?: string | undefined
  requiresPython?: string | undefined
  yanked?: boolean | undefined
}

/** What must hold of a project: a requirement, and who has it. */
export interface Rule {
  requirement: string
  /** `the recipe`, `requests 2.31.0`. */
  owner: string
}

export interface LockedProject {
  /** Normalised as in PEP 503. */
  name: string
  version: string
  /** It is taken as a source distribution, and in no other form. */
  isSource: boolean
}

/**
 * The newest version of a project that its pip would take in the image, by the rules of pip itself, where that is newer than the
 * locked one; and the newest of all, with the reason, where it would not take that.
 *
 * @param rules those that count in the image; see {@link countingRules}
 * @param python undefined when the lock doesn't tell
 * @param refused versions that don't go together with what else is locked, with the reason
 */
export function newerPython<T extends OfferedFile>(
  { name, version, isSource }: LockedProject,
  offered: readonly T[],
  rules: readonly Rule[],
  python: PythonPlatform | undefined,
  refused: ReadonlyMap<string, string> = new Map(),
): NewerVersions & { taken?: T | undefined } {
  const subject = `pypi/${name}`
  const published = offered.filter((each) => !each.yanked && isPep440(each.version))
  const reasonOf = (each: T) => refused.get(each.version) ?? whyNot(each, rules, python, isSource)
  const fitting = published.filter((each) => reasonOf(each) === undefined)
  const finals = fitting.filter((each) => !isPrerelease(each.version))
  const isAsked = rules.some(({ owner, requirement }) => owner === RECIPE && asksForPrerelease(requirement))
  const best = newestOf(isAsked || finals.length === 0 ? fitting : finals)
  const taken = best !== undefined && comparePep440(best.version, version) > 0 ? best : undefined
  const newest = newestOf(published.filter((each) => !isPrerelease(each.version)))
  const newer =
    taken === undefined ? [] : [{ subject, locked: version, newest: taken.version, security: false }]
  if (newest === undefined || comparePep440(newest.version, taken?.version ?? version) <= 0)
    return { newer, excluded: [], taken }
  // of the files of a version, that one counts which comes nearest to fitting
  const reasons = published.filter((each) => comparePep440(each.version, newest.version) === 0).map(reasonOf)
  const reason = reasons.find((text) => text !== UNFIT) ?? UNFIT
  return { newer, excluded: [{ subject, locked: version, newest: newest.version, reason }], taken }
}

export const RECIPE = 'the recipe'
const UNFIT = 'it has no file that fits the image'

function newestOf<T extends OfferedFile>(files: readonly T[]): T | undefined {
  return [...files].sort((a, b) => comparePep440(a.version, b.version)).at(-1)
}

function whyNot(
  { file, version, sha256, requiresPython = '' }: OfferedFile,
  rules: readonly Rule[],
  python: PythonPlatform | undefined,
  isSource: boolean,
): string | undefined {
  const broken = rules.find(({ requirement }) => !meetsRequirement(version, requirement))
  if (broken !== undefined) return `${broken.owner} says ${plain(broken.requirement)}`
  const stated = rules.map(({ requirement }) => parseRequirement(requirement)?.hashes ?? [])
  const hashed = stated.filter((hashes) => hashes.length > 0)
  if (hashed.length > 0 && !hashed.flat().includes(sha256 ?? ''))
    return 'the recipe states hashes of other files'
  if (python === undefined) return "the lock does not tell the image's Python"
  if (!meetsPython(python, requiresPython))
    return `it requires Python ${requiresPython}, the image has ${python.version}`
  const fits = isSource ? !file.endsWith('.whl') : fitsWheel(file, python)
  return fits ? undefined : UNFIT
}

const plain = (requirement: string) => requirement.replace(/\s+--hash=.*$/s, '').trim()

/** Specifiers that name a pre-release admit others (PEP 440). */
function asksForPrerelease(requirement: string): boolean {
  const specifiers = parseRequirement(requirement)?.specifiers ?? ''
  return specifiers.split(',').some((text) => {
    const [, operand = ''] = /^(?:===?|~=|>=|<=)(.*)$/.exec(text) ?? []
    return isPep440(operand) && isPrerelease(operand)
  })
}

/**
 * Those requirements on a project that count in an image, without their markers. A marker that can't be decided counts:
 * better no advice than a wrong one.
 *
 * @param extras that are asked for of whoever has the requirement
 */
export function countingRules(
  name: string,
  requirements: readonly string[],
  owner: string,
  python: PythonPlatform | undefined,
  extras: readonly string[] = [],
): Rule[] {
  return requirements.flatMap((text) => {
    const { name: required, marker, hashes = [] } = parseRequirement(text) ?? {}
    if (required !== name) return []
    const holds = ['', ...extras].map((extra) => {
      return marker === undefined ? true : evaluateMarker(marker, markerEnvironment(python, extra))
    })
    if (holds.every((each) => each === false)) return []
    const bare = text.replace(/;.*$/s, '').trim()
    return [{ owner, requirement: [bare, ...hashes.map((hex) => `--hash=sha256:${hex}`)].join(' ') }]
  })
}

/**
 * Why a version of a project can't be beside what else is locked: it requires what neither the locked version of a project is,
 * nor the one that is advised instead.
 *
 * @param requirements its own
 * @param others versions of each locked project, by its name
 */
export function conflictWith(
  requirements: readonly string[],
  others: ReadonlyMap<string, readonly string[]>,
  python: PythonPlatform | undefined,
  extras: readonly string[] = [],
): string | undefined {
  for (const [name, versions] of others) {
    const rules = countingRules(name, requirements, '', python, extras)
    const broken = rules.find(({ requirement }) =>
      versions.every((version) => !meetsRequirement(version, requirement)),
    )
    if (broken !== undefined)
      return `it requires ${broken.requirement}, and ${name} stays at ${versions.join(' or ')}`
  }
  return undefined
}

function markerEnvironment(python: PythonPlatform | undefined, extra: string): MarkerEnvironment {
  const version = python?.version ?? ''
  const minor = /^\d+\.\d+/.exec(version)?.[0]
  const isExact = /^\d+\.\d+\.\d+/.test(version)
  return {
    ...{ os_name: 'posix', sys_platform: 'linux', platform_system: 'Linux', platform_machine: 'x86_64' },
    ...{ platform_python_implementation: 'CPython', implementation_name: 'cpython', extra },
    ...(minor === undefined ? {} : { python_version: minor }),
    ...(isExact ? { python_full_version: version, implementation_version: version } : {}),
  }
}

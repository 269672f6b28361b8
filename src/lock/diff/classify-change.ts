import { compareDebian } from '../../formats/versions/compare-debian.ts'
import { comparePep440, isPep440 } from '../../formats/versions/compare-pep440.ts'
import type { ChangeClass, DiffLevel, PackageState } from './schema.ts'

/** In the order that they were released in. */
const SUITES = ['buster', 'bullseye', 'bookworm', 'trixie']

/** Their content is what the digest says; a version is only how it was found. */
const BY_CONTENT = new Set(['git', 'project', 'base'])

/**
 * What a package's change amounts to, in the order of its ecosystem: Debian policy 5.6.12, PEP 440, the dates of
 * indexes, suites of Debian, and for tags of images their numbers.
 */
export function classifyChange(ecosystem: string, from: PackageState, to: PackageState): ChangeClass {
  const same = from.digest === to.digest
  if (from.source !== to.source && !(isMirrored(from) && isMirrored(to))) return 'source'
  if (same && BY_CONTENT.has(ecosystem) && (from.digest !== null || from.version === to.version))
    return 'detail'
  const order = compareVersions(ecosystem, from.version, to.version)
  if (order === undefined) return 'other'
  if (order === 0) return same ? 'detail' : 'rebuild'
  if (order > 0) return 'downgrade'
  return ecosystem === 'index' ? 'newer' : stepUp(ecosystem, from.version ?? '', to.version ?? '')
}

/** @param known sources that the other lock has, if there is one: what is added from elsewhere is of a new source */
export function levelOf(
  kind: ChangeClass,
  to: PackageState | null,
  known: ReadonlySet<string> | undefined,
): DiffLevel {
  switch (kind) {
    case 'added':
      return known === undefined || to?.source == null || known.has(to.source) ? 'minor' : 'source'
    case 'removed':
    case 'other':
      return 'minor'
    case 'newer':
    case 'detail':
      return 'any'
    default:
      return kind
  }
}

/** The two archives of one Debian mirror, between which packages move when a point release is made. */
function isMirrored({ source }: PackageState): boolean {
  return source === 'debian' || source === 'debian-security'
}

/** Undefined when the ecosystem has no order of versions. */
function compareVersions(ecosystem: string, a: string | null, b: string | null): number | undefined {
  if (a === b) return 0
  if (a === null || b === null) return undefined
  switch (ecosystem) {
    case 'deb':
      return compareDebian(a, b)
    case 'pypi':
    case 'pypi-build':
      return isPep440(a) && isPep440(b) ? comparePep440(a, b) : undefined
    case 'index':
      return Date.parse(a) - Date.parse(b)
    case 'base':
      return compareBases(a, b)
    default:
      return undefined
  }
}

function compareBases(a: string, b: string): number | undefined {
  const suites = [SUITES.indexOf(a), SUITES.indexOf(b)] as const
  if (suites[0] >= 0 && suites[1] >= 0) return suites[0] - suites[1]
  const numbered = /^v?\d+(\.\d+)*/
  return numbered.test(a) && numbered.test(b) ? compareDebian(a, b) : undefined
}

/** By the first number that differs; an epoch counts as the first number. */
function stepUp(ecosystem: string, from: string, to: string): 'major' | 'minor' | 'patch' {
  if (SUITES.includes(to)) return 'major'
  const [a, b] = [releaseNumbers(ecosystem, from), releaseNumbers(ecosystem, to)]
  const length = Math.max(a.length, b.length)
  const place = Array.from({ length }, (_, i) => i).find((i) => (a[i] ?? '0') !== (b[i] ?? '0'))
  if (place === undefined || place > 2) return 'patch'
  return place < 2 ? 'major' : 'minor'
}

/** Epoch and the numbers before anything else: `2:1.4~rc1-3` is 2, 1, 4. As text, of any length. */
function releaseNumbers(ecosystem: string, version: string): string[] {
  const separator = ecosystem === 'deb' ? ':' : '!'
  const [rest = '', epoch = '0'] = version.split(separator).reverse()
  const numbers = /^v?(\d+(?:\.\d+)*)/i.exec(rest)?.[1]?.split('.') ?? []
  return [epoch, ...numbers].map((digits) => digits.replace(/^0+(?=\d)/, ''))
}

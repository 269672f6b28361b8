import { compareDebian } from '../../formats/versions/compare-debian.ts'
import { comparePep440 } from '../../formats/versions/compare-pep440.ts'
import type { InstalledPackage, Inventory, PackageKind } from '../../inventory/inventory.ts'
import type { AuditedChange } from '../audit-report.ts'
import type { ExpectedFiles } from '../expect/expected-files.ts'
import { type LockedPackage, packageId } from '../expect/locked-packages.ts'
import { type Finding, showPath } from '../finding.ts'

export interface PackageComparison {
  findings: Finding[]
  /** Packages that are in the image and not as the lock has them: their files are not reported one by one. */
  strays: InstalledPackage[]
  /** Owners whose files need not be there: packages that are missing or of another version. */
  absent: ReadonlySet<string>
  /** What commands of the locked image's steps installed: no findings. */
  changes: AuditedChange[]
}

/** Without a lock. */
export const NO_COMPARISON: PackageComparison = { findings: [], strays: [], absent: new Set(), changes: [] }

/**
 * Compares what is installed with what the lock installs.
 *
 * @param inBase whether a package was found in the base, which may have two versions of one: Debian's pip and a newer
 * @param isBelow whether it comes from a layer of the other recipe's image that is the base, whose own audit tells of it
 * @param installedBy the step of the locked image whose commands installed a package, as `python3 -m venv` installs pip;
 *   `instead` is the step whose package it replaces
 */
export function comparePackages(
  { packages }: Inventory,
  locked: ReadonlyMap<string, LockedPackage>,
  expected: ExpectedFiles,
  inBase: (found: InstalledPackage) => boolean,
  isBelow: (found: InstalledPackage) => boolean,
  installedBy: (found: InstalledPackage, instead?: string) => string | undefined,
): PackageComparison {
  const findings: Finding[] = []
  const strays: InstalledPackage[] = []
  const absent = new Set<string>()
  const changes: AuditedChange[] = []
  const present = new Set<string>()
  const others: InstalledPackage[] = []
  for (const found of packages) {
    const id = packageId(found)
    const lock = locked.get(id)
    if (lock === undefined || !isSame(lock, found)) others.push(found)
    else if (found.kind === 'deb' || isExpectedAt(found, id, expected) || lock.artifact === undefined)
      present.add(id)
    else others.push(found)
  }
  for (const found of others) {
    const id = packageId(found)
    // what another package brings with it: Python modules in a .deb, a vendored copy in a wheel
    const parent = expected.at(expected.place(found.record)).at(-1)?.owner
    if (parent !== undefined && parent !== id && found.kind !== 'deb') continue
    if (found.kind === 'git' && (found.modified?.length ?? 0) > 0) {
      strays.push(found)
      continue
    }
    if (present.has(id) && inBase(found)) continue
    if (!locked.has(id) && isBelow(found)) continue
    const lock = locked.get(id)
    const replaced = present.has(id) || absent.has(id) ? undefined : lock
    if (replaced !== undefined) absent.add(id)
    const finding = replaced === undefined ? extra(found) : otherVersion(replaced, found)
    const by = installedBy(found, replaced?.step)
    if (by !== undefined) changes.push(changeOf(finding, found, by))
    else {
      strays.push(found)
      findings.push(finding)
    }
  }
  for (const [id, lock] of locked) {
    if (present.has(id) || absent.has(id)) continue
    absent.add(id)
    findings.push(missing(lock))
  }
  return { findings, strays, absent, changes }
}

function isSame(lock: LockedPackage, { kind, version, architecture }: InstalledPackage): boolean {
  const architectures = [lock.architecture, architecture].filter((each) => each !== undefined)
  return compare(kind, lock.version, version) === 0 && new Set(architectures).size < 2
}

/** Whether a package's record lies where the lock's own would. */
function isExpectedAt({ record }: InstalledPackage, id: string, expected: ExpectedFiles): boolean {
  const [, directory = record] = /^(.*\.(?:dist-info|egg-info|egg-link))(?:\/|$)/s.exec(record) ?? []
  const paths = [record, `${directory}/RECORD`, `${directory}/METADATA`, directory]
  return paths.some((path) => expected.at(expected.place(path)).some(({ owner }) => owner === id))
}

function changeOf(
  { rule, message, expected, actual }: Finding,
  found: InstalledPackage,
  by: string,
): AuditedChange {
  return {
    path: showPath(found.record),
    by,
    rule,
    message,
    owner: packageId(found),
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
  }
}

function extra(found: InstalledPackage): Finding {
  return {
    rule: 'package-extra',
    severity: 'error',
    subject: packageId(found),
    message: `${packageId(found)} ${found.version} is installed and not in the lockfile`,
    actual: found.version,
    evidence: [`recorded in ${showPath(found.record)}`, `${found.files.length} files`],
  }
}

function missing(lock: LockedPackage): Finding {
  return {
    rule: 'package-missing',
    severity: 'error',
    subject: packageId(lock),
    message: `${packageId(lock)} ${lock.version} of ${lock.step} is not installed`,
    expected: lock.version,
  }
}

function otherVersion(lock: LockedPackage, found: InstalledPackage): Finding {
  const other = lock.version === found.version ? ` (${found.architecture})` : ''
  return {
    rule: 'package-version',
    severity: 'error',
    subject: packageId(lock),
    message: `${packageId(lock)} is ${distance(lock.kind, lock.version, found.version)}`,
    expected: lock.version,
    actual: `${found.version}${other}`,
    evidence: [`locked by ${lock.step}`, `recorded in ${showPath(found.record)}`],
  }
}

function compare(kind: PackageKind, a: string, b: string): number {
  if (kind === 'deb') return compareDebian(a, b)
  if (kind === 'pypi') return comparePep440(a, b)
  return a === b ? 0 : 1
}

const LEVELS = ['major', 'minor', 'patch']

/** How far a version is from the locked one, in its ecosystem's own order: "older by a minor version". */
export function distance(kind: PackageKind, locked: string, found: string): string {
  if (kind !== 'deb' && kind !== 'pypi') return locked === found ? 'another build' : 'another version'
  const order = compare(kind, locked, found)
  if (order === 0) return 'of another architecture or in another directory'
  const word = order > 0 ? 'older' : 'newer'
  const [a, b] = [parts(kind, locked), parts(kind, found)]
  if (a.epoch !== b.epoch) return `${word} by an epoch`
  const level = [0, 1, 2].find((index) => (a.numbers[index] ?? 0) !== (b.numbers[index] ?? 0))
  if (level !== undefined) return `${word} by a ${LEVELS[level]} version`
  return kind === 'deb' && a.revision !== b.revision
    ? `${word} by a Debian revision`
    : `${word} by less than a patch`
}

function parts(kind: PackageKind, version: string): { epoch: string; numbers: number[]; revision: string } {
  const [, epoch = '', rest = version] =
    (kind === 'deb' ? /^(?:(\d+):)?(.*)$/ : /^v?(?:(\d+)!)?(.*)$/i).exec(version) ?? []
  const dash = kind === 'deb' ? rest.lastIndexOf('-') : -1
  const upstream = dash === -1 ? rest : rest.slice(0, dash)
  return {
    epoch,
    numbers: (/^\d+(\.\d+)*/.exec(upstream)?.[0] ?? '').split('.').map(Number),
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  }
}

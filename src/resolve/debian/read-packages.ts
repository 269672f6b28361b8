import { StillroomError } from '../../error.ts'
import { parseControl, type Stanza } from '../../formats/deb/deb822.ts'
import { compareDebian } from '../../formats/versions/compare-debian.ts'
import type { Archive } from '../../lock/schema.ts'

/** One binary package of an index; relationship fields as written, empty when missing. */
export interface BinaryPackage {
  name: string
  version: string
  architecture: string
  archive: Archive
  /** Of the index; empty when the reader did not say. */
  suite: string
  /** Below the archive's root. */
  path: string
  size: number
  sha256: string
  essential: boolean
  priority: string
  depends: string
  preDepends: string
  provides: string
  replaces: string
}

/** By name; the newest version of each. */
export type PackageSet = ReadonlyMap<string, BinaryPackage>

/** By name; each version of each, in the order of the indexes. */
export type PackageVersions = ReadonlyMap<string, readonly BinaryPackage[]>

type Index = { archive: Archive; suite?: string; packages: Uint8Array }

const FIELDS = new Set([
  'package',
  'version',
  'architecture',
  'essential',
  'priority',
  'depends',
  'pre-depends',
  'provides',
  'replaces',
  'filename',
  'size',
  'sha256',
])

/** What runs on amd64; what an entry without one is, its reader finds. */
const OURS = new Set(['amd64', 'all'])

/**
 * Reads several `Packages` files into one set: of each name the newest version, and of equal versions the one of
 * the earlier index.
 *
 * @throws {StillroomError} INDEX_INVALID when an entry lacks a field that a download needs.
 */
export function readPackages(indexes: readonly Index[]): PackageSet {
  const newest = new Map<string, BinaryPackage>()
  for (const entry of entriesOf(indexes)) {
    const known = newest.get(entry.name)
    if (known === undefined || compareDebian(entry.version, known.version) > 0) newest.set(entry.name, entry)
  }
  return newest
}

/** As `readPackages`, but every version that an index has. */
export function readVersions(indexes: readonly Index[]): PackageVersions {
  const versions = new Map<string, BinaryPackage[]>()
  for (const entry of entriesOf(indexes)) {
    const known = versions.get(entry.name)
    if (known === undefined) versions.set(entry.name, [entry])
    else known.push(entry)
  }
  return versions
}

function* entriesOf(indexes: readonly Index[]): Generator<BinaryPackage> {
  for (const { archive, suite = '', packages } of indexes) {
    for (const stanza of parseControl(packages, { fields: FIELDS })) {
      // an index of somebody else may be of all architectures
      if (OURS.has(stanza.get('architecture') ?? 'all')) yield readEntry(stanza, archive, suite)
    }
  }
}

function readEntry(stanza: Stanza, archive: Archive, suite: string): BinaryPackage {
  const field = (name: string): string => {
    const value = stanza.get(name)
    if (value !== undefined && value !== '') return value
    const owner = stanza.get('package') ?? 'an unnamed package'
    throw new StillroomError(
      'INDEX_INVALID',
      `cannot read the index of ${archive}: ${owner} has no "${name}"`,
    )
  }
  return {
    name: field('package'),
    version: field('version'),
    architecture: field('architecture'),
    archive,
    suite,
    // relative to the root of a flat archive, as dpkg-scanpackages writes it
    path: field('filename').replace(/^(\.\/+)+/, ''),
    size: Number(field('size')),
    sha256: field('sha256'),
    essential: stanza.get('essential') === 'yes',
    priority: stanza.get('priority') ?? '',
    depends: stanza.get('depends') ?? '',
    preDepends: stanza.get('pre-depends') ?? '',
    provides: stanza.get('provides') ?? '',
    replaces: stanza.get('replaces') ?? '',
  }
}

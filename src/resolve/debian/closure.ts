import { StillroomError } from '../../error.ts'
import { appliesTo, type Dependency, parseDepends } from '../../formats/deb/debian-depends.ts'
import { meetsDependency } from '../../formats/deb/meets-dependency.ts'
import type { BinaryPackage, PackageSet } from './read-packages.ts'

const ARCHITECTURE = 'amd64'

/**
 * `usrmerge` converts an existing system; a fresh root is made with merged /usr, so its alternative
 * `usr-is-merged` is the right one (as debootstrap does).
 */
const EXCLUDED = new Set(['usrmerge'])

/** What unpacking .debs into an empty directory takes. dash, because dpkg runs maintainer scripts. */
const SEED_ROOTS = ['coreutils', 'dash', 'dpkg', 'findutils', 'grep', 'sed', 'tar']

/** From trixie on, base-files carries the links from /bin and /lib into /usr that every other package relies on. */
const SEED_LINKS = 'base-files'

/**
 * The smallest set of packages that is a Debian system with apt: every Essential one, the `roots`, and all they
 * depend on (Depends and Pre-Depends; no Recommends). Sorted by name.
 *
 * Of alternatives the first available one is taken; of several packages that provide a virtual one, that of the
 * highest priority, then the first by name. No choice depends on another, so the order of the input doesn't matter.
 *
 * @throws {StillroomError} INDEX_INVALID when a dependency cannot be met.
 */
export function minimalClosure(packages: PackageSet, roots: readonly string[]): BinaryPackage[] {
  const essential = [...packages.values()].filter((entry) => entry.essential).map((entry) => entry.name)
  return closure(packages, [...essential, ...roots])
}

/**
 * The set of packages whose files alone, unpacked into an empty root without merged /usr, run dpkg, tar, coreutils
 * and a shell: they unpack and install the rest. Sorted by name.
 *
 * @throws {StillroomError} INDEX_INVALID when a dependency cannot be met.
 */
export function seedClosure(packages: PackageSet): BinaryPackage[] {
  return closure(packages, [...SEED_ROOTS, SEED_LINKS])
}

function closure(packages: PackageSet, roots: readonly string[]): BinaryPackage[] {
  const providers = findProviders(packages)
  const chosen = new Map<string, BinaryPackage>()
  const queue = roots.map((name) => choose([{ name }], packages, providers, 'the base system'))
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    if (chosen.has(entry.name)) continue
    chosen.set(entry.name, entry)
    for (const group of relations(entry, entry.preDepends, entry.depends)) {
      const alternatives = group.filter((dependency) => appliesTo(dependency, ARCHITECTURE))
      if (alternatives.length > 0) queue.push(choose(alternatives, packages, providers, entry.name))
    }
  }
  return [...chosen.values()].sort(byName)
}

interface Provider {
  entry: BinaryPackage
  /** What `Provides: name (= version)` says; without it no versioned dependency is met (policy 7.5). */
  version: string | undefined
}

function findProviders(packages: PackageSet): Map<string, Provider[]> {
  const providers = new Map<string, Provider[]>()
  for (const entry of packages.values()) {
    if (entry.provides === '') continue
    for (const { name, version } of relations(entry, entry.provides).flat()) {
      const known = providers.get(name) ?? []
      known.push({ entry, version: version?.version })
      providers.set(name, known)
    }
  }
  return providers
}

function choose(
  alternatives: readonly Dependency[],
  packages: PackageSet,
  providers: ReadonlyMap<string, Provider[]>,
  needer: string,
): BinaryPackage {
  for (const dependency of alternatives) {
    const real = packages.get(dependency.name)
    if (real !== undefined && isCandidate(real) && meetsDependency(real.version, dependency, ARCHITECTURE))
      return real
    const [best] = (providers.get(dependency.name) ?? [])
      .filter(
        ({ entry, version }) => isCandidate(entry) && meetsDependency(version, dependency, ARCHITECTURE),
      )
      .map(({ entry }) => entry)
      .sort((a, b) => priorityRank(a) - priorityRank(b) || byName(a, b))
    if (best !== undefined) return best
  }
  const wanted = alternatives.map(({ name, version }) =>
    version === undefined ? name : `${name} (${version.operator} ${version.version})`,
  )
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot complete the base system: ${needer} needs ${wanted.join(' | ')}, which no index offers`,
  )
}

function isCandidate(entry: BinaryPackage): boolean {
  return !EXCLUDED.has(entry.name)
}

/** Debian policy 2.5; an unknown priority ranks last. */
const PRIORITIES = ['required', 'important', 'standard', 'optional', 'extra']

function priorityRank(entry: BinaryPackage): number {
  const rank = PRIORITIES.indexOf(entry.priority)
  return rank === -1 ? PRIORITIES.length : rank
}

function byName(a: BinaryPackage, b: BinaryPackage): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function relations(entry: BinaryPackage, ...fields: string[]): Dependency[][] {
  try {
    return fields.flatMap(parseDepends)
  } catch (cause) {
    throw new StillroomError(
      'INDEX_INVALID',
      `cannot read the relations of ${entry.name} ${entry.version}: ${(cause as Error).message}`,
      { cause },
    )
  }
}

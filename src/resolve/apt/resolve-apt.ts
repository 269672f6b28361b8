import { StillroomError } from '../../error.ts'
import type { PackageVersion } from '../../lock/plan-lock.ts'
import { DebianPackage, type LockedApt } from '../../lock/schema.ts'
import type { AptStep } from '../../recipe/schema.ts'
import type { FetchedIndex } from '../debian/fetch-indexes.ts'
import { type BinaryPackage, type PackageSet, readPackages } from '../debian/read-packages.ts'
import type { Sandbox, SandboxFile } from '../sandbox.ts'
import { type PlannedPackage, parseSimulation } from './parse-simulation.ts'

/** Where the indexes seem to lie; nothing is read from there, apt only derives the names of its lists from it. */
const ROOT = '/stillroom'

/**
 * Resolves an apt step to exact packages: the image's own apt plans with the verified indexes as its lists, without
 * network; path, size and sha256 of what it picks come from the indexes, not from the container.
 *
 * @param sandbox a container of the image as it is before the step
 * @param stay versions that stay, though an index has newer ones
 * @throws {StillroomError} APT_PACKAGE_UNKNOWN, APT_VERSION_UNKNOWN (each lists all that are), APT_UNRESOLVABLE with
 *   apt's own explanation
 */
export async function resolveApt(
  step: AptStep,
  indexes: readonly FetchedIndex[],
  sandbox: Sandbox,
  stay: readonly PackageVersion[] = [],
): Promise<LockedApt> {
  const sets = indexes.map(({ index, packages }) => readPackages([{ archive: index.archive, packages }]))
  requireKnown(step, sets)
  await sandbox.write([...aptLists(indexes), preferences(stay)])
  const command = [
    ...['apt-get', 'install', '--simulate', '--yes', '--quiet=1', '--allow-downgrades'],
    ...['-o', 'Dir::Etc::SourceList=/stillroom/sources.list', '-o', 'Dir::Etc::SourceParts=/dev/null'],
    ...[
      '-o',
      'Dir::State::Lists=/stillroom/lists',
      '-o',
      'Dir::Cache::pkgcache=',
      '-o',
      'Dir::Cache::srcpkgcache=',
    ],
    ...['-o', `Dir::Etc::Preferences=${ROOT}/preferences`, '-o', 'Dir::Etc::PreferencesParts=/dev/null'],
    ...['-o', `APT::Install-Recommends=${step.recommends}`, '--', ...step.packages],
  ]
  const { exitCode, stdout, stderr } = await sandbox.run(command, {
    LC_ALL: 'C',
    DEBIAN_FRONTEND: 'noninteractive',
  })
  if (exitCode !== 0) throw unresolvable(`${stdout}\n${stderr}`.trim(), step)
  const { install, remove, order } = parseSimulation(stdout)
  if (remove.length > 0) throw unresolvable(`apt would remove ${remove.join(', ')}`, step)
  return { kind: 'apt', packages: install.map((planned) => lockPlanned(planned, sets)), order }
}

/** apt_preferences(5): above 1000, a version is taken even though it is an older one. */
function preferences(stay: readonly PackageVersion[]): SandboxFile {
  const stanzas = stay.map(
    ({ name, version }) => `Package: ${name}\nPin: version ${version}\nPin-Priority: 1001\n`,
  )
  return { path: `${ROOT}/preferences`, content: stanzas.join('\n') }
}

/** Lists as `apt-get update` leaves them, named after their address with `_` for `/`. */
function aptLists(indexes: readonly FetchedIndex[]): SandboxFile[] {
  const sources: string[] = []
  const files: SandboxFile[] = []
  for (const { index, inRelease, packages } of indexes) {
    // a suite may be there in two states
    const root = `${ROOT}/${index.release.slice(0, 12)}/${index.archive}`
    sources.push(`deb [check-valid-until=no] file:${root} ${index.suite} ${index.component}\n`)
    const stem = `${ROOT}/lists/${`${root}/dists/${index.suite}`.replaceAll('/', '_')}`
    files.push({ path: `${stem}_InRelease`, content: inRelease })
    files.push({ path: `${stem}_${index.component}_binary-amd64_Packages`, content: packages })
  }
  files.push({ path: `${ROOT}/lists/partial/.keep`, content: '' })
  files.push({ path: `${ROOT}/sources.list`, content: sources.join('') })
  return files
}

/** Names every unknown package and version at once; apt stops at the first kind. A lock could not hold a virtual one. */
function requireKnown(step: AptStep, sets: readonly PackageSet[]): void {
  const unknown: string[] = []
  const virtual: string[] = []
  const versions: string[] = []
  for (const request of step.packages) {
    const [name, version] = request.split('=') as [string, string?]
    const found = sets.map((set) => set.get(name)).filter((entry) => entry !== undefined)
    if (found.length === 0) {
      const providers = providersOf(name, sets)
      if (providers.length === 0) unknown.push(name)
      else virtual.push(`"${name}" is one of ${providers.slice(0, 8).join(', ')}`)
    }
    if (version !== undefined && found.length > 0 && !found.some((entry) => entry.version === version)) {
      const available = [...new Set(found.map((entry) => entry.version))].join(', ')
      versions.push(`${name}: expected ${version}, available ${available}`)
    }
  }
  if (unknown.length > 0) {
    throw new StillroomError(
      'APT_PACKAGE_UNKNOWN',
      `cannot resolve apt packages: the suite has no ${unknown.join(', ')}`,
      {
        hint: 'check the names, and whether they are in component main of this suite',
        details: { packages: unknown },
      },
    )
  }
  if (virtual.length > 0) {
    throw new StillroomError(
      'APT_PACKAGE_UNKNOWN',
      `cannot resolve apt packages that are only provided by others: ${virtual.join('; ')}`,
      { hint: 'name the package itself', details: { packages: virtual } },
    )
  }
  if (versions.length > 0) {
    throw new StillroomError('APT_VERSION_UNKNOWN', `cannot resolve apt packages: ${versions.join('; ')}`, {
      hint: 'name a version that the suite has, or leave it out: the lockfile pins it anyway',
      details: { packages: versions },
    })
  }
}

/** Debian policy 7.5: names of the packages that provide another. */
function providersOf(name: string, sets: readonly PackageSet[]): string[] {
  const provides = (entry: BinaryPackage) =>
    entry.provides.split(',').some((one) => one.trim().split(/[\s(]/, 1)[0] === name)
  return [...new Set(sets.flatMap((set) => [...set.values()].filter(provides).map((entry) => entry.name)))]
}

function lockPlanned(
  { name, version, architecture }: PlannedPackage,
  sets: readonly PackageSet[],
): DebianPackage {
  const fits = (entry: BinaryPackage | undefined) =>
    entry?.version === version && entry.architecture === architecture
  const entry = sets.map((set) => set.get(name)).find(fits)
  if (entry === undefined) {
    throw new StillroomError(
      'INDEX_INVALID',
      `apt picked ${name} ${version} (${architecture}), which no verified index holds`,
    )
  }
  const { archive, path, size, sha256 } = entry
  return DebianPackage.parse({ name, version, architecture, archive, path, size, sha256 })
}

/** @param said all that apt printed: its explanation comes before the error itself */
function unresolvable(said: string, step: AptStep): StillroomError {
  const explanation = said.slice(Math.max(0, said.search(/^(The following packages have unmet|E: )/m))).trim()
  const blamed = [...explanation.matchAll(/(?:Depends|Breaks|Conflicts): ([a-z0-9][a-z0-9+.-]*)/g)]
  return new StillroomError(
    'APT_UNRESOLVABLE',
    `apt cannot install ${step.packages.join(' ')} together: ${explanation}`,
    {
      hint: 'ask for packages that go together; apt names the ones that do not',
      details: { blamed: [...new Set(blamed.map(([, name = '']) => name))] },
    },
  )
}

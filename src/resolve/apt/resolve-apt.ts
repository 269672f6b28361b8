import { StillroomError } from '../../error.ts'
import type { PackageVersion } from '../../lock/plan-lock.ts'
import { DebianPackage, type LockedApt } from '../../lock/schema.ts'
import type { AptStep } from '../../recipe/schema.ts'
import type { FetchedIndex } from '../debian/fetch-indexes.ts'
import { type BinaryPackage, type PackageVersions, readVersions } from '../debian/read-packages.ts'
import { splitRelease } from '../debian/release-file.ts'
import type { Sandbox, SandboxFile } from '../sandbox.ts'
import { type PlannedPackage, parseSimulation } from './parse-simulation.ts'

/** Where the indexes seem to lie; nothing is read from there, apt only derives the names of its lists from it. */
const ROOT = '/stillroom'

/** Verified indexes, and what they hold. */
export interface AptIndexes {
  indexes: readonly FetchedIndex[]
  packages: PackageVersions
  /** Sandboxes that have them as apt's lists already. */
  written: WeakSet<Sandbox>
}

/** @throws {StillroomError} INDEX_INVALID */
export function openIndexes(indexes: readonly FetchedIndex[]): AptIndexes {
  const packages = readVersions(
    indexes.map(({ index, packages }) => ({ archive: index.archive, suite: index.suite, packages })),
  )
  return { indexes, packages, written: new WeakSet() }
}

/**
 * Resolves an apt step to exact packages: the image's own apt plans with the verified indexes as its lists, without
 * network; path, size and sha256 of what it picks come from the indexes, not from the container.
 *
 * @param sandbox a container of the image as it is before the step
 * @param stay versions that stay, though an index has newer ones
 * @throws {StillroomError} APT_UNRESOLVABLE with apt's own explanation; INDEX_INVALID
 */
export async function resolveApt(
  step: AptStep,
  { indexes, packages, written }: AptIndexes,
  sandbox: Sandbox,
  stay: readonly PackageVersion[] = [],
): Promise<LockedApt> {
  await sandbox.write([...(written.has(sandbox) ? [] : aptLists(indexes)), preferences(stay)])
  written.add(sandbox)
  const command = [
    ...['apt-get', 'install', '--simulate', '--yes', '--quiet=1', '--allow-downgrades'],
    ...['-o', `Dir::Etc::SourceList=${ROOT}/sources.list`, '-o', 'Dir::Etc::SourceParts=/dev/null'],
    ...['-o', `Dir::State::Lists=${ROOT}/lists`, '-o', 'Dir::Cache::pkgcache='],
    // what apt reads from the lists, for the next step
    ...['-o', `Dir::Cache::srcpkgcache=${ROOT}/lists.cache`],
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
  return { kind: 'apt', packages: install.map((planned) => lockPlanned(planned, packages)), order }
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
  for (const [number, { index, inRelease, packages }] of indexes.entries()) {
    // a suite may be there in two states; an address and a flat suite may have what apt writes otherwise in such names
    const { archive, suite, component } =
      index.url === undefined ? index : { archive: 'other', suite: 'suite', component: `c${number}` }
    const root = `${ROOT}/${index.release.slice(0, 12)}/${archive}`
    sources.push(`deb [check-valid-until=no] file:${root} ${suite} ${component}\n`)
    const stem = `${ROOT}/lists/${`${root}/dists/${suite}`.replaceAll('/', '_')}`
    const apart = splitRelease(inRelease)
    if (apart === undefined) files.push({ path: `${stem}_InRelease`, content: inRelease })
    else {
      files.push({ path: `${stem}_Release`, content: apart.text })
      // that there is one says to apt that the list was verified, as it was
      files.push({ path: `${stem}_Release.gpg`, content: apart.signature })
    }
    files.push({ path: `${stem}_${component}_binary-amd64_Packages`, content: packages })
  }
  files.push({ path: `${ROOT}/lists/partial/.keep`, content: '' })
  files.push({ path: `${ROOT}/sources.list`, content: sources.join('') })
  return files
}

function lockPlanned(
  { name, version, architecture }: PlannedPackage,
  packages: PackageVersions,
): DebianPackage {
  const fits = (entry: BinaryPackage) => entry.version === version && entry.architecture === architecture
  const entry = packages.get(name)?.find(fits)
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

import { StillroomError } from '../../error.ts'
import type { PackageVersion } from '../../lock/plan-lock.ts'
import { DebianPackage, type LockedApt } from '../../lock/schema.ts'
import { parseAptRequest } from '../../recipe/apt-request.ts'
import type { AptStep } from '../../recipe/schema.ts'
import type { FetchedIndex } from '../debian/fetch-indexes.ts'
import { type BinaryPackage, type PackageVersions, readVersions } from '../debian/read-packages.ts'
import { splitRelease } from '../debian/release-file.ts'
import type { Sandbox, SandboxFile, SandboxResult } from '../sandbox.ts'
import { type PlannedPackage, parseSimulation, type Simulation } from './parse-simulation.ts'
import { ReachablePackages } from './reachable-packages.ts'

/** Where the indexes seem to lie; nothing is read from there, apt only derives the names of its lists from it. */
const ROOT = '/stillroom'

/** Verified indexes, and what they hold. */
export interface AptIndexes {
  indexes: readonly FetchedIndex[]
  packages: PackageVersions
  /** What apt can come to of them, read when it is first asked for; undefined when they have what cannot be read. */
  reachable(): ReachablePackages | undefined
  /** Sandboxes that have them as apt's lists already. */
  written: WeakSet<Sandbox>
}

/** @throws {StillroomError} INDEX_INVALID */
export function openIndexes(indexes: readonly FetchedIndex[]): AptIndexes {
  const packages = readVersions(
    indexes.map(({ index, packages }) => ({ archive: index.archive, suite: index.suite, packages })),
  )
  let reachable: { packages: ReachablePackages | undefined } | undefined
  return {
    indexes,
    packages,
    reachable: () => {
      reachable ??= { packages: readReachable(indexes) }
      return reachable.packages
    },
    written: new WeakSet(),
  }
}

function readReachable(indexes: readonly FetchedIndex[]): ReachablePackages | undefined {
  try {
    return new ReachablePackages(indexes.map(({ packages }) => packages))
  } catch (error) {
    // apt says what it makes of it
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** How apt is asked. */
export interface ResolveAptOptions {
  /** Versions that stay, though an index has newer ones. */
  stay?: readonly PackageVersion[]
  /** dpkg's `status`, when all that apt's plan depends on besides is as Debian has it. */
  installed?: string | undefined
}

/**
 * Resolves an apt step to exact packages: the image's own apt plans with the verified indexes as its lists, without
 * network; path, size and sha256 of what it picks come from the indexes, not from the container.
 *
 * When it is known what is installed, apt is first given those parts of the indexes that it can come to. The plan is the one that
 * it would make with all of them as long as apt finds nothing that is broken, as what it does then depends on all packages
 * there are; otherwise it plans again, with all.
 *
 * @param sandbox a container of the image as it is before the step
 * @throws {StillroomError} APT_UNRESOLVABLE with apt's own explanation; INDEX_INVALID
 */
export async function resolveApt(
  step: AptStep,
  indexes: AptIndexes,
  sandbox: Sandbox,
  { stay = [], installed }: ResolveAptOptions = {},
): Promise<LockedApt> {
  const near =
    installed === undefined ? undefined : await planFromParts(step, indexes, sandbox, stay, installed)
  const { install, remove, order } = near ?? (await planFromAll(step, indexes, sandbox, stay))
  if (remove.length > 0) throw unresolvable(`apt would remove ${remove.join(', ')}`, step)
  return { kind: 'apt', packages: install.map((planned) => lockPlanned(planned, indexes.packages)), order }
}

/** apt's plan when it sees the packages that it can come to; undefined when it may be another one than with all packages. */
async function planFromParts(
  step: AptStep,
  indexes: AptIndexes,
  sandbox: Sandbox,
  stay: readonly PackageVersion[],
  installed: string,
): Promise<Simulation | undefined> {
  const requested = step.packages.map((word) => parseAptRequest(word).name)
  const parts = indexes.reachable()?.lists({ installed, requested, recommends: step.recommends })
  if (parts === undefined) return undefined
  await sandbox.write([...aptLists(indexes.indexes, 'parts', parts), preferences(stay)])
  const debug = ['-o', 'Debug::pkgProblemResolver=true']
  const { exitCode, stdout, stderr } = await simulate(step, sandbox, 'parts', [
    '-o',
    'Dir::Cache::srcpkgcache=',
    ...debug,
  ])
  const plan = parseSimulation(stdout)
  const counts = [...stderr.matchAll(/ with broken count: (\d+)$/gm)].map(([, count]) => count)
  const isWhole = counts.length > 0 && counts.every((count) => count === '0')
  return exitCode === 0 && isWhole && plan.remove.length === 0 ? plan : undefined
}

/** @throws {StillroomError} APT_UNRESOLVABLE */
async function planFromAll(
  step: AptStep,
  { indexes, written }: AptIndexes,
  sandbox: Sandbox,
  stay: readonly PackageVersion[],
): Promise<Simulation> {
  await sandbox.write([...(written.has(sandbox) ? [] : aptLists(indexes, 'lists')), preferences(stay)])
  written.add(sandbox)
  // what apt reads from the lists, for the next step
  const cache = ['-o', `Dir::Cache::srcpkgcache=${ROOT}/lists.cache`]
  const { exitCode, stdout, stderr } = await simulate(step, sandbox, 'lists', cache)
  if (exitCode !== 0) throw unresolvable(`${stdout}\n${stderr}`.trim(), step)
  return parseSimulation(stdout)
}

/** @param lists the name of the directory that has them */
function simulate(
  step: AptStep,
  sandbox: Sandbox,
  lists: string,
  options: readonly string[],
): Promise<SandboxResult> {
  const command = [
    ...['apt-get', 'install', '--simulate', '--yes', '--quiet=1', '--allow-downgrades'],
    ...['-o', `Dir::Etc::SourceList=${ROOT}/sources.list`, '-o', 'Dir::Etc::SourceParts=/dev/null'],
    ...['-o', `Dir::State::Lists=${ROOT}/${lists}`, '-o', 'Dir::Cache::pkgcache=', ...options],
    ...['-o', `Dir::Etc::Preferences=${ROOT}/preferences`, '-o', 'Dir::Etc::PreferencesParts=/dev/null'],
    ...['-o', `APT::Install-Recommends=${step.recommends}`, '--', ...step.packages],
  ]
  return sandbox.run(command, { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' })
}

/** apt_preferences(5): above 1000, a version is taken even though it is an older one. */
function preferences(stay: readonly PackageVersion[]): SandboxFile {
  const stanzas = stay.map(
    ({ name, version }) => `Package: ${name}\nPin: version ${version}\nPin-Priority: 1001\n`,
  )
  return { path: `${ROOT}/preferences`, content: stanzas.join('\n') }
}

/**
 * Lists as `apt-get update` leaves them, named after their address with `_` for `/`.
 *
 * @param directory where they are put, below the root
 * @param contents of each `Packages` file, when not all of it
 */
function aptLists(
  indexes: readonly FetchedIndex[],
  directory: string,
  contents?: readonly Uint8Array[],
): SandboxFile[] {
  const sources: string[] = []
  const files: SandboxFile[] = []
  for (const [number, { index, inRelease, packages }] of indexes.entries()) {
    // a suite may be there in two states; an address and a flat suite may have what apt writes otherwise in such names
    const { archive, suite, component } =
      index.url === undefined ? index : { archive: 'other', suite: 'suite', component: `c${number}` }
    const root = `${ROOT}/${index.release.slice(0, 12)}/${archive}`
    sources.push(`deb [check-valid-until=no] file:${root} ${suite} ${component}\n`)
    const stem = `${ROOT}/${directory}/${`${root}/dists/${suite}`.replaceAll('/', '_')}`
    const apart = splitRelease(inRelease)
    if (apart === undefined) files.push({ path: `${stem}_InRelease`, content: inRelease })
    else {
      files.push({ path: `${stem}_Release`, content: apart.text })
      // that there is one says to apt that the list was verified, as it was
      files.push({ path: `${stem}_Release.gpg`, content: apart.signature })
    }
    files.push({
      path: `${stem}_${component}_binary-amd64_Packages`,
      content: contents?.[number] ?? packages,
    })
  }
  files.push({ path: `${ROOT}/${directory}/partial/.keep`, content: '' })
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

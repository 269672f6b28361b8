import { StillroomError } from '../../error.ts'
import type { Archive, DebianIndex } from '../../lock/schema.ts'
import { type SuiteChoice, type SuiteIndex, suiteIndexes } from '../../lock/suite-indexes.ts'
import type { Get } from '../../net/http-get.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { Component } from '../../recipe/schema.ts'
import { firstGood } from '../../sources/first-good.ts'
import { oldReleaseUrls } from './archive-urls.ts'
import { fetchPackages, sha256 } from './fetch-packages.ts'
import type { ReleaseFile } from './parse-release.ts'
import { fetchRelease } from './release-file.ts'
import { isFlat, packagesPath, suiteRoot } from './suite-paths.ts'
import { verifyRelease } from './verify-release.ts'

/** A package index with all that proves it. */
export interface FetchedIndex {
  index: DebianIndex
  /** As served, or put together of `Release` and `Release.gpg`; see `fetchRelease`. */
  inRelease: Uint8Array
  /** Uncompressed, verified. */
  packages: Uint8Array
}

export interface FetchIndexesOptions {
  get: Get
  /** Roots of each archive's mirrors, the preferred one first. */
  sources: Readonly<Record<string, readonly string[]>>
  /** ASCII-armored public keys that may sign. */
  keys: readonly string[]
  /** Fingerprints of those that sign a suite, of which one must have; any of the keys without. */
  signers?: (suite: string) => readonly string[]
  /** What was locked before: no index of the same name may be older. */
  known?: readonly DebianIndex[]
  /** Root of the archive of old releases, asked for a suite that no mirror has. */
  oldReleases?: string | undefined
  /** Whether the sources have another day's: how long an index is valid does not count then. */
  pinned?: boolean
  /** Packages files that were fetched before, by their sha256: one that a Release file names is not fetched again. */
  cached?: (sha256: string) => Promise<Uint8Array | undefined>
  now: Date
}

/**
 * Fetches and verifies a suite's current indexes: the suite, its updates, its security updates and its
 * backports, as chosen. A mirror that
 * fails or offers something unverifiable is passed over for the next one.
 *
 * @throws {StillroomError} when no mirror has a verifiable index: SIGNATURE_INVALID, INDEX_EXPIRED, INDEX_OLDER,
 *   INDEX_INVALID or FETCH_FAILED, the gravest of what the mirrors gave.
 */
export async function fetchIndexes(
  choice: SuiteChoice,
  options: FetchIndexesOptions,
): Promise<FetchedIndex[]> {
  const found = suiteIndexes(choice).map((wanted) => fetchSuite(wanted, options))
  return (await Promise.all(found)).flat()
}

/**
 * The current indexes of a suite that are not chosen: other components and backports, as far as there are any and they can be
 * had.
 */
export async function fetchOtherIndexes(
  choice: SuiteChoice,
  options: FetchIndexesOptions,
): Promise<FetchedIndex[]> {
  const chosen = suiteIndexes(choice)
  const isChosen = (suite: string, component: string) =>
    chosen.some((each) => each.suite === suite && each.components.includes(component))
  const others = suiteIndexes({ ...choice, components: Component.options, backports: true }).flatMap(
    ({ components, ...place }) =>
      components
        .filter((component) => !isChosen(place.suite, component))
        .map((component) => ({ ...place, components: [component] })),
  )
  const found = others.map((wanted) =>
    fetchSuite(wanted, options).catch((error: unknown) => {
      if (error instanceof StillroomError) return []
      throw error
    }),
  )
  return (await Promise.all(found)).flat()
}

/** Components of one suite from a mirror; from the archive of old releases when no mirror has the suite any more. */
async function fetchSuite(
  { archive, suite, components }: SuiteIndex,
  options: FetchIndexesOptions,
): Promise<FetchedIndex[]> {
  const from = (roots: readonly string[], pinned: boolean) =>
    firstMirror(roots, (base) =>
      fetchComponents(base, suite, components, () => archive, { ...options, pinned }),
    )
  const mirrors = options.sources[archive] ?? []
  try {
    return await from(mirrors, options.pinned ?? false)
  } catch (error) {
    const old = oldReleaseUrls(options.oldReleases, archive)
    if (!(error instanceof StillroomError) || error.details?.status !== 404 || old.length === 0) throw error
    // nothing is published there any more, so that Valid-Until is long past
    return await from(old, true).catch((worse: unknown) => {
      throw worse instanceof StillroomError && worse.code !== 'FETCH_FAILED' ? worse : error
    })
  }
}

/**
 * Components of one suite from one mirror, verified.
 *
 * @param nameOf what the lock calls the archive of a verified Release file
 */
export async function fetchComponents(
  base: string,
  suite: string,
  components: readonly string[],
  nameOf: (release: ReleaseFile) => Archive,
  { get, keys, signers, known = [], now, pinned = false, cached }: Omit<FetchIndexesOptions, 'sources'>,
): Promise<FetchedIndex[]> {
  const root = suiteRoot(base, suite)
  const source = redactUrl(`${root}/InRelease`)
  const inRelease = await fetchRelease(root, get)
  const { release, signedBy } = await verifyRelease(inRelease, { keys, now, source, pinned })
  checkSuite(release, suite, source)
  checkSigners(signedBy, suite, source, signers)
  const archive = nameOf(release)
  const date = `${release.date.toISOString().slice(0, 19)}Z`
  const indexes: FetchedIndex[] = []
  for (const component of components) {
    requireNotOlder({ archive, suite, component, date }, known, source)
    const packages = await fetchPackages(root, release, get, packagesPath(suite, component), cached)
    const digests = { release: sha256(inRelease), packages: sha256(packages) }
    indexes.push({ index: { archive, suite, component, date, ...digests, signedBy }, inRelease, packages })
  }
  return indexes
}

/** A well-signed Release file of another suite is no answer: a mirror could hand out an older Debian that way. */
export function checkSuite(release: ReleaseFile, suite: string, source: string): void {
  // Ubuntu's updates and Debian's security updates of old share the codename of the suite that they are for
  // a flat suite is a directory, which a Release file does not name
  if (isFlat(suite)) return
  const names = [release.codename, `${release.codename}/updates`]
  if (names.includes(suite) || release.suite === suite) return
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot use ${source}: expected suite "${suite}", got "${release.codename || release.suite}"`,
  )
}

/** A key of another suite vouches for that one: who has it must not make an index of this one. */
export function checkSigners(
  signedBy: readonly string[],
  suite: string,
  source: string,
  signers: FetchIndexesOptions['signers'],
): void {
  const own = signers?.(suite)
  if (own === undefined || signedBy.some((fingerprint) => own.includes(fingerprint))) return
  throw new StillroomError(
    'SIGNATURE_INVALID',
    `cannot verify ${source}: expected a signature by a key of suite "${suite}" (${own.join(', ')}), got ${signedBy.join(', ')}`,
    { hint: 'the mirror has a Release file that Debian did not sign for this suite: name another one' },
  )
}

/** An old index is signed as well as a new one, and may lack years of security updates. */
function requireNotOlder(
  found: Pick<DebianIndex, 'archive' | 'suite' | 'component' | 'date'>,
  known: readonly DebianIndex[],
  source: string,
): void {
  const isSame = (index: DebianIndex) =>
    index.archive === found.archive && index.suite === found.suite && index.component === found.component
  const newer = known.find((index) => isSame(index) && Date.parse(index.date) > Date.parse(found.date))
  if (newer === undefined) return
  throw new StillroomError(
    'INDEX_OLDER',
    `cannot use ${source}: it is of ${found.date}, older than the locked one of ${newer.date}`,
    {
      hint: 'name a mirror that is up to date, or take the older one with --older-indexes',
      details: { suite: found.suite, locked: newer.date, found: found.date },
    },
  )
}

const GRAVITY = ['SIGNATURE_INVALID', 'INDEX_INVALID', 'INDEX_OLDER', 'INDEX_EXPIRED', 'FETCH_FAILED']

/** What the first mirror gives; else throws the gravest failure. */
export function firstMirror<T>(
  mirrors: readonly string[],
  attempt: (base: string) => Promise<T>,
): Promise<T> {
  const rank = ({ code }: StillroomError): number => GRAVITY.indexOf(code)
  return firstGood(mirrors, attempt, (failures) => {
    const [worst] = failures.sort((a, b) => rank(a) - rank(b))
    return worst ?? new StillroomError('SOURCE_UNKNOWN', 'cannot fetch a Debian index: no mirror is known')
  })
}

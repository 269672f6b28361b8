import { StillroomError } from '../../error.ts'
import type { Archive, DebianIndex } from '../../lock/schema.ts'
import { suiteIndexes } from '../../lock/suite-indexes.ts'
import type { Get } from '../../net/http-get.ts'
import { redactUrl } from '../../net/redact-url.ts'
import type { Suite } from '../../recipe/schema.ts'
import { fetchPackages, sha256 } from './fetch-packages.ts'
import type { ReleaseFile } from './parse-release.ts'
import { verifyRelease } from './verify-release.ts'

/** A package index with all that proves it. */
export interface FetchedIndex {
  index: DebianIndex
  /** As served. */
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
  now: Date
}

/** Debian's Release files are about 150 kB. */
export const RELEASE_LIMIT = 16 * 1024 * 1024

/**
 * Fetches and verifies a suite's current indexes: the suite, its updates and its security updates. A mirror that
 * fails or offers something unverifiable is passed over for the next one.
 *
 * @throws {StillroomError} when no mirror has a verifiable index: SIGNATURE_INVALID, INDEX_EXPIRED, INDEX_INVALID or
 *   FETCH_FAILED, the gravest of what the mirrors gave.
 */
export async function fetchIndexes(suite: Suite, options: FetchIndexesOptions): Promise<FetchedIndex[]> {
  return await Promise.all(
    suiteIndexes(suite).map(async (wanted) =>
      firstGood(options.sources[wanted.archive] ?? [], (base) => fetchIndex(base, wanted, options)),
    ),
  )
}

/** One component of one suite from one mirror, verified. */
async function fetchIndex(
  base: string,
  wanted: { archive: Archive; suite: string },
  options: FetchIndexesOptions,
): Promise<FetchedIndex> {
  const root = `${base}/dists/${wanted.suite}`
  const source = `${root}/InRelease`
  const inRelease = await options.get(source, { limit: RELEASE_LIMIT })
  const { release, signedBy } = await verifyRelease(inRelease, { ...options, source: redactUrl(source) })
  checkSuite(release, wanted.suite, redactUrl(source))
  const packages = await fetchPackages(root, release, options.get)
  return {
    index: {
      ...wanted,
      component: 'main',
      date: `${release.date.toISOString().slice(0, 19)}Z`,
      release: sha256(inRelease),
      packages: sha256(packages),
      signedBy,
    },
    inRelease,
    packages,
  }
}

/** A well-signed Release file of another suite is no answer: a mirror could hand out an older Debian that way. */
export function checkSuite(release: ReleaseFile, suite: string, source: string): void {
  // Ubuntu's updates and Debian's security updates of old share the codename of the suite that they are for
  const names = [release.codename, `${release.codename}/updates`]
  if (names.includes(suite) || release.suite === suite) return
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot use ${source}: expected suite "${suite}", got "${release.codename}"`,
  )
}

const GRAVITY = ['SIGNATURE_INVALID', 'INDEX_INVALID', 'INDEX_EXPIRED', 'FETCH_FAILED']

/** The first source that gives what is asked; else the gravest failure. What is no StillroomError is thrown at once. */
export async function firstGood<T>(
  sources: readonly string[],
  attempt: (source: string) => Promise<T>,
): Promise<T> {
  const failures: StillroomError[] = []
  for (const source of sources) {
    try {
      return await attempt(source)
    } catch (error) {
      if (!(error instanceof StillroomError)) throw error
      failures.push(error)
    }
  }
  const rank = (error: StillroomError): number => GRAVITY.indexOf(error.code)
  const [worst] = failures.sort((a, b) => rank(a) - rank(b))
  throw worst ?? new StillroomError('SOURCE_UNKNOWN', 'cannot fetch a Debian index: no mirror is known')
}

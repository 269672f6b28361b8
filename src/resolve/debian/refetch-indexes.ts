import { StillroomError } from '../../error.ts'
import type { DebianIndex } from '../../lock/schema.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { firstGood } from '../../sources/first-good.ts'
import { archiveUrls } from './archive-urls.ts'
import { checkSigners, checkSuite, type FetchedIndex, type FetchIndexesOptions } from './fetch-indexes.ts'
import { fetchPackages, sha256 } from './fetch-packages.ts'
import type { ReleaseFile } from './parse-release.ts'
import { fetchRelease } from './release-file.ts'
import { packagesPath, suiteRoot } from './suite-paths.ts'
import { verifyRelease } from './verify-release.ts'

/** What to do when something was asked from mirrors alone. */
export const ASK_SNAPSHOT =
  'no snapshot service was asked, since STILLROOM_SNAPSHOT (or sources.snapshot) is "none": unset it, or name one'

export interface RefetchIndexesOptions extends FetchIndexesOptions {
  /** Root of a snapshot service, where older states of the archives can be had. */
  snapshot?: string | undefined
  /** Root of the archive of old releases. */
  oldReleases?: string | undefined
  /** Bytes that were kept from before, by their sha256; they are checked like any other. */
  cached?: (sha256: string) => Promise<Uint8Array | undefined>
}

/**
 * Fetches exactly the indexes that a lockfile names: those kept from before, else from a mirror while it still has
 * them, else from the snapshot service. They may have expired; their signatures are verified all the same.
 *
 * @throws {StillroomError} INDEX_INVALID when no source has them any more; SIGNATURE_INVALID; FETCH_FAILED when no
 *   source answered at all.
 */
export async function refetchIndexes(
  locked: readonly DebianIndex[],
  options: RefetchIndexesOptions,
): Promise<FetchedIndex[]> {
  return await Promise.all(locked.map((index) => refetchIndex(index, options)))
}

async function refetchIndex(index: DebianIndex, options: RefetchIndexesOptions): Promise<FetchedIndex> {
  const { inRelease, roots } = await findRelease(index, options)
  const source = `InRelease of ${index.suite} (${index.date})`
  const { release, signedBy } = await verifyRelease(inRelease, { ...options, source, pinned: true })
  checkSuite(release, index.suite, source)
  checkSigners(signedBy, index.suite, source, options.signers)
  checkLocked(index, release)
  return { index, inRelease, packages: await findPackages(index, release, roots, options) }
}

/** A lockfile edited by hand may name a signed Release file and something else beside it. */
function checkLocked(index: DebianIndex, release: ReleaseFile): void {
  const named = release.files.get(packagesPath(index.suite, index.component))
  // an archive may name its index compressed alone: then what is unpacked is compared
  const signed = { date: release.date.getTime(), packages: named?.sha256 ?? index.packages }
  if (signed.date === new Date(index.date).getTime() && signed.packages === index.packages) return
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot use the locked index of ${index.suite}: expected date ${index.date} and Packages with sha256 ${index.packages}, but its signed Release file says ${release.date.toISOString()} and ${signed.packages}`,
    { hint: 'the lockfile was edited by hand: lock again with `stillroom lock recipe NAME --upgrade`' },
  )
}

/** The Release file, and where its index may lie: the place it came from first. */
async function findRelease(
  index: DebianIndex,
  options: RefetchIndexesOptions,
): Promise<{ inRelease: Uint8Array; roots: string[] }> {
  const bases = archiveUrls(index.archive, new Date(index.date), {
    debian: options.sources,
    snapshot: options.snapshot,
    oldReleases: options.oldReleases,
  })
  const roots = bases.map((base) => suiteRoot(base, index.suite))
  const kept = await options.cached?.(index.release)
  if (kept !== undefined && sha256(kept) === index.release) return { inRelease: kept, roots }
  const ask = async (root: string) => {
    const inRelease = await fetchRelease(root, options.get)
    const got = sha256(inRelease)
    if (got !== index.release) throw new StillroomError('INDEX_INVALID', `${redactUrl(root)} has ${got}`)
    return { inRelease, roots: [root, ...roots.filter((other) => other !== root)] }
  }
  return firstGood(roots, ask, (failures) =>
    failures.length > 0 && failures.every(({ code }) => code === 'FETCH_FAILED')
      ? failures[0]
      : gone(index, `InRelease with sha256 ${index.release}`, failures, options),
  )
}

async function findPackages(
  index: DebianIndex,
  release: ReleaseFile,
  roots: readonly string[],
  options: RefetchIndexesOptions,
): Promise<Uint8Array> {
  const kept = await options.cached?.(index.packages)
  if (kept !== undefined && sha256(kept) === index.packages) return kept
  return firstGood(
    roots,
    async (root) => {
      const path = packagesPath(index.suite, index.component)
      const packages = await fetchPackages(root, release, options.get, path)
      if (sha256(packages) === index.packages) return packages
      throw new StillroomError('INDEX_INVALID', `${redactUrl(root)} has ${sha256(packages)}`)
    },
    (failures) => gone(index, `Packages with sha256 ${index.packages}`, failures, options),
  )
}

function gone(
  index: DebianIndex,
  what: string,
  failures: readonly StillroomError[],
  { snapshot }: RefetchIndexesOptions,
): StillroomError {
  const asked = snapshot === undefined ? ASK_SNAPSHOT : 'name a mirror that still has it'
  return new StillroomError(
    'INDEX_INVALID',
    `cannot fetch the locked index of ${index.suite}: no source has its ${what} of ${index.date}`,
    {
      hint: `${asked}, or lock again with \`stillroom lock recipe NAME --upgrade\``,
      details: { tried: failures.map(({ message }) => message) },
    },
  )
}

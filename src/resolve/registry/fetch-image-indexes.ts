import { StillroomError } from '../../error.ts'
import type { DebianIndex } from '../../lock/schema.ts'
import type { Get } from '../../net/http-get.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { type FetchedIndex, fetchComponents, firstMirror } from '../debian/fetch-indexes.ts'
import type { ReleaseFile } from '../debian/parse-release.ts'
import { refetchIndexes } from '../debian/refetch-indexes.ts'
import { type ImageAptSource, nameArchive } from './image-apt-sources.ts'

export interface ImageIndexOptions {
  get: Get
  now: Date
  /** This machine's mirrors by archive, asked before the image's own addresses. */
  mirrors: Readonly<Record<string, readonly string[]>>
  /** What was locked before: no index of the same name may be older. */
  known?: readonly DebianIndex[]
  /** Whether mirrors have another day's: how long an index is valid does not count then. */
  pinned?: boolean
  /** Root of a snapshot service of Debian. */
  snapshot?: string | undefined
  /** Root of Debian's archive of old releases. */
  oldReleases?: string | undefined
  /** Bytes that were kept from before, by their sha256. */
  cached?: (sha256: string) => Promise<Uint8Array | undefined>
}

/**
 * Fetches the present indexes of an image's own apt sources, each verified by the keys that the image has for it.
 *
 * @throws {StillroomError} as `fetchIndexes`; SIGNATURE_INVALID when the image has no key for a source
 */
export async function fetchImageIndexes(
  sources: readonly ImageAptSource[],
  options: ImageIndexOptions,
): Promise<FetchedIndex[]> {
  const found = await Promise.all(
    sources.map(async (source) => {
      const keys = await readKeyrings(source)
      const { uris, suite, components } = source
      return firstMirror(urlsOf(source, options), (base) => {
        const nameOf = ({ origin }: ReleaseFile) => nameArchive(uris[0] ?? base, suite, origin)
        return fetchComponents(base, suite, components, nameOf, { ...options, keys })
      })
    }),
  )
  return found.flat()
}

/**
 * Fetches the indexes that a lock names, from what was kept, a mirror, the image's own addresses or a snapshot service.
 *
 * @throws {StillroomError} as `refetchIndexes`
 */
export async function refetchImageIndexes(
  locked: readonly DebianIndex[],
  sources: readonly ImageAptSource[],
  { mirrors, ...options }: ImageIndexOptions,
): Promise<FetchedIndex[]> {
  const found = await Promise.all(
    locked.map(async (index) => {
      const fitting = sources.filter((source) => source.suite === index.suite)
      const keys = (await Promise.all(fitting.map(readKeyrings))).flat()
      const urls = fitting.flatMap((source) => urlsOf(source, { mirrors }))
      return refetchIndexes([index], { ...options, keys, sources: { [index.archive]: urls } })
    }),
  )
  return found.flat()
}

/** Addresses by archive, for files that an index names. */
export function imageArchives(sources: readonly ImageAptSource[]): Record<string, string[]> {
  const archives: Record<string, string[]> = {}
  for (const { uris, suite } of sources) {
    for (const uri of uris) {
      for (const name of new Set([nameArchive(uri, suite), nameArchive(uri, suite, '')]))
        archives[name] = [...new Set([...(archives[name] ?? []), uri])]
    }
  }
  return archives
}

function urlsOf({ uris, suite }: ImageAptSource, { mirrors }: Pick<ImageIndexOptions, 'mirrors'>): string[] {
  return [...new Set([...uris.flatMap((uri) => mirrors[nameArchive(uri, suite)] ?? []), ...uris])]
}

/** Keys that no present OpenPGP implementation takes any more are left out. */
async function readKeyrings({ keyrings, uris, suite }: ImageAptSource): Promise<string[]> {
  const { readKeys } = await import('openpgp')
  const keys: string[] = []
  for (const ring of keyrings) {
    const text = Buffer.from(ring).toString('latin1')
    const armored = text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')
    const read = armored ? readKeys({ armoredKeys: text }) : readKeys({ binaryKeys: ring })
    for (const key of await read.catch(() => [])) keys.push(key.armor())
  }
  if (keys.length > 0) return [...new Set(keys)]
  throw new StillroomError(
    'SIGNATURE_INVALID',
    `cannot verify ${redactUrl(uris[0] ?? '')} ${suite} of the base's apt sources: the base has no key for it`,
    {
      hint: "a base needs the archive's key in /etc/apt/trusted.gpg.d, or named by signed-by in its sources",
    },
  )
}

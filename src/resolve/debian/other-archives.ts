import { StillroomError } from '../../error.ts'
import type { DebianIndex } from '../../lock/schema.ts'
import type { Get } from '../../net/http-get.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { archiveName } from '../../recipe/archive-name.ts'
import type { AptArchive } from '../../recipe/schema.ts'
import { datedUrls } from './archive-urls.ts'
import { type FetchedIndex, fetchComponents } from './fetch-indexes.ts'
import { refetchIndexes } from './refetch-indexes.ts'

export interface OtherArchivesOptions {
  get: Get
  now: Date
  /** Reads a file beside the recipe. */
  readFile: (path: string) => Promise<Uint8Array>
  /** What was locked before: no index of the same name may be older. */
  known?: readonly DebianIndex[]
  /** Bytes that were kept from before, by their sha256. */
  cached?: (sha256: string) => Promise<Uint8Array | undefined>
}

/** In bytes; a key ring of Debian's has 60 kB. */
const KEY_LIMIT = 1 << 20

/**
 * Fetches and verifies the present indexes of archives that a recipe names, each by the one key that is named with it.
 *
 * @throws {StillroomError} SIGNATURE_INVALID, INDEX_EXPIRED, INDEX_OLDER, INDEX_INVALID, FETCH_FAILED
 */
export async function fetchArchives(
  archives: readonly AptArchive[],
  options: OtherArchivesOptions,
): Promise<FetchedIndex[]> {
  const found = await Promise.all(
    archives.map(async (archive) => {
      const { suite, components, snapshot } = archive
      const name = () => archiveName(archive.url)
      const wanted = components.length > 0 ? components : ['']
      const keys = [await loadKey(archive, options)]
      const fetched = await fetchComponents(rootOf(archive.url), suite, wanted, name, { ...options, keys })
      const place = { url: archive.url, ...(snapshot === undefined ? {} : { snapshot }) }
      return fetched.map((each) => ({ ...each, index: { ...each.index, ...place } }))
    }),
  )
  return found.flat()
}

/**
 * Fetches the indexes of archives of others that a lock names: from what was kept, the archive, or its earlier states.
 *
 * @throws {StillroomError} as `refetchIndexes`; SIGNATURE_INVALID when the recipe names no such archive any more
 */
export async function refetchArchives(
  locked: readonly DebianIndex[],
  archives: readonly AptArchive[],
  options: OtherArchivesOptions,
): Promise<FetchedIndex[]> {
  const found = await Promise.all(
    locked.map(async (index) => {
      const archive = archives.find(({ url, suite }) => url === index.url && suite === index.suite)
      if (archive === undefined) {
        throw new StillroomError(
          'SIGNATURE_INVALID',
          `the recipe names no key for ${index.archive} ${index.suite}`,
          {
            hint: 'lock again with `stillroom lock recipe NAME --upgrade`',
          },
        )
      }
      const old = archive.snapshot === undefined ? [] : datedUrls(archive.snapshot, new Date(index.date))
      const sources = { [index.archive]: [rootOf(archive.url), ...old] }
      return refetchIndexes([index], { ...options, sources, keys: [await loadKey(archive, options)] })
    }),
  )
  return found.flat()
}

function rootOf(url: string): string {
  return url.replace(/\/+$/, '')
}

/** The key of an archive, armored: out of the ring that is named, the one with the fingerprint that is named. */
async function loadKey({ url, key }: AptArchive, { get, readFile }: OtherArchivesOptions): Promise<string> {
  const place = key.file ?? redactUrl(key.url ?? '')
  const ring = await (key.file === undefined ? get(key.url ?? '', { limit: KEY_LIMIT }) : readFile(key.file))
  const keys = await readRing(ring)
  const fingerprints = keys.map((each) => each.getFingerprint().toUpperCase())
  const found = keys[fingerprints.indexOf(key.fingerprint)]
  if (found !== undefined) return found.toPublic().armor()
  const got = fingerprints.length === 0 ? 'no public key' : fingerprints.join(', ')
  throw new StillroomError(
    'SIGNATURE_INVALID',
    `cannot trust ${place} as the key of ${redactUrl(url)}: expected key ${key.fingerprint}, got ${got}`,
    {
      hint: 'compare the fingerprint with what the archive publishes (gpg --show-keys FILE names those of a file), and correct the recipe if the archive has a new key',
    },
  )
}

/** All keys of a ring, binary or armored in one block or several; none when it is no ring. */
async function readRing(ring: Uint8Array) {
  const { readKeys } = await import('openpgp')
  const blocks = Buffer.from(ring)
    .toString('latin1')
    .match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END[^\n]*/g)
  const read = blocks?.map((armoredKeys) => readKeys({ armoredKeys })) ?? [readKeys({ binaryKeys: ring })]
  return (await Promise.all(read.map((keys) => keys.catch(() => [])))).flat()
}

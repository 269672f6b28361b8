import { createHash } from 'node:crypto'
import { StillroomError } from '../../error.ts'
import { decompress } from '../../formats/decompress.ts'
import type { Get } from '../../net/http-get.ts'
import { redactUrl } from '../../net/redact-url.ts'
import type { ReleaseEntry, ReleaseFile } from './parse-release.ts'

/** How an index may be compressed, the smallest first. */
const ENDINGS = ['.xz', '.gz', '']

/**
 * Fetches the package index that a verified Release file names, compressed and by its hash where the archive offers
 * that, and checks it both compressed and unpacked.
 *
 * @param root the suite's directory: `ARCHIVE/dists/SUITE`.
 * @param path of the uncompressed index below it; see `packagesPath`
 * @param cached bytes that were kept under their sha256: the index is not fetched when it is there
 * @returns the uncompressed `Packages` file.
 * @throws {StillroomError} INDEX_INVALID when it isn't named or isn't what the Release file says; FETCH_FAILED.
 */
export async function fetchPackages(
  root: string,
  release: ReleaseFile,
  get: Get,
  path: string,
  cached?: (sha256: string) => Promise<Uint8Array | undefined>,
): Promise<Uint8Array> {
  const plain = release.files.get(path)
  const kept = plain && (await cached?.(plain.sha256))
  if (kept !== undefined && sha256(kept) === plain?.sha256) return kept
  const ending = ENDINGS.find((each) => release.files.has(`${path}${each}`)) ?? '.xz'
  const packed = entry(release, `${path}${ending}`, root)
  const bytes = await fetchPacked(root, `${path}${ending}`, release, packed, get)
  check(bytes, packed, `${root}/${path}${ending}`)
  if (ending === '') return bytes
  const packages = await unpack(bytes, `${root}/${path}${ending}`)
  if (plain !== undefined) check(packages, plain, `${root}/${path}`)
  return packages
}

/** The lower-case hex sha256 of some bytes. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function entry(release: ReleaseFile, path: string, root: string): ReleaseEntry {
  const found = release.files.get(path)
  if (found !== undefined) return found
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot read the index of ${redactUrl(root)}: its Release file has no "${path}"`,
  )
}

/** Mirrors that were filled by hand often lack the files by hash: then the plain name is asked for. */
async function fetchPacked(
  root: string,
  path: string,
  release: ReleaseFile,
  packed: ReleaseEntry,
  get: Get,
): Promise<Uint8Array> {
  const plain = `${root}/${path}`
  if (!release.acquireByHash) return await get(plain, { limit: limitFor(packed) })
  try {
    const directory = plain.slice(0, plain.lastIndexOf('/'))
    return await get(`${directory}/by-hash/SHA256/${packed.sha256}`, { limit: limitFor(packed) })
  } catch (error) {
    if (!(error instanceof StillroomError) || error.details?.status !== 404) throw error
    return await get(plain, { limit: limitFor(packed) })
  }
}

/** Room for a wrong file to be told apart by its size, none for an endless one. */
function limitFor(entry: ReleaseEntry): number {
  return 2 * entry.size + 1024 * 1024
}

async function unpack(bytes: Uint8Array, source: string): Promise<Uint8Array> {
  try {
    return await decompress(bytes)
  } catch (cause) {
    throw new StillroomError('INDEX_INVALID', `cannot unpack ${redactUrl(source)}`, { cause })
  }
}

function check(bytes: Uint8Array, expected: ReleaseEntry, source: string): void {
  const got = { sha256: sha256(bytes), size: bytes.length }
  if (got.sha256 === expected.sha256 && got.size === expected.size) return
  throw new StillroomError(
    'INDEX_INVALID',
    `cannot use ${redactUrl(source)}: expected sha256 ${expected.sha256} (${expected.size} bytes), got ${got.sha256} (${got.size} bytes)`,
    {
      hint:
        got.size < expected.size
          ? 'it was cut short on the way'
          : 'the mirror is being updated, or it was tampered with: try again later',
      details: { file: redactUrl(source), expected, got },
    },
  )
}

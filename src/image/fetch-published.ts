import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { StillroomError } from '../error.ts'
import { tryJson } from '../formats/json/try-json.ts'
import { MANIFEST_TYPE, RegistryManifest, sha256Digest } from '../formats/oci.ts'
import type { LockedImage, PublishedImage } from '../lock/schema.ts'
import type { Timing } from '../net/retry.ts'
import { firstGood } from '../sources/first-good.ts'
import { fetchBlob } from '../sources/registry/fetch-blob.ts'
import { fetchDocument, type Repository } from '../sources/registry/registries.ts'
import { diskError } from '../store/disk.ts'
import { writeNew } from '../store/write-hashed.ts'
import { Transfer, type TransferProgress } from './transfer.ts'
import type { WritableImage, WritableLayer } from './write-archive.ts'

/** An image whose layers lie on disk, but for those that were not wanted; they are gone when it is disposed of. */
export interface FetchedImage extends WritableImage, AsyncDisposable {}

export interface FetchOptions {
  /** Where its layers are kept meanwhile; made when it is not there. */
  directory: string
  signal: AbortSignal
  timing?: Partial<Timing>
  /** Layers that are not wanted. */
  present: readonly string[]
  /** Called often: at each piece of a layer that comes. */
  onProgress?: (progress: TransferProgress) => void
}

/** A locked image whose lockfile says where it was published. */
export type Published = LockedImage & { published: PublishedImage }

/**
 * Fetches a locked image from where it was published. All of it is verified against the lockfile by then: the manifest by its
 * digest, the config by the image ID, each layer by its diffID. What one source gives wrong, the next one is asked for.
 *
 * @param repositories best first
 * @throws {StillroomError} ARTIFACT_MISMATCH; REGISTRY_IMAGE_UNKNOWN, REGISTRY_LOGIN_REFUSED, FETCH_FAILED; DISK_FULL,
 *   NOT_WRITABLE
 */
export async function fetchPublished(
  repositories: readonly Repository[],
  image: Published,
  { directory, present, onProgress = () => {}, ...options }: FetchOptions,
): Promise<FetchedImage> {
  const manifest = await fetchManifest(repositories, image, options)
  const { config, layers } = manifest
  const bytes = await firstGood(repositories, async (repository) => {
    const fetched = await buffer(fetchBlob([repository], config.digest, { ...options, size: config.size }))
    requireDigest(repository, config.digest, sha256Digest(fetched))
    return fetched
  })
  const wanted = new Map(
    layers.flatMap(({ digest, size }) => (present.includes(digest) ? [] : [[digest, size] as const])),
  )
  const transfer = new Transfer([...wanted.values()], onProgress)
  const written: string[] = []
  const dispose = async () => {
    for (const path of written) await rm(path, { force: true })
  }
  const fetchLayer = async (digest: string, size: number): Promise<string> =>
    firstGood(repositories, async (repository) => {
      const path = join(directory, `${randomUUID()}.tmp`)
      written.push(path)
      const stream = transfer.counted(fetchBlob([repository], digest, { ...options, size }))
      const { sha256 } = await writeNew(path, stream).catch((error) => {
        throw error instanceof StillroomError ? error : diskError(error, path)
      })
      requireDigest(repository, digest, `sha256:${sha256}`)
      return path
    })
  try {
    await mkdir(directory, { recursive: true })
    const fetched = new Map<string, WritableLayer>()
    for (const [digest, size] of wanted) {
      const path = await fetchLayer(digest, size)
      fetched.set(digest, { diffID: digest, size, read: () => createReadStream(path) })
      transfer.done(size)
    }
    const all = layers.map(
      ({ digest, size }) => fetched.get(digest) ?? { diffID: digest, size, read: unwanted },
    )
    return { config: bytes, layers: all, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw options.signal.aborted ? options.signal.reason : error
  }
}

function unwanted(): never {
  throw new Error('a layer that was not wanted was not fetched')
}

/** A config is read into memory. */
const CONFIG_LIMIT = 16 << 20

/** The manifest that the lockfile names, which names the config and the layers that the lockfile names, and no more. */
async function fetchManifest(
  repositories: readonly Repository[],
  { id, diffIDs, size, published: { manifest: digest } }: Published,
  options: Pick<FetchOptions, 'signal' | 'timing'>,
): Promise<RegistryManifest> {
  const bytes = await firstGood(repositories, async (repository) => {
    const { bytes } = await fetchDocument([repository], 'manifests', digest, {
      accept: [MANIFEST_TYPE],
      ...options,
    })
    requireDigest(repository, digest, sha256Digest(bytes))
    return bytes
  })
  const manifest = RegistryManifest.safeParse(tryJson(Buffer.from(bytes).toString('utf8'))).data
  const isLocked =
    manifest?.config.digest === id &&
    manifest.config.size <= CONFIG_LIMIT &&
    manifest.layers.map((layer) => layer.digest).join() === diffIDs.join() &&
    manifest.layers.reduce((sum, layer) => sum + layer.size, 0) === size
  if (isLocked) return manifest
  throw new StillroomError(
    'ARTIFACT_MISMATCH',
    `manifest ${digest} is that of another image than ${id}, or has its layers in another form`,
    { hint: 'publish it again: stillroom publish recipe NAME REFERENCE' },
  )
}

function requireDigest({ root, name }: Repository, expected: string, actual: string): void {
  if (expected === actual) return
  const { host } = new URL(root.url)
  throw new StillroomError(
    'ARTIFACT_MISMATCH',
    `registry ${host} gave other bytes for "${name}": expected ${expected}, got ${actual}`,
    { hint: 'nothing of them was used' },
  )
}

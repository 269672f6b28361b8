import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { StillroomError } from '../error.ts'
import { uncompressed } from '../formats/decompress.ts'
import { imageInvalid } from '../formats/image-invalid.ts'
import { tryJson } from '../formats/json/try-json.ts'
import { MANIFEST_TYPE, type RegistryDescriptor, RegistryManifest, sha256Digest } from '../formats/oci.ts'
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
 * digest, the config by the image ID, each layer, unpacked, by its diffID. What one source gives wrong, the next one is asked for.
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
  const { diffIDs } = image
  const wanted = new Map(
    diffIDs.flatMap((diffID, index) =>
      present.includes(diffID) ? [] : [[diffID, layers[index] as RegistryDescriptor] as const],
    ),
  )
  const transfer = new Transfer(
    [...wanted.values()].map(({ size }) => size),
    onProgress,
  )
  const written: string[] = []
  const dispose = async () => {
    for (const path of written) await rm(path, { force: true })
  }
  let left = image.size
  const fetchLayer = (diffID: string, { digest, size }: RegistryDescriptor): Promise<WritableLayer> =>
    firstGood(repositories, async (repository) => {
      const path = join(directory, `${randomUUID()}.tmp`)
      written.push(path)
      const blob = new HashedBlob(transfer.counted(fetchBlob([repository], digest, { ...options, size })))
      const unpacked = await writeNew(path, blob.unpacked(left)).catch(async (error) => {
        if (!(error instanceof StillroomError)) throw diskError(error, path)
        if (error.code === 'IMAGE_INVALID') requireDigest(repository, digest, await blob.digest())
        throw error
      })
      requireDigest(repository, digest, await blob.digest())
      if (`sha256:${unpacked.sha256}` !== diffID) throw otherImage(image)
      left -= unpacked.size
      return { diffID, size: unpacked.size, read: () => createReadStream(path) }
    })
  try {
    await mkdir(directory, { recursive: true })
    const fetched = new Map<string, WritableLayer>()
    for (const [diffID, descriptor] of wanted) {
      fetched.set(diffID, await fetchLayer(diffID, descriptor))
      transfer.done(descriptor.size)
    }
    // one that is not wanted is in no archive, and nobody asks how long it is
    const all = diffIDs.map((diffID) => fetched.get(diffID) ?? { diffID, size: 0, read: unwanted })
    return { config: bytes, layers: all, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw options.signal.aborted ? options.signal.reason : error
  }
}

/** The bytes of a blob as they come, packed or not. */
class HashedBlob {
  readonly #hash = createHash('sha256')
  readonly #source: AsyncGenerator<Uint8Array>

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#source = this.#hashed(pieces)
  }

  async *#hashed(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of pieces) {
      this.#hash.update(bytes)
      yield bytes
    }
  }

  /** @param most bytes that there may be @throws {StillroomError} IMAGE_INVALID when there are more, or they don't unpack */
  unpacked(most: number): AsyncIterable<Uint8Array> {
    let left = most
    // whoever stops early leaves the rest to be hashed
    const rest = { [Symbol.asyncIterator]: () => ({ next: () => this.#source.next() }) }
    return uncompressed(rest, {
      received: () => {},
      unpacked: (bytes) => {
        left -= bytes
        if (left < 0) throw imageInvalid('A layer has more bytes than all of the locked image')
      },
    })
  }

  /** Of all of them. */
  async digest(): Promise<string> {
    for await (const _ of this.#source);
    return `sha256:${this.#hash.digest('hex')}`
  }
}

function unwanted(): never {
  throw new Error('a layer that was not wanted was not fetched')
}

/** A config is read into memory. */
const CONFIG_LIMIT = 16 << 20

/** The manifest that the lockfile names, which names the locked config and as many layers as that has. */
async function fetchManifest(
  repositories: readonly Repository[],
  image: Published,
  options: Pick<FetchOptions, 'signal' | 'timing'>,
): Promise<RegistryManifest> {
  const { id, diffIDs, size } = image
  const digest = image.published.manifest
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
    manifest.layers.length === diffIDs.length &&
    // what does not compress becomes a little larger
    manifest.layers.every((layer) => layer.size <= size + size / 128 + 4096)
  if (isLocked) return manifest
  throw otherImage(image)
}

function otherImage({ id, published: { manifest } }: Published): StillroomError {
  return new StillroomError('ARTIFACT_MISMATCH', `manifest ${manifest} is that of another image than ${id}`, {
    hint: 'publish it again: stillroom publish recipe NAME REFERENCE',
  })
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

import { type FileHandle, open } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { StillroomError, systemCode } from '../error.ts'
import { type UnpackingLimit, uncompressed } from '../formats/decompress.ts'
import { imageInvalid } from '../formats/image-invalid.ts'
import { tryJson } from '../formats/json/try-json.ts'
import { MANIFEST_TYPE, type RegistryDescriptor, RegistryManifest, sha256Digest } from '../formats/oci.ts'
import type { LockedImage, PublishedImage } from '../lock/schema.ts'
import type { Timing } from '../net/retry.ts'
import { firstGood } from '../sources/first-good.ts'
import { fetchBlob } from '../sources/registry/fetch-blob.ts'
import { fetchDocument, locateBlobs, type Repository } from '../sources/registry/registries.ts'
import type { Artifact } from '../store/artifact.ts'
import { ABANDONED_AFTER } from '../store/disk.ts'
import { fetchArtifacts } from '../store/fetch-artifacts.ts'
import { openStore, type Store } from '../store/store.ts'
import { Counter } from '../store/write-hashed.ts'
import type { TransferProgress } from './transfer.ts'
import type { WritableImage, WritableLayer } from './write-archive.ts'

/** An image whose layers lie on disk, as they are packed, but for those that were not wanted; gone when it is disposed of. */
export interface FetchedImage extends WritableImage, AsyncDisposable {}

export interface FetchOptions {
  /** Where its layers are kept meanwhile, and what came of them when they don't come to their end; made when it is not there. */
  directory: string
  signal: AbortSignal
  timing?: Partial<Timing>
  /** Layers that are not wanted. */
  present: readonly string[]
  /**
   * Whether layers are given as they are packed and no other way, for an engine that unpacks them and holds them against the config
   * itself, as those with a graph driver do; without it each is unpacked here and held against the config.
   */
  onlyPacked?: boolean
  /** Called often: at each piece of a layer that comes. */
  onProgress?: (progress: TransferProgress) => void
}

/** A locked image whose lockfile says where it was published. */
export type Published = LockedImage & { published: PublishedImage }

/**
 * Fetches a locked image from where it was published. All of it is verified against the lockfile by then: the manifest by its
 * digest, the config by the image ID, each layer by its digest in the manifest and, unless `onlyPacked`, unpacked by its diffID. What one source gives wrong, the next one is asked for.
 *
 * @param repositories best first
 * @throws {StillroomError} ARTIFACT_MISMATCH; REGISTRY_IMAGE_UNKNOWN, REGISTRY_LOGIN_REFUSED, ARTIFACT_GONE, FETCH_FAILED;
 *   IMAGE_INVALID; DISK_FULL, NOT_WRITABLE
 */
export async function fetchPublished(
  repositories: readonly Repository[],
  image: Published,
  { directory, present, onlyPacked = false, onProgress = () => {}, ...options }: FetchOptions,
): Promise<FetchedImage> {
  const { config, layers } = await fetchManifest(repositories, image, options)
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
  const store = await openStore(directory)
  for await (const { sha256, since } of store.entries())
    if (Date.now() - since.getTime() > ABANDONED_AFTER) await store.discard(sha256)
  const blobs = await fetchBlobs(store, repositories, [...wanted.values()], image, { onProgress, ...options })
  try {
    let left = image.size
    const fetched = new Map<string, WritableLayer>()
    for (const [diffID, { digest, size }] of wanted) {
      options.signal.throwIfAborted()
      const packed = { diffID: digest, size, read: () => blobs.read(digest) }
      if (onlyPacked) {
        fetched.set(diffID, { ...UNREAD, diffID, packed })
        continue
      }
      const read = (limit: UnpackingLimit = UNLIMITED) => uncompressed(blobs.read(digest), limit)
      const unpacked = await count(read(atMost(left)))
      if (`sha256:${unpacked.sha256}` !== diffID) throw otherImage(image)
      left -= unpacked.size
      fetched.set(diffID, { diffID, size: unpacked.size, read, packed })
    }
    const all = diffIDs.map((diffID) => fetched.get(diffID) ?? { ...UNREAD, diffID })
    return { config: bytes, layers: all, [Symbol.asyncDispose]: blobs[Symbol.asyncDispose] }
  } catch (error) {
    await blobs[Symbol.asyncDispose]()
    throw options.signal.aborted ? options.signal.reason : error
  }
}

interface FetchedBlobs extends AsyncDisposable {
  /** The bytes of a blob, as often as they are asked for. */
  read(digest: string): AsyncIterable<Uint8Array>
}

/**
 * Fetches blobs, each verified by its digest. When not all of them come, those that did stay in the store, and so does what
 * came of the others: the next run goes on from there.
 */
async function fetchBlobs(
  store: Store,
  repositories: readonly Repository[],
  blobs: readonly RegistryDescriptor[],
  { published: { reference } }: Published,
  {
    onProgress,
    ...options
  }: Required<Pick<FetchOptions, 'onProgress'>> & Pick<FetchOptions, 'signal' | 'timing'>,
): Promise<FetchedBlobs> {
  const artifacts = blobs.map(
    ({ digest, size }, index): Artifact => ({
      name: `layer ${index + 1} of ${reference}`,
      file: digest,
      sha256: hexOf(digest),
      size,
      origin: { kind: 'registry', reference, digest },
    }),
  )
  const handles = new Map<string, FileHandle>()
  const close = async () => {
    for (const handle of handles.values()) await handle.close()
    handles.clear()
  }
  for (;;) {
    await fetchArtifacts(artifacts, {
      ...{ store, locate: locateBlobs(repositories), ...options },
      onProgress: ({ filesDone, filesTotal, ...bytes }) =>
        onProgress({ blobsDone: filesDone, blobsTotal: filesTotal, ...bytes }),
    })
    try {
      for (const { digest } of blobs) handles.set(digest, await open(store.path(hexOf(digest))))
      break
    } catch (error) {
      await close()
      // another run fetched the same image, and threw its blobs away meanwhile
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  return {
    read: (digest) => {
      const handle = handles.get(digest)
      if (handle === undefined) throw new Error(`blob ${digest} was not fetched`)
      return bytesOf(handle)
    },
    [Symbol.asyncDispose]: async () => {
      await close()
      for (const { digest } of blobs) await store.discard(hexOf(digest))
    },
  }
}

const PIECE = 256 * 1024

async function* bytesOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const { buffer: piece, bytesRead } = await file.read(Buffer.allocUnsafe(PIECE), 0, PIECE, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield piece.subarray(0, bytesRead)
  }
}

const hexOf = (digest: string) => digest.replace('sha256:', '')

const UNLIMITED: UnpackingLimit = { received: () => {}, unpacked: () => {} }

/** @throws {StillroomError} IMAGE_INVALID when there are more bytes */
function atMost(most: number): UnpackingLimit {
  let left = most
  return {
    ...UNLIMITED,
    unpacked: (bytes) => {
      left -= bytes
      if (left < 0) throw imageInvalid('A layer has more bytes than all of the locked image')
    },
  }
}

async function count(pieces: AsyncIterable<Uint8Array>) {
  const counter = new Counter()
  for await (const bytes of pieces) counter.add(bytes)
  return counter.result()
}

/** A layer that is in no archive unpacked: nobody asks how long it is. */
const UNREAD = {
  size: 0,
  read: (): never => {
    throw new Error('a layer was asked for unpacked that is not')
  },
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

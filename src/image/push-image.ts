import { tryJson } from '../formats/json/try-json.ts'
import { MANIFEST_TYPE, RegistryManifest, sha256Digest } from '../formats/oci.ts'
import type { ManifestDescriptor } from '../formats/oci-referrer.ts'
import type { Blob, PushTarget } from '../sources/registry/push.ts'
import { blobOf } from '../sources/registry/push-referrers.ts'
import { Transfer, type TransferProgress } from './transfer.ts'
import { imageManifest } from './write-archive.ts'

/** An image as a registry has it. */
export interface PushableImage {
  /** Its config, byte for byte: the digest is the image ID. */
  config: Buffer
  /** Lowest first, each as it is packed. */
  layers: readonly PushableLayer[]
}

export interface PushableLayer extends Blob {
  mediaType: string
}

export interface PushedImage {
  manifest: ManifestDescriptor
  /** Blobs and bytes that the registry did not have. */
  sent: { blobs: number; bytes: number }
}

/** Whether a registry has an image, all of it, and its tag names it. */
export async function hasImage(
  target: PushTarget,
  manifest: string | undefined,
  tag: string,
): Promise<ManifestDescriptor | undefined> {
  const present = await target.getManifest(tag)
  if (present === undefined || present.digest !== manifest) return undefined
  const { config, layers } = RegistryManifest.safeParse(tryJson(present.bytes.toString('utf8'))).data ?? {}
  if (config === undefined || layers === undefined) return undefined
  for (const digest of new Set([config, ...layers].map((blob) => blob.digest)))
    if (!(await target.hasBlob(digest))) return undefined
  return { mediaType: present.mediaType, digest: present.digest, size: present.bytes.length }
}

/**
 * Pushes an image. The tag is set when all is there.
 *
 * @param onProgress called often: at each piece that is sent
 * @throws {StillroomError} PUSH_FAILED, REGISTRY_LOGIN_REFUSED; what reading a layer throws
 */
export async function pushImage(
  target: PushTarget,
  image: PushableImage,
  tag: string,
  onProgress: (progress: TransferProgress) => void = () => {},
): Promise<PushedImage> {
  const all: Blob[] = [...image.layers, blobOf(image.config)]
  const blobs = [...new Map(all.map((blob) => [blob.digest, blob])).values()]
  const sent = { blobs: 0, bytes: 0 }
  const transfer = new Transfer(
    blobs.map(({ size }) => size),
    onProgress,
  )
  for (const { digest, size, read } of blobs) {
    const isNew = await target.pushBlob({ digest, size, read: () => transfer.counted(read()) })
    transfer.done(size)
    if (!isNew) continue
    sent.blobs += 1
    sent.bytes += size
  }
  const { bytes, ...manifest } = manifestOf(image)
  await target.pushManifest({ ...manifest, bytes }, tag)
  return { manifest, sent }
}

/** What a registry knows an image by. */
export function manifestOf({ config, layers }: PushableImage): ManifestDescriptor & { bytes: Buffer } {
  const bytes = imageManifest(config, layers)
  return { mediaType: MANIFEST_TYPE, digest: sha256Digest(bytes), size: bytes.length, bytes }
}

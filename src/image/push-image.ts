import { MANIFEST_TYPE, sha256Digest } from '../formats/oci.ts'
import type { ManifestDescriptor } from '../formats/oci-referrer.ts'
import type { PushTarget } from '../sources/registry/push.ts'
import { blobOf } from '../sources/registry/push-referrers.ts'
import { Transfer, type TransferProgress } from './transfer.ts'
import { imageManifest, verifiedLayer, type WritableImage } from './write-archive.ts'

export interface PushedImage {
  manifest: ManifestDescriptor
  /** Blobs and bytes that the registry did not have. */
  sent: { blobs: number; bytes: number }
}

/** Whether a registry has an image, all of it, and its tag names it. */
export async function hasImage(
  target: PushTarget,
  { id, diffIDs }: { id: string; diffIDs: readonly string[] },
  manifest: string | undefined,
  tag: string,
): Promise<ManifestDescriptor | undefined> {
  const present = await target.getManifest(tag)
  if (present === undefined || present.digest !== manifest) return undefined
  for (const digest of new Set([id, ...diffIDs])) if (!(await target.hasBlob(digest))) return undefined
  return { mediaType: present.mediaType, digest: present.digest, size: present.bytes.length }
}

/**
 * Pushes an image: the blobs of the archive that `save` writes, so that the manifest is the same from every machine. The tag is set
 * when all is there.
 *
 * @param onProgress called often: at each piece that is sent
 * @throws {StillroomError} PUSH_FAILED, REGISTRY_LOGIN_REFUSED; IMAGE_INVALID when a layer is another than it is called
 */
export async function pushImage(
  target: PushTarget,
  image: WritableImage,
  tag: string,
  onProgress: (progress: TransferProgress) => void = () => {},
): Promise<PushedImage> {
  const layers = image.layers.map((layer) => ({
    digest: layer.diffID,
    size: layer.size,
    read: () => verifiedLayer(layer),
  }))
  const blobs = [...new Map([...layers, blobOf(image.config)].map((blob) => [blob.digest, blob])).values()]
  const sent = { blobs: 0, bytes: 0 }
  const transfer = new Transfer(
    blobs.map(({ size }) => size),
    onProgress,
  )
  for (const blob of blobs) {
    const isNew = await target.pushBlob({ ...blob, read: () => transfer.counted(blob.read()) })
    transfer.done(blob.size)
    if (!isNew) continue
    sent.blobs += 1
    sent.bytes += blob.size
  }
  const manifest = imageDescriptor(image)
  await target.pushManifest({ ...manifest, bytes: imageManifest(image) }, tag)
  return { manifest, sent }
}

/** What a registry refers to an image by. */
export function imageDescriptor(image: WritableImage): ManifestDescriptor {
  const bytes = imageManifest(image)
  return { mediaType: MANIFEST_TYPE, digest: sha256Digest(bytes), size: bytes.length }
}

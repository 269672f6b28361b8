import { EMPTY, EMPTY_CONFIG, MANIFEST_TYPE, sha256Digest } from './oci.ts'

/** A file that says something about an image. */
export interface AttachedFile {
  /** Such as `hello.spdx.json`. */
  name: string
  /** Its media type. */
  type: string
  bytes: Buffer
}

/** What a registry refers to a manifest by. */
export interface ManifestDescriptor {
  mediaType: string
  digest: string
  size: number
}

export interface Referrer {
  manifest: Buffer
  /** The blobs that the manifest names. */
  blobs: Buffer[]
  /** As indexes list it. */
  descriptor: ManifestDescriptor & { artifactType: string }
}

/**
 * An artifact that refers to an image (OCI image specification 1.1, "Guidelines for Artifact Usage"): one file, by the manifest
 * that names it and its `subject`. The same file and subject give the same bytes.
 */
export function referrerOf(subject: ManifestDescriptor, { name, type, bytes }: AttachedFile): Referrer {
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: type,
      config: EMPTY_CONFIG,
      layers: [
        {
          mediaType: type,
          digest: sha256Digest(bytes),
          size: bytes.length,
          annotations: { 'org.opencontainers.image.title': name },
        },
      ],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    }),
  )
  const digest = sha256Digest(manifest)
  return {
    manifest,
    blobs: [EMPTY, bytes],
    descriptor: { mediaType: MANIFEST_TYPE, digest, size: manifest.length, artifactType: type },
  }
}

/** The tag that lists what refers to a manifest, in registries without an API for it ("Referrers Tag Schema"). */
export const referrersTag = (digest: string) => digest.replace(':', '-')

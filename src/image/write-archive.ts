import { createHash } from 'node:crypto'
import { imageInvalid } from '../formats/image-invalid.ts'
import { checkShape, parseJson } from '../formats/json/parse-json.ts'
import {
  CONFIG_TYPE,
  ImageConfig,
  INDEX_TYPE,
  LAYER_TYPE,
  MANIFEST_TYPE,
  sha256Digest,
} from '../formats/oci.ts'
import { paxHeader, TAR_END, tarPadding } from '../formats/tar/write-tar.ts'

/** An image as what an archive of it is made from. */
export interface WritableImage {
  /** Its config, byte for byte: the digest is the image ID. */
  config: Buffer
  /** Lowest first. */
  layers: readonly WritableLayer[]
}

export interface WritableLayer {
  diffID: string
  /** Bytes of the layer's archive, uncompressed. */
  size: number
  /** These bytes; the archive asks for them once. */
  read(): AsyncIterable<Uint8Array>
  /** The same, compressed, where it is at hand: with the digest of these bytes. Engines with a graph driver take it, too. */
  packed?: Omit<WritableLayer, 'packed'>
}

/** A file of an archive. */
export interface ArchiveFile {
  path: string
  size: number
  content: Buffer | WritableLayer
}

/**
 * The manifest of an image (OCI image specification, "Image Manifest"): it follows from the image and how its layers are packed.
 *
 * @param layers lowest first
 */
export function imageManifest(
  config: Buffer,
  layers: readonly { mediaType: string; digest: string; size: number }[],
): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: sha256Digest(config), size: config.length },
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  })
}

/**
 * The files of an archive that is an OCI image layout (image specification, "Image Layout") and what `docker load` takes
 * in one, sorted by path. They follow from the image and its name alone: layers are as they are, uncompressed.
 *
 * @param name what engines call the image that they load: `stillroom/hello:latest`; null for no name
 */
export function archiveFiles(image: WritableImage, name: string | null): ArchiveFile[] {
  const { config, layers } = image
  const { architecture, os } = checkShape(ImageConfig, parseJson(config, 'config'), 'config')
  const configDigest = sha256Digest(config)
  const manifest = imageManifest(
    config,
    layers.map(({ diffID, size }) => ({ mediaType: LAYER_TYPE, digest: diffID, size })),
  )
  const index = json({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [
      {
        mediaType: MANIFEST_TYPE,
        digest: sha256Digest(manifest),
        size: manifest.length,
        ...(name !== null && {
          annotations: {
            'io.containerd.image.name': `docker.io/${name}`,
            'org.opencontainers.image.ref.name': name.replace(/^.*:/, ''),
          },
        }),
        platform: { architecture, os },
      },
    ],
  })
  const saved = json([
    {
      Config: blobPath(configDigest),
      RepoTags: name === null ? null : [name],
      Layers: layers.map(({ diffID }) => blobPath(diffID)),
    },
  ])
  // a layer that comes twice is one file
  const blobs = new Map(layers.map((layer) => [layer.diffID, layer]))
  const files: ArchiveFile[] = [
    ...[config, manifest].map((bytes) => document(blobPath(sha256Digest(bytes)), bytes)),
    ...[...blobs.values()].map((layer) => ({
      path: blobPath(layer.diffID),
      size: layer.size,
      content: layer,
    })),
    document('index.json', index),
    document('manifest.json', saved),
    document('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
  ]
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/**
 * The bytes of the archive: owner 0, time 0. Each layer is verified as it goes by.
 *
 * @throws {StillroomError} IMAGE_INVALID when a layer is another than it is called
 */
export async function* writeArchive(files: readonly ArchiveFile[]): AsyncGenerator<Uint8Array> {
  for (const { path, size, content } of files) {
    yield header(path, size)
    if (content instanceof Uint8Array) yield content
    else yield* verifiedLayer(content)
    yield tarPadding(size)
  }
  yield TAR_END
}

/** All of an archive but the contents of its layers: what stands at which byte; and how long it is. */
export function archiveFrame(files: readonly ArchiveFile[]): {
  parts: { at: number; bytes: Buffer }[]
  size: number
} {
  const parts: { at: number; bytes: Buffer }[] = []
  let at = 0
  for (const { path, size, content } of files) {
    const head = Buffer.concat([header(path, size), ...(content instanceof Uint8Array ? [content] : [])])
    const after = tarPadding(size)
    parts.push({ at, bytes: head })
    at += 512 + size
    parts.push({ at, bytes: after })
    at += after.length
  }
  parts.push({ at, bytes: TAR_END })
  return { parts, size: at + TAR_END.length }
}

/**
 * The bytes of a layer.
 *
 * @throws {StillroomError} IMAGE_INVALID at the end, when they are not those that its digest names
 */
export async function* verifiedLayer({ diffID, size, read }: WritableLayer): AsyncGenerator<Uint8Array> {
  const hashed = createHash('sha256')
  let count = 0
  for await (const bytes of read()) {
    hashed.update(bytes)
    count += bytes.length
    yield bytes
  }
  const actual = `sha256:${hashed.digest('hex')}`
  if (actual !== diffID || count !== size)
    throw imageInvalid(
      `Layer ${diffID} is not what the config says: expected ${size} bytes, actual ${count} bytes with digest ${actual}`,
    )
}

const header = (path: string, size: number) => paxHeader({ path, type: 'file', size }, 0)
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const blobPath = (digest: string) => `blobs/${digest.replace(':', '/')}`
const document = (path: string, bytes: Buffer): ArchiveFile => ({ path, size: bytes.length, content: bytes })

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

/** Bytes, or a file that holds them. */
export type Content = Uint8Array | { file: string }

export interface Blob {
  digest: string
  size: number
  content: Content
}

/** A manifest or an index with all that it names: what can be pushed. */
export interface OciImage {
  mediaType: string
  bytes: Uint8Array
  digest: string
  blobs: Blob[]
  /** Of an index: its manifests. */
  manifests: OciImage[]
  /** Of a manifest. */
  platform?: Platform
  /** Of a manifest: digests of its config, the image ID, and of its uncompressed layers. */
  imageId?: string
  diffIds?: string[]
}

export interface Platform {
  os: string
  architecture: string
  variant?: string
}

export interface ComposeOptions {
  /** Uncompressed tars, the lowest first. */
  layers: Content[]
  /** `config` of the image's configuration: User, Entrypoint, Env, ... */
  config?: Record<string, unknown>
  platform?: Platform
  /** Media types: OCI's, or Docker's manifest v2 schema 2 as older registries have it. */
  format?: 'oci' | 'docker'
  /** Layers given as files are never compressed. */
  compression?: 'gzip' | 'none'
}

const TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    none: 'application/vnd.oci.image.layer.v1.tar',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const

/** Composes an image; the same options give the same bytes. */
export async function composeImage(options: ComposeOptions): Promise<OciImage> {
  const { layers, config = {}, platform = { os: 'linux', architecture: 'amd64' } } = options
  const { format = 'oci', compression = 'gzip' } = options
  const types = TYPES[format]
  const plain = await Promise.all(layers.map(blobOf))
  const packed = await Promise.all(
    plain.map(async (layer) =>
      compression === 'gzip' && layer.content instanceof Uint8Array
        ? { ...(await blobOf(gzipSync(layer.content))), mediaType: types.gzip }
        : { ...layer, mediaType: types.none },
    ),
  )
  const diffIds = plain.map(({ digest }) => digest)
  const image = {
    created: '2024-01-01T00:00:00Z',
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: layers.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'test' })),
  }
  const configuration = { ...(await blobOf(Buffer.from(JSON.stringify(image)))), mediaType: types.config }
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(configuration),
    layers: packed.map(descriptor),
  }
  return {
    ...document(types.manifest, manifest),
    blobs: [configuration, ...packed],
    manifests: [],
    platform,
    imageId: configuration.digest,
    diffIds,
  }
}

/** A multi-platform image of these. */
export function composeIndex(manifests: OciImage[], format: 'oci' | 'docker' = 'oci'): OciImage {
  const { index } = TYPES[format]
  const entries = manifests.map((manifest) => ({
    ...descriptor({ ...manifest, size: manifest.bytes.length }),
    ...(manifest.platform === undefined ? {} : { platform: manifest.platform }),
  }))
  const json = { schemaVersion: 2, mediaType: index, manifests: entries }
  return { ...document(index, json), blobs: [], manifests }
}

export async function blobOf(content: Content): Promise<Blob> {
  if (content instanceof Uint8Array) return { digest: digestOf(content), size: content.length, content }
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(content.file)) hash.update(chunk)
  return { digest: `sha256:${hash.digest('hex')}`, size: (await stat(content.file)).size, content }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function document(mediaType: string, json: unknown) {
  const bytes = Buffer.from(JSON.stringify(json, null, 2))
  return { mediaType, bytes, digest: digestOf(bytes) }
}

function descriptor({ mediaType, digest, size }: { mediaType: string; digest: string; size: number }) {
  return { mediaType, digest, size }
}

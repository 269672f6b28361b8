import { hash } from 'node:crypto'
import { z } from 'zod'

/** A digest of content: of blobs, image IDs, diffIDs (OCI image specification, "Digests"; sha256 alone is used). */
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 hex digits')

/** The digest of bytes. */
export const sha256Digest = (bytes: Uint8Array) => `sha256:${hash('sha256', bytes)}`

/** OCI's own media types: of a manifest, an index, a config, a layer that is not compressed, and one that zstd compressed. */
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
export const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
export const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar'
export const ZSTD_LAYER_TYPE = `${LAYER_TYPE}+zstd`

/** The config of a manifest that needs none (OCI image specification 1.1, "Guidance for an Empty Descriptor"). */
export const EMPTY = Buffer.from('{}')
export const EMPTY_CONFIG = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: sha256Digest(EMPTY),
  size: EMPTY.length,
  data: EMPTY.toString('base64'),
}

/** Media types of an index: OCI's, and Docker's manifest list. */
export const INDEX_TYPES = [INDEX_TYPE, 'application/vnd.docker.distribution.manifest.list.v2+json']
/** Media types of a manifest: OCI's, and Docker's manifest v2 schema 2. */
export const MANIFEST_TYPES = [MANIFEST_TYPE, 'application/vnd.docker.distribution.manifest.v2+json']

/** A key that engines know, and that nothing here asks for. */
const known = z.unknown().optional()
const count = z.int().nullish()
const text = z.string().nullish()

const platform = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  'os.version': known,
  'os.features': known,
  variant: text,
})

/** OCI image specification, "Descriptor"; archives need not have all that it requires. */
export const Descriptor = z.looseObject({
  mediaType: z.string().optional(),
  digest: Digest,
  size: z.int().nonnegative().optional(),
  platform: platform.nullish(),
  artifactType: text,
  annotations: z.record(z.string(), z.string()).nullish(),
  urls: known,
  data: known,
})
export type Descriptor = z.infer<typeof Descriptor>

const envelope = {
  schemaVersion: count,
  mediaType: text,
  artifactType: text,
  subject: known,
  annotations: z.record(z.string(), z.string()).nullish(),
}

/** OCI image specification, "Image Index": `index.json`, or an index it leads to; Docker's manifest list. */
export const Index = z.looseObject({ ...envelope, manifests: z.array(Descriptor).nullable() })
export type Index = z.infer<typeof Index>

/** OCI image specification, "Image Manifest"; Docker's manifest v2 schema 2. */
export const Manifest = z.looseObject({ ...envelope, config: Descriptor, layers: z.array(Descriptor) })
export type Manifest = z.infer<typeof Manifest>

/** As registries must have it. */
export const RegistryDescriptor = Descriptor.extend({
  mediaType: z.string(),
  size: z.int().nonnegative(),
  platform: platform.extend({ variant: z.string().optional() }).nullish(),
})
export type RegistryDescriptor = z.infer<typeof RegistryDescriptor>

export const RegistryIndex = Index.extend({
  schemaVersion: z.literal(2),
  manifests: z.array(RegistryDescriptor).max(1000),
})

export const RegistryManifest = Manifest.extend({
  schemaVersion: z.literal(2),
  config: RegistryDescriptor,
  layers: z.array(RegistryDescriptor).min(1, 'must name a layer').max(1000),
})
export type RegistryManifest = z.infer<typeof RegistryManifest>

/** `manifest.json` of `docker save`: paths of files in the archive. */
export const SavedImages = z.array(
  z.looseObject({
    Config: z.string(),
    Layers: z.array(z.string()).nullable(),
    RepoTags: known,
    Parent: known,
    LayerSources: known,
  }),
)
export type SavedImages = z.infer<typeof SavedImages>

/** `repositories` of Docker before 1.10: names, their tags, and the directory of each. */
export const Repositories = z.record(
  z.string(),
  z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')),
)
export type Repositories = z.infer<typeof Repositories>

const strings = z.array(z.string()).nullish()
const set = z.record(z.string(), z.unknown()).nullish()

/** What a container of the image is started with. */
const containerConfig = z.looseObject({
  User: text,
  Env: strings,
  Entrypoint: strings,
  Cmd: strings,
  WorkingDir: text,
  Labels: z.record(z.string(), z.string()).nullish(),
  ExposedPorts: set,
  Volumes: set,
  StopSignal: text,
  StopTimeout: count,
  OnBuild: strings,
  Shell: strings,
  Healthcheck: z
    .looseObject({
      Test: strings,
      Interval: count,
      Timeout: count,
      StartPeriod: count,
      StartInterval: count,
      Retries: count,
    })
    .nullish(),
  ...Object.fromEntries(
    [
      ...[
        'Hostname',
        'Domainname',
        'AttachStdin',
        'AttachStdout',
        'AttachStderr',
        'Tty',
        'OpenStdin',
        'StdinOnce',
      ],
      ...[
        'ArgsEscaped',
        'Image',
        'NetworkDisabled',
        'MacAddress',
        'Memory',
        'MemorySwap',
        'CpuShares',
        'PortSpecs',
      ],
    ].map((name) => [name, known]),
  ),
})

/** OCI image specification: "Image Configuration", as far as it is used; unknown fields are kept. */
export const ImageConfig = z.looseObject({
  architecture: z.string().default(''),
  os: z.string().default(''),
  variant: text,
  created: text,
  rootfs: z.looseObject({
    type: z.literal('layers'),
    /** None of an image without layers. */
    diff_ids: z
      .array(Digest)
      .nullish()
      .transform((digests) => digests ?? []),
  }),
  config: containerConfig.nullish(),
  /** One entry a step of the build; those without a layer have `empty_layer`. */
  history: z
    .array(
      z.looseObject({
        created: text,
        created_by: text,
        comment: text,
        author: known,
        empty_layer: z.boolean().nullish(),
      }),
    )
    .nullish(),
  ...Object.fromEntries(
    [
      ...[
        'variant',
        'os.version',
        'os.features',
        'author',
        'id',
        'parent',
        'comment',
        'container',
        'container_config',
      ],
      ...[
        'docker_version',
        'Size',
        'parent_id',
        'layer_id',
        'throwaway',
        'moby.buildkit.cache.v0',
        'moby.buildkit.buildinfo.v1',
      ],
    ].map((name) => [name, known]),
  ),
})
export type ImageConfig = z.infer<typeof ImageConfig>

/** `json` of a layer that Docker before 1.10 saved: an image of its own, without what it stands on. */
export const OldImage = ImageConfig.omit({ rootfs: true, history: true }).extend({
  parent: z
    .string()
    .regex(/^([0-9a-f]{64})?$/, 'must be 64 hex digits')
    .nullish(),
  author: text,
  comment: text,
  container_config: z.looseObject({ Cmd: strings }).nullish(),
})
export type OldImage = z.infer<typeof OldImage>

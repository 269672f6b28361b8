import { z } from 'zod'

/** A digest of content: of blobs, image IDs, diffIDs (OCI image specification, "Digests"; sha256 alone is used). */
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 hex digits')

const platform = z.looseObject({ os: z.string(), architecture: z.string() })

/** OCI image specification, "Descriptor"; archives need not have all that it requires. */
export const Descriptor = z.looseObject({
  mediaType: z.string().optional(),
  digest: Digest,
  platform: platform.optional(),
})
export type Descriptor = z.infer<typeof Descriptor>

/** OCI image specification, "Image Index": `index.json`, or an index it leads to; Docker's manifest list. */
export const Index = z.looseObject({ manifests: z.array(Descriptor) })
export type Index = z.infer<typeof Index>

/** OCI image specification, "Image Manifest"; Docker's manifest v2 schema 2. */
export const Manifest = z.looseObject({ config: Descriptor, layers: z.array(Descriptor) })
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
export const SavedImages = z.array(z.looseObject({ Config: z.string(), Layers: z.array(z.string()) }))
export type SavedImages = z.infer<typeof SavedImages>

const strings = z.array(z.string()).nullish()
const set = z.record(z.string(), z.unknown()).nullish()

/** OCI image specification: "Image Configuration", as far as it is used; unknown fields are kept. */
export const ImageConfig = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  created: z.string().nullish(),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(Digest) }),
  config: z
    .looseObject({
      User: z.string().nullish(),
      Env: strings,
      Entrypoint: strings,
      Cmd: strings,
      WorkingDir: z.string().nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
      ExposedPorts: set,
      Volumes: set,
      StopSignal: z.string().nullish(),
      OnBuild: strings,
    })
    .nullish(),
  /** One entry a step of the build; those without a layer have `empty_layer`. */
  history: z
    .array(
      z.looseObject({
        created: z.string().nullish(),
        created_by: z.string().nullish(),
        comment: z.string().nullish(),
        empty_layer: z.boolean().nullish(),
      }),
    )
    .nullish(),
})
export type ImageConfig = z.infer<typeof ImageConfig>

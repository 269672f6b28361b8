import { z } from 'zod'

/** A digest of content: of blobs, image IDs, diffIDs (OCI image specification, "Digests"; sha256 alone is used). */
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 hex digits')

/** OCI image specification: "Descriptor", as far as it is used. */
export const Descriptor = z.looseObject({
  mediaType: z.string().optional(),
  digest: Digest,
  platform: z.looseObject({ os: z.string(), architecture: z.string() }).optional(),
})
export type Descriptor = z.infer<typeof Descriptor>

/** `index.json`, or an index it leads to. */
export const Index = z.looseObject({ manifests: z.array(Descriptor) })
export type Index = z.infer<typeof Index>

export const Manifest = z.looseObject({ config: Descriptor, layers: z.array(Descriptor) })
export type Manifest = z.infer<typeof Manifest>

/** `manifest.json` of `docker save`: paths of files in the archive. */
export const SavedImages = z.array(z.looseObject({ Config: z.string(), Layers: z.array(z.string()) }))
export type SavedImages = z.infer<typeof SavedImages>

const strings = z.array(z.string()).nullish()
const set = z.record(z.string(), z.unknown()).nullish()

/** OCI image specification: "Image Configuration", as far as it is used; unknown fields are kept. */
export const ImageConfig = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(Digest) }),
  config: z
    .looseObject({
      User: z.string().optional(),
      Env: strings,
      Entrypoint: strings,
      Cmd: strings,
      WorkingDir: z.string().optional(),
      Labels: z.record(z.string(), z.string()).nullish(),
      ExposedPorts: set,
      Volumes: set,
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

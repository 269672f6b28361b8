import { z } from 'zod'
import { Digest } from '../../formats/oci.ts'

const size = z.int().nonnegative()

/** OCI image specification, "Descriptor", as far as it is used; Docker's manifest v2 schema 2 has the same. */
export const Descriptor = z.looseObject({
  mediaType: z.string(),
  digest: Digest,
  size,
  platform: z
    .looseObject({ os: z.string(), architecture: z.string(), variant: z.string().optional() })
    .nullish(),
})
export type Descriptor = z.infer<typeof Descriptor>

/** OCI image specification, "Image Index"; Docker's manifest list. */
export const Index = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(Descriptor).max(1000) })

/** OCI image specification, "Image Manifest"; Docker's manifest v2 schema 2. */
export const Manifest = z.looseObject({
  schemaVersion: z.literal(2),
  config: Descriptor,
  layers: z.array(Descriptor).min(1, 'must name a layer').max(1000),
})
export type Manifest = z.infer<typeof Manifest>

const strings = z.array(z.string()).nullish()
const set = z.record(z.string(), z.unknown()).nullish()

/** OCI image specification, "Image Configuration", as far as an image made of it can have the same. */
export const Config = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  created: z.string().nullish(),
  history: z.array(z.looseObject({ created: z.string().nullish() })).nullish(),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(Digest).min(1) }),
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
})
export type Config = z.infer<typeof Config>

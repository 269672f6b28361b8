import { z } from 'zod'

const webUrl = z
  .string()
  .regex(/^https?:\/\/[^\s]+$/, 'must be an http or https URL')
  .transform((url) => url.replace(/\/+$/, ''))
const oneOrMore = z.union([webUrl.transform((url) => [url]), z.array(webUrl).min(1)])

/** The part `sources` of stillroom.config.ts: where this machine fetches from, when discovery isn't wanted. */
export const SourcesConfig = z.strictObject({
  /** Roots of Debian mirrors: `dists` and `pool` lie below. */
  debian: oneOrMore.optional(),
  debianSecurity: oneOrMore.optional(),
  /** Root of a snapshot service: `archive/debian/TIME` lies below. */
  snapshot: webUrl.optional(),
  pypi: z
    .strictObject({
      /** The first stands for `--index-url`, the others for `--extra-index-url`. */
      indexes: z.array(webUrl).min(1).optional(),
      findLinks: z.array(z.string().min(1)).optional(),
      ca: z.string().min(1).optional(),
      trustedHosts: z.array(z.string().min(1)).optional(),
    })
    .optional(),
})
export type SourcesConfig = z.infer<typeof SourcesConfig>

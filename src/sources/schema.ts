import { z } from 'zod'

const webUrl = z
  .string()
  .regex(/^https?:\/\/[^\s]+$/, 'must be an http or https URL')
  .transform((url) => url.replace(/\/+$/, ''))
const oneOrMore = z.union([webUrl.transform((url) => [url]), z.array(webUrl).min(1)])

/** As in an image's reference: `registry.example.org`, `localhost:5000`. */
export const RegistryName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$/,
    'must be a registry as references name it: HOST[:PORT]',
  )

/** A repository with its registry: `registry.example.org/team/store`. */
export const StoreName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+$/,
    'must be a repository with its registry, without a tag: HOST[:PORT]/NAME',
  )

/** Where a git URL begins, or what it is replaced by; what follows is appended, so it ends in a slash or colon. */
export const GitPrefix = z
  .string()
  .regex(
    /^((https?|ssh|git|file):\/\/[^\s]*\/|[^\s/:]+@[^\s/:]+:([^\s]*\/)?)$/,
    'must begin as a git URL does and end in "/" or, for USER@HOST:, in ":"',
  )
const oneOrMorePrefixes = z.union([GitPrefix.transform((prefix) => [prefix]), z.array(GitPrefix).min(1)])

const path = z.string().min(1)

/** The part `sources` of stillroom.config.ts: where this machine fetches from, when discovery isn't wanted. */
export const SourcesConfig = z.strictObject({
  /** Roots of Debian mirrors: `dists` and `pool` lie below. */
  debian: oneOrMore.optional(),
  debianSecurity: oneOrMore.optional(),
  /** Root of a snapshot service: `archive/debian/TIME` lies below. Debian's own when left out, `none` for no other than mirrors. */
  snapshot: z.union([z.literal('none'), webUrl]).optional(),
  /** Root of an archive of old releases: `debian` and `debian-security` lie below. Debian's own when left out, or `none`. */
  oldReleases: z.union([z.literal('none'), webUrl]).optional(),
  pypi: z
    .strictObject({
      /** The first stands for `--index-url`, the others for `--extra-index-url`. */
      indexes: z.array(webUrl).min(1).optional(),
      findLinks: z.array(z.string().min(1)).optional(),
      ca: path.optional(),
      trustedHosts: z.array(z.string().min(1)).optional(),
    })
    .optional(),
  /** A repository of a registry that `store push` fills: asked for each artifact before all else. */
  store: StoreName.optional(),
  /** Mirrors of registries, asked before the registry itself. */
  registries: z.record(RegistryName, oneOrMore).optional(),
  /** What a git URL may begin with instead, tried before the URL itself. */
  git: z.record(GitPrefix, oneOrMorePrefixes).optional(),
  /** Root of Software Heritage's archive, or one like it: `api/1/vault` lies below. Asked for commits that are gone. */
  softwareHeritage: z.union([z.literal('none'), webUrl]).optional(),
  /** Files or directories of certificates (PEM) to trust besides the machine's own, everywhere. */
  ca: z.union([path.transform((file) => [file]), z.array(path).min(1)]).optional(),
})
export type SourcesConfig = z.infer<typeof SourcesConfig>

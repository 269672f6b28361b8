import { z } from 'zod'
import { Platform, Suite } from '../recipe/schema.ts'

export const LOCKFILE_VERSION = 1

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex')
/** An OCI digest: image IDs, diffIDs. */
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 hex digits')
const GitId = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, 'must be a git object id')
const size = z.int().nonnegative()

/** One file of an archive: never leaves the directory it is put in. */
const fileName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._+~%!-]*$/, 'must be a plain file name')
/** Path of a .deb below its archive's root. */
const poolPath = z
  .string()
  .regex(
    /^pool\/([A-Za-z0-9_+~%-][A-Za-z0-9._+~%-]*\/)+[A-Za-z0-9_][A-Za-z0-9._+~%-]*\.deb$/,
    'must be a path below pool/ that ends in .deb',
  )

/** `debian` and `debian-security` are the two archives of a Debian mirror, each with pools and suites of its own. */
export const Archive = z.enum(['debian', 'debian-security'])
export type Archive = z.infer<typeof Archive>

/** One verified Release file and the index of packages it vouches for. */
export const DebianIndex = z.strictObject({
  archive: Archive,
  /** As below `dists/`: `bullseye`, `bullseye-updates`, `bullseye-security`. */
  suite: z.string().regex(/^[a-z]+(-updates|-security)?$/),
  component: z.literal('main'),
  /** The Release file's own Date, ISO 8601, UTC. */
  date: z.iso.datetime(),
  /** Of InRelease, as served. */
  release: Sha256,
  /** Of the uncompressed Packages file. */
  packages: Sha256,
  /** Fingerprints of the primary keys whose signatures were verified, upper-case hex. */
  signedBy: z.array(z.string().regex(/^[0-9A-F]{40}$/)).min(1),
})
export type DebianIndex = z.infer<typeof DebianIndex>

export const DebianPackage = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/),
  version: z.string().regex(/^[0-9][A-Za-z0-9.+:~-]*$/),
  architecture: z.enum(['amd64', 'all']),
  archive: Archive,
  path: poolPath,
  size,
  sha256: Sha256,
})
export type DebianPackage = z.infer<typeof DebianPackage>

export const PythonFile = z.strictObject({
  /** Normalised as in PEP 503. */
  name: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  version: z.string().regex(/^[A-Za-z0-9.+!_-]+$/),
  /** A wheel or a source distribution; found by this name in the package's page of the index. */
  file: fileName,
  size,
  sha256: Sha256,
  /** Version of a package of the base system that this one hides from Python. */
  replaces: z.string().optional(),
})
export type PythonFile = z.infer<typeof PythonFile>

/** A requirement that the base system already meets; nothing is installed for it. */
export const ProvidedPackage = z.strictObject({
  name: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  version: z.string(),
})
export type ProvidedPackage = z.infer<typeof ProvidedPackage>

export const LockedBase = z.strictObject({
  kind: z.literal('debian'),
  suite: Suite,
  indexes: z.array(DebianIndex).min(1),
  /** Names of the packages whose files alone can run dpkg: they unpack the rest. */
  seed: z.array(z.string()),
  packages: z.array(DebianPackage).min(1),
})
export type LockedBase = z.infer<typeof LockedBase>

export const LockedApt = z.strictObject({
  kind: z.literal('apt'),
  packages: z.array(DebianPackage),
  /** dpkg's actions in the order that apt planned: `unpack NAME...` or `configure NAME...`. */
  order: z.array(
    z
      .string()
      .regex(
        /^(unpack|configure)( [a-z0-9][a-z0-9+.-]+)+$/,
        'must be "unpack" or "configure" and package names',
      ),
  ),
})
export type LockedApt = z.infer<typeof LockedApt>

export const LockedPip = z.strictObject({
  kind: z.literal('pip'),
  /** Version of the pip that resolved and installs. */
  pip: z.string(),
  files: z.array(PythonFile),
  /** Per source distribution, by name: the files that build it; empty when what is installed does. */
  build: z.record(z.string(), z.array(PythonFile)),
  provided: z.array(ProvidedPackage),
})
export type LockedPip = z.infer<typeof LockedPip>

export const LockedProject = z.strictObject({
  kind: z.literal('project'),
  /** The last commit that changed the directory: where it comes from; the tree is what counts. */
  commit: GitId,
  tree: GitId,
})
export type LockedProject = z.infer<typeof LockedProject>

export const LockedRun = z.strictObject({ kind: z.literal('run') })
export type LockedRun = z.infer<typeof LockedRun>

/** What a step was resolved to; the same place and kind as in the recipe's `steps`. */
export const LockedStep = z.discriminatedUnion('kind', [LockedApt, LockedPip, LockedProject, LockedRun])
export type LockedStep = z.infer<typeof LockedStep>

/** What the build must give: recorded by the first build, compared by every later one. */
export const LockedImage = z.strictObject({
  id: Digest,
  tree: Digest,
  /** Bytes of the layers, uncompressed. */
  size,
  diffIDs: z.array(Digest).min(1),
})
export type LockedImage = z.infer<typeof LockedImage>

export const LockedPlatform = z.strictObject({
  /** SOURCE_DATE_EPOCH of the build, in seconds: no file in the image is newer. */
  epoch: z.int().positive(),
  base: LockedBase,
  steps: z.array(LockedStep),
  image: LockedImage.nullable(),
})
export type LockedPlatform = z.infer<typeof LockedPlatform>

/** What the lock was made from: every field of the recipe that decides the image. */
export const LockInputs = z.strictObject({
  /** sha256 over the canonical JSON of `fields`. */
  checksum: Digest,
  fields: z.record(z.string(), z.json()),
})
export type LockInputs = z.infer<typeof LockInputs>

export const Lockfile = z.strictObject({
  lockfileVersion: z.literal(LOCKFILE_VERSION),
  recipe: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  inputs: LockInputs,
  platforms: z.record(Platform, LockedPlatform),
})
export type Lockfile = z.infer<typeof Lockfile>

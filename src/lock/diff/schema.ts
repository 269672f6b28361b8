import { z } from 'zod'
import { LockedImage } from '../schema.ts'

export const LOCK_DIFF_VERSION = 1

/**
 * How much a change asks of a reviewer, least first. `any`: nothing that is installed became another. `patch`, `minor`,
 * `major`: a newer version; what was added, removed or moved to another commit counts as `minor`. `downgrade`: an older
 * one. `source`: from another place, or from one that nothing came from before. `rebuild`: other bytes under the same version.
 */
export const DiffLevel = z.enum(['any', 'patch', 'minor', 'major', 'downgrade', 'source', 'rebuild'])
export type DiffLevel = z.infer<typeof DiffLevel>

/**
 * What happened to a package. `newer`: an index of a later date. `other`: another version, where no order of versions is
 * known (commits). `detail`: the same version and bytes, but something said of it differs.
 */
export const ChangeClass = z.enum([
  ...['added', 'removed', 'patch', 'minor', 'major', 'downgrade', 'source', 'rebuild'],
  ...['newer', 'other', 'detail'],
] as const)
export type ChangeClass = z.infer<typeof ChangeClass>

/** A package as one lockfile has it. */
export const PackageState = z.strictObject({
  /** In its ecosystem's terms: a version, a commit, a suite or tag, an index's date; null for a file. */
  version: z.string().nullable(),
  /** Of what counts: `sha256:` or `git-tree:`; null for what a registry's base image came with. */
  digest: z.string().nullable(),
  /** Bytes of the artifact. */
  size: z.int().nonnegative().nullable(),
  /** Archive, address or repository; null where the ecosystem has one source. */
  source: z.string().nullable(),
  /** `base` or `steps[N]`. */
  place: z.string(),
  /** The recipe names it. */
  asked: z.boolean(),
  /** All else that the lockfile says of it. */
  facts: z.record(z.string(), z.string()),
})
export type PackageState = z.infer<typeof PackageState>

export const Commit = z.strictObject({ commit: z.string(), subject: z.string() })
export type Commit = z.infer<typeof Commit>

/** Commits that lead from one state to the other, newest first. */
export const CommitLog = z.strictObject({
  /** Reached now and not before; `removed` the other way round. */
  added: z.array(Commit),
  removed: z.array(Commit),
  /** Commits that are left out of the two lists. */
  omitted: z.int().nonnegative(),
})
export type CommitLog = z.infer<typeof CommitLog>

export const PackageChange = z.strictObject({
  platform: z.string(),
  /** `deb`, `pypi`, `pypi-build`, `git`, `file`, `project`, `base`, `index`, or a kind of a base image's inventory. */
  ecosystem: z.string(),
  name: z.string(),
  class: ChangeClass,
  level: DiffLevel,
  /** The recipe names it, before or after; else it came along with what the recipe names. */
  asked: z.boolean(),
  from: PackageState.nullable(),
  to: PackageState.nullable(),
  /** For a commit, when the repository is at hand. */
  log: CommitLog.nullable(),
})
export type PackageChange = z.infer<typeof PackageChange>

/** Anything else that differs, by its path. */
export const FieldChange = z.strictObject({
  field: z.string(),
  from: z.json().nullable(),
  to: z.json().nullable(),
})
export type FieldChange = z.infer<typeof FieldChange>

export const ImageChange = z.strictObject({
  platform: z.string(),
  from: LockedImage.nullable(),
  to: LockedImage.nullable(),
})
export type ImageChange = z.infer<typeof ImageChange>

/** Everything that differs between two locks of a recipe. */
export const LockChanges = z.strictObject({
  /** Fields of the recipe that decide the image. */
  inputs: z.array(FieldChange),
  packages: z.array(PackageChange),
  /** What no other list has: dpkg's order, the epoch, what Debian provides for pip. */
  details: z.array(FieldChange),
  images: z.array(ImageChange),
})
export type LockChanges = z.infer<typeof LockChanges>

export const DockerfileChange = z.strictObject({
  added: z.int().nonnegative(),
  removed: z.int().nonnegative(),
  /** The hunks of a unified diff. */
  patch: z.string(),
})
export type DockerfileChange = z.infer<typeof DockerfileChange>

export const RecipeDiff = z.strictObject({
  recipe: z.string(),
  status: z.enum(['added', 'removed', 'changed']),
  level: DiffLevel,
  ...LockChanges.shape,
  dockerfile: DockerfileChange.nullable(),
})
export type RecipeDiff = z.infer<typeof RecipeDiff>

/** What `diff lock --json` prints. */
export const LockDiff = z.strictObject({
  diffVersion: z.literal(LOCK_DIFF_VERSION),
  /** What is compared: a revision, `working tree` or a file. */
  base: z.string(),
  head: z.string(),
  /** The highest of all recipes; null when nothing differs. */
  level: DiffLevel.nullable(),
  /** Those that differ, by name. */
  recipes: z.array(RecipeDiff),
  /** How many don't. */
  unchanged: z.int().nonnegative(),
})
export type LockDiff = z.infer<typeof LockDiff>

import { z } from 'zod'
import { Digest } from '../formats/oci.ts'
import {
  absolutePath,
  archiveUrl,
  componentName,
  fileUrl,
  gitUrl,
  imageReference,
  indexUrl,
  labelKey,
  line,
  nonEmptyLine,
  Platform,
  Port,
  RecipeSource,
  relativePath,
  Suite,
  suiteName,
} from '../recipe/schema.ts'

export const LOCKFILE_VERSION = 1

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex')
const GitId = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, 'must be a git object id')
const size = z.int().nonnegative()
const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'must be the name of a Debian package')
const projectName = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be a normalised name (PEP 503)')
const recipeName = RecipeSource.shape.name
const pythonVersion = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+!_-]*$/, 'must be a version')

/** One file of an archive: never leaves the directory it is put in. */
const fileName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._+~%!-]*$/, 'must be a plain file name')
/** Path of a .deb below its archive's root. */
const poolPath = z
  .string()
  .regex(
    /^(?!.*%2[efEF])([A-Za-z0-9_+~%-][A-Za-z0-9._+~%-]*\/)*[A-Za-z0-9_][A-Za-z0-9._+~%-]*\.deb$/,
    "must be a path below the archive's root that ends in .deb",
  )

/** The two archives of a Debian mirror. */
export const DebianArchive = z.enum(['debian', 'debian-security'])
export type DebianArchive = z.infer<typeof DebianArchive>

/**
 * An archive of Debian packages by its name. `debian` and `debian-security` are the two of a Debian mirror, each with
 * pools and suites of its own, `ubuntu` that of Ubuntu; where they live is a setting. Another archive that an image's
 * own sources name has no name but its address, without the scheme: `example.org/team/ubuntu`.
 */
export const Archive = z
  .string()
  .regex(
    /^(?!.*%2[efEF])[a-z0-9][a-z0-9.:-]*(\/[A-Za-z0-9_+~%-][A-Za-z0-9._+~%-]*)*$/,
    'must be the name of an archive',
  )
export type Archive = z.infer<typeof Archive>

/** One verified Release file and the index of packages it vouches for. */
export const DebianIndex = z
  .strictObject({
    archive: Archive,
    /** As below `dists/`: `bullseye`, `bullseye-updates`, `buster/updates`; of a flat archive a path that ends in a slash. */
    suite: suiteName,
    component: z.union([componentName, z.literal('')]),
    /** The Release file's own Date, ISO 8601, UTC. */
    date: z.iso.datetime(),
    /** Of InRelease, as served; of an archive without one, of Release with its signature behind it. */
    release: Sha256,
    /** Of the uncompressed Packages file. */
    packages: Sha256,
    /** Fingerprints of the primary keys whose signatures were verified, upper-case hex. */
    signedBy: z.array(z.string().regex(/^[0-9A-F]{40}$/)).min(1),
    /** Where the archive is, of one that a recipe names by its address. */
    url: archiveUrl.optional(),
    /** Where its earlier states are, below their times. */
    snapshot: archiveUrl.optional(),
  })
  .refine(
    ({ component, suite, url }) =>
      (component === '') === suite.endsWith('/') && (component !== '' || url !== undefined),
    'a suite that ends in a slash has no component, and any other has one',
  )
export type DebianIndex = z.infer<typeof DebianIndex>

export const DebianPackage = z.strictObject({
  name: packageName,
  version: z.string().regex(/^[0-9][A-Za-z0-9.+:~-]*$/),
  architecture: z.enum(['amd64', 'all']),
  archive: Archive,
  path: poolPath,
  size,
  sha256: Sha256,
})
export type DebianPackage = z.infer<typeof DebianPackage>

/** An engine takes some 120 layers in all. */
export const MOST_WHEEL_LAYERS = 16

export const PythonFile = z.strictObject({
  /** Normalised as in PEP 503. */
  name: projectName,
  version: pythonVersion,
  /**
   * A wheel or a source distribution; found by this name in the package's page of the index. A source distribution by
   * address is given a name of that form.
   */
  file: fileName,
  size,
  sha256: Sha256,
  /** Where the file itself lies, of a requirement by address: no index is asked for it. */
  url: fileUrl.optional(),
  /** The one index that it is taken from, when the recipe names one. */
  index: indexUrl.optional(),
  /** Version of a package of the base system that this one hides from Python. */
  replaces: nonEmptyLine.optional(),
  /** Which of the step's layers has this wheel, below its last one, which has all that say none. */
  layer: z.int().min(1).max(MOST_WHEEL_LAYERS).optional(),
})
export type PythonFile = z.infer<typeof PythonFile>

/** A wheel that builds a source distribution, and is nowhere in the image. */
export const BuildFile = PythonFile.omit({ url: true, index: true, layer: true })
export type BuildFile = z.infer<typeof BuildFile>

/** A requirement that the base system already meets; nothing is installed for it. */
export const ProvidedPackage = z.strictObject({
  name: projectName,
  version: nonEmptyLine,
})
export type ProvidedPackage = z.infer<typeof ProvidedPackage>

export const LockedDebianBase = z.strictObject({
  kind: z.literal('debian'),
  suite: Suite,
  indexes: z.array(DebianIndex).min(1),
  /** Names of the packages whose files alone can run dpkg: they unpack the rest. */
  seed: z.array(packageName),
  packages: z.array(DebianPackage).min(1),
  /** The compiler of the steps' clock, which no image has; locks made before there was one have none. */
  clock: DebianPackage.optional(),
})
export type LockedDebianBase = z.infer<typeof LockedDebianBase>

/** One layer as the registry has it. */
export const RegistryLayer = z.strictObject({
  /** Of the blob, compressed as it is. */
  digest: Digest,
  size,
  compression: z.enum(['none', 'gzip', 'zstd']),
  /** Of the layer's archive, uncompressed. */
  diffID: Digest,
})
export type RegistryLayer = z.infer<typeof RegistryLayer>

/** A package that was found in a base image. */
export const BasePackage = z.strictObject({
  /** As in package URLs: `deb`, `apk`, `rpm`, `pypi`, `conda`, `npm`, `cran`. */
  kind: z.string().regex(/^[a-z]+$/),
  name: nonEmptyLine,
  version: nonEmptyLine,
  architecture: nonEmptyLine.optional(),
  /** Directory that it is installed in, where an image may have several. */
  environment: nonEmptyLine.optional(),
})
export type BasePackage = z.infer<typeof BasePackage>

/** A path of an image's config, which need not be normalised; it goes up nowhere. */
const configPath = nonEmptyLine.refine(
  (path) => path.startsWith('/') && !path.split('/').includes('..'),
  'must be an absolute path without ".." parts',
)
/** A word of a command, which is rendered as JSON: line breaks are allowed. */
const configWord = z.string().refine((text) => !text.includes('\0'), 'must not contain NUL')

/** What the config of a base image says, and the image has unless the recipe says otherwise. */
export const BaseConfiguration = z.strictObject({
  env: z.record(labelKey, line),
  user: line.regex(/^(?!-)/, 'must not begin with "-"'),
  workdir: z.union([z.literal(''), configPath]),
  entrypoint: z.array(configWord).nullable(),
  cmd: z.array(configWord).nullable(),
  labels: z.record(labelKey, line),
  expose: z.array(Port),
  volumes: z.array(configPath),
  stopSignal: z.string().regex(/^([A-Z0-9][A-Z0-9+-]*)?$/, 'must be the name or the number of a signal'),
})
export type BaseConfiguration = z.infer<typeof BaseConfiguration>

export const LockedImageBase = z.strictObject({
  kind: z.literal('image'),
  /** The reference with its registry and tag written out. */
  reference: imageReference,
  /** What the tag named, when that was an index of several platforms. */
  index: Digest.nullable(),
  manifest: Digest,
  /** The image ID of the base. */
  config: Digest,
  /** When the config says that it was made, ISO 8601. */
  created: z.iso.datetime(),
  /** Lowest first. */
  layers: z.array(RegistryLayer).min(1),
  configuration: BaseConfiguration,
  /** The numeric ids and the home of `configuration.user`, as the image's own account files have them. */
  account: z.strictObject({ uid: z.int().nonnegative(), gid: z.int().nonnegative(), home: configPath }),
  /** Indexes of the image's own apt sources, for its apt steps; empty without one. */
  indexes: z.array(DebianIndex),
  /** What is installed in it. */
  inventory: z.array(BasePackage),
})
export type LockedImageBase = z.infer<typeof LockedImageBase>

/** The image of another recipe, as {@link LockedPlatform} has it among `recipes`. */
export const LockedRecipeBase = z.strictObject({
  kind: z.literal('recipe'),
  recipe: recipeName,
  /** The day that it is of: its epoch, ISO 8601. */
  created: z.iso.datetime(),
  configuration: BaseConfiguration,
  /** As of an image from a registry. */
  account: LockedImageBase.shape.account,
  /** Those of the other recipe's own base, for apt steps on it. */
  indexes: z.array(DebianIndex),
  /** What its lock says is installed in it. */
  inventory: z.array(BasePackage),
})
export type LockedRecipeBase = z.infer<typeof LockedRecipeBase>

export const LockedBase = z.discriminatedUnion('kind', [LockedDebianBase, LockedImageBase, LockedRecipeBase])
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

/** A directory of the image that is installed as a Python package. */
export const LocalPackage = z.strictObject({
  path: absolutePath,
  name: projectName,
  version: pythonVersion,
  editable: z.boolean(),
})
export type LocalPackage = z.infer<typeof LocalPackage>

export const LockedPip = z.strictObject({
  kind: z.literal('pip'),
  /** Version of the pip that resolved and installs. */
  pip: nonEmptyLine,
  files: z.array(PythonFile),
  /** Per source distribution, by name: the files that build it; empty when what is installed does. */
  build: z.record(projectName, z.array(BuildFile)),
  provided: z.array(ProvidedPackage),
  /** What the recipe's `local` directories are, in its order. */
  local: z.array(LocalPackage).default([]),
})
export type LockedPip = z.infer<typeof LockedPip>

export const LockedProject = z.strictObject({
  kind: z.literal('project'),
  /** The last commit that changed the directory: where it comes from; the tree is what counts. */
  commit: GitId,
  tree: GitId,
  /** Where the recipe leaves files out: no repository has the tree of what remains, but the commit has these. */
  part: z
    .strictObject({
      /** From the repository's root; empty for the root. */
      directory: z.union([z.literal(''), relativePath]),
      exclude: z.array(relativePath).min(1),
    })
    .optional(),
})
export type LockedProject = z.infer<typeof LockedProject>

/** A git repository within another. */
export const LockedSubmodule = z.strictObject({
  /** Below the repository's root. */
  path: relativePath,
  url: gitUrl,
  commit: GitId,
  tree: GitId,
})
export type LockedSubmodule = z.infer<typeof LockedSubmodule>

/** A file whose content git-lfs keeps; the tree holds a pointer to it. */
export const LfsFile = z.strictObject({ path: relativePath, size, sha256: Sha256 })
export type LfsFile = z.infer<typeof LfsFile>

export const LockedGit = z.strictObject({
  kind: z.literal('git'),
  /** As the recipe has it: without a login. */
  url: gitUrl,
  commit: GitId,
  /** The commit's own tree, whatever part of it is taken. */
  tree: GitId,
  submodules: z.array(LockedSubmodule),
  /** Files whose content git-lfs keeps. */
  lfs: z.array(LfsFile),
  /** The archive of all of it, as stillroom makes it of these. */
  size,
  sha256: Sha256,
})
export type LockedGit = z.infer<typeof LockedGit>

export const LockedFile = z.strictObject({
  kind: z.literal('file'),
  url: fileUrl,
  size,
  sha256: Sha256,
})
export type LockedFile = z.infer<typeof LockedFile>

export const LockedCopy = z.strictObject({
  kind: z.literal('copy'),
  /** The recipe, as {@link LockedPlatform} has it among `recipes`. */
  recipe: recipeName,
  /** Where the files lie in its image, links resolved. */
  path: absolutePath,
})
export type LockedCopy = z.infer<typeof LockedCopy>

export const LockedRun = z.strictObject({ kind: z.literal('run') })
export type LockedRun = z.infer<typeof LockedRun>

/** What a step was resolved to; the same place and kind as in the recipe's `steps`. */
export const LockedStep = z.discriminatedUnion('kind', [
  LockedApt,
  LockedPip,
  LockedGit,
  LockedFile,
  LockedProject,
  LockedCopy,
  LockedRun,
])
export type LockedStep = z.infer<typeof LockedStep>

/** Where an image was published, and under which digest it is there: the same in every registry. */
export const PublishedImage = z.strictObject({
  /** With its registry and its tag: `registry.example.org/team/hello:1`. */
  reference: imageReference.refine((reference) => !reference.includes('@'), 'must end in a tag'),
  manifest: Digest,
})
export type PublishedImage = z.infer<typeof PublishedImage>

/** A SIF of the image. */
export const LockedSif = z.strictObject({
  sha256: Sha256,
  size,
  /** sha256 of all that it was made of: when that is another, so may the SIF be. */
  inputs: Sha256,
  /** What its apps run: the recipe's tasks, which the rest of the lock does not have. */
  tasks: z.record(
    z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be lower case, digits and dashes'),
    z.strictObject({ command: z.array(line).min(1), workdir: absolutePath.optional() }),
  ),
})
export type LockedSif = z.infer<typeof LockedSif>

/** What the build must give: recorded by the first build, compared by every later one. */
export const LockedImage = z.strictObject({
  id: Digest,
  tree: Digest,
  /** Bytes of the layers, uncompressed. */
  size,
  diffIDs: z.array(Digest).min(1),
  /** The archive that `save` writes of it; locks made before there was one lack it until then. */
  archive: z.strictObject({ sha256: Sha256, size }).optional(),
  /** Where `publish` pushed it to last. */
  published: PublishedImage.optional(),
  /** The SIF that `export` writes of it; it is there from the first one on. */
  sif: LockedSif.optional(),
})
export type LockedImage = z.infer<typeof LockedImage>

/** What the lock was made from: every field of the recipe that decides the image. */
export const LockInputs = z.strictObject({
  /** sha256 over the canonical JSON of `fields`. */
  checksum: Digest,
  fields: z.record(z.string(), z.json()),
})
export type LockInputs = z.infer<typeof LockInputs>

/** SOURCE_DATE_EPOCH of the build, in seconds: no file in the image is newer. */
const epoch = z.int().positive()

/** The lock of another recipe that files are taken from, as it was: with it, nothing else is needed to build them again. */
export const LockedRecipe = z.strictObject({
  inputs: LockInputs,
  epoch,
  base: LockedBase,
  steps: z.array(LockedStep),
  /** What its build gives. */
  image: LockedImage.pick({ id: true, tree: true, size: true, diffIDs: true }),
})
export type LockedRecipe = z.infer<typeof LockedRecipe>

export const LockedPlatform = z.strictObject({
  epoch,
  base: LockedBase,
  steps: z.array(LockedStep),
  /** The other recipes that steps take files from, and those that these do, by name; left out where there are none. */
  recipes: z.record(recipeName, LockedRecipe).optional(),
  image: LockedImage.nullable(),
})
export type LockedPlatform = z.infer<typeof LockedPlatform>

export const Lockfile = z.strictObject({
  lockfileVersion: z.literal(LOCKFILE_VERSION),
  recipe: recipeName,
  inputs: LockInputs,
  platforms: z.record(Platform, LockedPlatform),
})
export type Lockfile = z.infer<typeof Lockfile>

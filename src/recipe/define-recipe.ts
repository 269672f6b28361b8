import { requirementName } from '../formats/python/distribution-name.ts'
import type {
  AptArchive,
  AptStep,
  Component,
  CopyStep,
  DebianBase,
  FileStep,
  GitStep,
  ImageBase,
  PipStep,
  ProjectStep,
  RecipeInput,
  RecipeSource,
  RunStep,
  Suite,
} from './schema.ts'

/**
 * Gives an author's recipe its type; what is wrong in it is reported when stillroom loads it.
 *
 * @example
 * ```ts
 * import { apt, debian, defineRecipe, pip } from 'stillroom'
 *
 * export default defineRecipe({
 *   base: debian('bookworm'),
 *   steps: [apt(['python3', 'python3-pip']), pip(['six==1.16.0'])],
 *   checks: [{ name: 'six', command: ['python3', '-c', 'import six'] }],
 * })
 * ```
 */
export function defineRecipe(recipe: RecipeInput): RecipeInput {
  return recipe
}

/** What {@link debian} takes besides the suite. */
export interface DebianOptions {
  /** Components of the archive besides `main`: `['contrib', 'non-free']`. */
  components?: Component[]
  /** Have the suite's backports, too: `apt(['cmake/bookworm-backports'])` asks for a package of them. */
  backports?: boolean
}

/** A base of Debian's essential packages and apt, made from the archive's signed index without any registry. */
export function debian(suite: Suite, { components, backports, ...rest }: DebianOptions = {}): DebianBase {
  return {
    kind: 'debian',
    suite,
    ...(components === undefined ? {} : { components }),
    ...(backports === undefined ? {} : { backports }),
    ...rest,
  }
}

/** What {@link aptArchive} takes. */
export interface AptArchiveOptions {
  /** Root of the archive: `dists` lies below, or the flat suite. */
  url: string
  /** The suite; a path that ends in a slash for a flat archive: `'./'`. */
  suite: string
  /** Components of the suite; none in a flat archive. */
  components?: string[]
  /** The key that signs it: its fingerprint (spaces are allowed), and a file beside the recipe or an address that has it. */
  key: { fingerprint: string; file?: string; url?: string }
  /** Where its earlier states are, below their times: for packages that it drops. */
  snapshot?: string
}

/** An archive of somebody else's, for `archives` of a recipe: its Release file must be signed by the key named. */
export function aptArchive({ components = [], key, ...archive }: AptArchiveOptions): AptArchive {
  const fingerprint = key.fingerprint.replaceAll(' ', '').toUpperCase()
  return { ...archive, components, key: { ...key, fingerprint } }
}

/**
 * A base from a registry, named with a tag or a digest: `image('registry.example.org/fenics/stable:2019.1.0')`. The lock
 * pins the digests behind the tag. Its environment, user, entrypoint and the rest of its config are the image's,
 * unless the recipe says otherwise.
 */
export function image(reference: string, ...rest: []): ImageBase {
  return Object.assign({ kind: 'image' as const, reference }, ...rest)
}

/**
 * Debian packages with all they depend on, resolved by the image's own apt.
 * Each is a name, `name=version` for one exact version, or `name/suite` for the version of one suite. Recommended packages are left out unless asked for.
 */
export function apt(packages: string[], { recommends = false, after, ...rest }: AptOptions = {}): AptStep {
  return { kind: 'apt', packages, recommends, ...(after === undefined ? {} : { after }), ...rest }
}

/** What {@link apt} takes besides packages. */
export interface AptOptions {
  recommends?: boolean
  /**
   * A script for `/bin/sh -eu` that runs when all is installed, in the step's own layer and without network:
   * `'rm -rf /usr/share/doc'`. What it deletes takes no room in the image.
   */
  after?: string
}

/** Requirements in a file beside the recipe, see {@link requirementsFile}. */
export interface RequirementsFile {
  file: string
  extras?: string[]
  groups?: string[]
}

/** A requirement that is taken from an index of its own, and from no other. */
export interface IndexedRequirement {
  requirement: string
  /** The root of a simple index, without a login. */
  index: string
}

/** What {@link pip} takes besides its requirements. */
export interface PipOptions {
  /**
   * What must hold of projects that are installed, without asking for them: `['numpy<2']`, or a constraints file,
   * `requirementsFile('constraints.txt')`.
   */
  constraints?: (string | RequirementsFile)[]
  /** The index of every requirement that is written here and names none: `{ index: 'https://index.example.org/cpu' }`. */
  index?: string
  /**
   * Projects that may be built from their source distribution, and what builds each:
   * `{ gym: ['setuptools==59.6.0', 'wheel==0.37.1'] }`; an empty list builds with what is installed.
   */
  sdists?: Record<string, string[]>
  /**
   * Directories that earlier steps placed in the image, to be installed as packages, with what they require:
   * `[{ path: '/opt/tensorforce', editable: true, extras: ['tf'] }]`.
   */
  local?: { path: string; editable?: boolean; extras?: string[] }[]
  /** A script for `/bin/sh -eu` that runs when all is installed, in the step's own layer and without network. */
  after?: string
}

/**
 * Requirements that a file beside the recipe holds: a requirements file of pip's, with those that it names by `-r` and `-c`;
 * a `pylock.toml` (PEP 751) or a `uv.lock`, whose versions and hashes hold. The file is read when the recipe is locked, and
 * changing it makes the lock stale.
 */
export function requirementsFile(
  file: string,
  options: { extras?: string[]; groups?: string[] } = {},
): RequirementsFile {
  return { file, ...options }
}

/**
 * Python packages with all they require, resolved by the image's own pip; wheels only, unless `sdists` says so.
 *
 * @example
 * ```ts
 * pip(['numpy==1.26.4', { requirement: 'torch==2.4.1', index: 'https://index.example.org/whl/cpu' }])
 * ```
 */
export function pip(
  requirements: RequirementsFile | (string | IndexedRequirement | RequirementsFile)[],
  { sdists = {}, local, constraints = [], index, after, ...rest }: PipOptions = {},
): PipStep {
  const asked = [requirements].flat()
  const written = asked.filter(isWritten).map((each) => indexed(each, index))
  const files = asked.filter(isFile).map(({ file, ...rest }) => ({ path: file, ...rest }))
  const indexes = written.flatMap((each) =>
    each.index === undefined ? [] : [[requirementName(each.requirement), each.index] as const],
  )
  const limits = constraints.filter(isWritten)
  const limitFiles = constraints.filter(isFile).map(({ file }) => file)
  return {
    kind: 'pip',
    requirements: written.map(({ requirement }) => requirement),
    ...(files.length > 0 ? { files } : {}),
    ...(limits.length > 0 ? { constraints: limits } : {}),
    ...(limitFiles.length > 0 ? { constraintFiles: limitFiles } : {}),
    ...(indexes.length > 0 ? { indexes: Object.fromEntries(indexes) } : {}),
    ...(local ? { local: local.map((one) => ({ editable: false, extras: [], ...one })) } : {}),
    sdists,
    ...(after === undefined ? {} : { after }),
    ...rest,
  }
}

const isFile = (each: unknown): each is RequirementsFile =>
  typeof each === 'object' && each !== null && 'file' in each

const isWritten = <T>(each: T | RequirementsFile): each is T => !isFile(each)

function indexed(
  each: string | IndexedRequirement,
  index: string | undefined,
): { requirement: string; index?: string } {
  if (typeof each !== 'string') return each
  return { requirement: each, ...(index === undefined ? {} : { index }) }
}

/** What {@link git} takes besides the repository's address. */
export interface GitOptions {
  /** A branch, a tag or a commit. */
  ref: string
  /** Directory of the image; the recipe's user owns it. */
  to: string
  /** Take only this directory of the repository. */
  subdir?: string
  submodules?: boolean
  lfs?: boolean
}

/**
 * Files of a git repository, pinned by commit and tree, without `.git`. It is fetched on the host by the user's own
 * git with its ssh agent or credential helper; an address never holds a login.
 */
export function git(
  url: string,
  { ref, to, subdir, submodules = false, lfs = false, ...rest }: GitOptions,
): GitStep {
  return { kind: 'git', url, ref, to, ...(subdir === undefined ? {} : { subdir }), submodules, lfs, ...rest }
}

/** What {@link file} takes besides the address. */
export interface FileOptions {
  /** The file's path in the image; the directory when it is unpacked. The recipe's user owns it. */
  to: string
  /** What the file must be; without it, the first lock takes what it gets. */
  sha256?: string
  /** Unpack a tar (plain, gzip, bzip2, xz) or zip archive, without the first `strip` parts of each path. */
  unpack?: boolean
  strip?: number
  /** Permissions of a file that is not unpacked; `'0644'` by default. */
  mode?: string
}

/** A download, pinned by its sha256. */
export function file(
  url: string,
  { to, sha256, unpack = false, strip = 0, mode = '0644', ...rest }: FileOptions,
): FileStep {
  return { kind: 'file', url, ...(sha256 === undefined ? {} : { sha256 }), to, unpack, strip, mode, ...rest }
}

export interface ProjectOptions {
  /** Where the image has it. */
  to: string
  /** Files and directories in it that are left out, by their path below it. */
  exclude?: string[]
}

/**
 * A directory of the repository that the recipe lies in, pinned by commit and tree; owned by the recipe's user.
 *
 * @param path seen from the recipe's directory
 * @example
 * project('solver', { to: '/opt/solver' }) // beside the recipe
 * project('../../src', { to: '/opt/src' })
 * project('../..', { to: '/opt/flow', exclude: ['recipes', 'generated', 'history'] }) // the whole repository
 */
export function project(path: string, { to, exclude, ...rest }: ProjectOptions): ProjectStep {
  return { kind: 'project', path, to, ...(exclude !== undefined && { exclude }), ...rest }
}

/**
 * Another recipe of the project, by the name of its directory: a base, or what {@link copy} takes files from. As a base, its image is
 * what the steps stand on; its environment, user, entrypoint and the rest of its config are the image's, unless the recipe
 * says otherwise.
 */
export function recipe(name: string, ...rest: []): RecipeSource {
  return Object.assign({ kind: 'recipe' as const, name }, ...rest)
}

/**
 * A file or a directory of another recipe's image, as it is there: owners, permissions and times stay. What a directory
 * holds is put into `to`, which may be there already. The lock names the image by its ID and its tree.
 *
 * @example
 * ```ts
 * copy(recipe('compiler'), { path: '/opt/tool', to: '/opt/tool' })
 * ```
 */
export function copy(from: RecipeSource, { path, to, ...rest }: { path: string; to: string }): CopyStep {
  return { kind: 'copy', from, path, to, ...rest }
}

/** A command without network: a list is one program with its arguments, a string is a script for `/bin/sh -eu`. */
export function run(command: string | string[], ...rest: []): RunStep {
  return Object.assign({ kind: 'run' as const, command }, ...rest)
}

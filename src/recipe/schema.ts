import { z } from 'zod'
import { normalizeName } from '../formats/python/distribution-name.ts'
import { parseRequirement } from '../formats/python/requirement.ts'
import { parsePublished } from './published-port.ts'

/** No control character: a value that fits on one line of a Dockerfile, a passwd file or a terminal. */
const LINE = /^[^\p{Cc}\u2028\u2029]*$/u
/** Text on one line. */
export const line = z.string().regex(LINE, 'must not contain control characters or line breaks')
/** A field of /etc/passwd ends at a colon. */
const NO_COLON = /^[^:]*$/
export const nonEmptyLine = line.min(1, 'must not be empty')

/** An absolute, normalised POSIX path; white space and quotes are allowed, `..` is not. */
export const absolutePath = nonEmptyLine.refine(
  (path) => path.startsWith('/') && (path === '/' || !/\/(\.{0,2})(\/|$)/.test(path)),
  'must be an absolute path without empty, "." or ".." parts or a slash at the end',
)

/** A path below the recipe's directory. */
export const relativePath = nonEmptyLine.refine(
  (path) => !path.startsWith('/') && !`/${path}`.match(/\/(\.{0,2})(\/|$)/),
  'must be a relative path without empty, "." or ".." parts or a slash at the end',
)

/** A directory seen from the recipe's: below it, or up from it. */
const directoryFromRecipe = nonEmptyLine.refine((path) => {
  const below = path.replace(/^(\.\.\/)*/, '')
  return below === '..' || relativePath.safeParse(below).success
}, 'must be a relative path; ".." may only lead it, and there is no slash at the end')

/** A Dockerfile cannot say a key with an equals sign, however it is quoted. */
export const labelKey = nonEmptyLine.regex(/^[^=]*$/, 'must not contain "="')

const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a shell variable name')

/** Debian policy 5.6.1 (package names) and 5.6.12 (versions). */
const aptRequest = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9+.-]+(=[0-9][A-Za-z0-9.+:~-]*|\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/,
    'must be a Debian package name, optionally followed by "=VERSION" or "/SUITE"',
  )

/** No login in it: that is a setting of the machine. */
export const fileUrl = nonEmptyLine
  .regex(/^https?:\/\/[^/?#\s]+\/[^#\s]*$/, 'must be an address that begins with https:// or http://')
  .refine((url) => !/^https?:\/\/[^/]*@/.test(url), 'must not contain a login')

/** PEP 508: a name, extras, PEP 440 specifiers or the address of one file, a marker; no option. */
const pipRequirement = line
  .refine(
    (text) => parseRequirement(text)?.hashes.length === 0 && !/\s--/.test(text),
    'must be a requirement such as "numpy", "numpy==1.19.5" or "numpy<2; python_version < \'3.12\'"',
  )
  .superRefine((text, context) => {
    const url = parseRequirement(text)?.url
    const address = fileUrl.safeParse(url?.replace(/#sha256=[0-9a-f]{64}$/, ''))
    if (url !== undefined && !address.success)
      context.addIssue({ code: 'custom', message: `its address ${address.error.issues[0]?.message}` })
  })

/** What builds a source distribution comes from the machine's indexes. */
const buildRequirement = pipRequirement.refine(
  (text) => parseRequirement(text)?.url === undefined,
  'must be a requirement by name',
)

const projectName = z.string().superRefine((name, context) => {
  const normalised = normalizeName(name)
  if (!/^[a-z0-9]/.test(normalised))
    context.addIssue({ code: 'custom', message: 'must begin with a letter or a digit (PEP 503)' })
  else if (normalised !== name)
    context.addIssue({
      code: 'custom',
      message: `must be a normalised name (PEP 503): write "${normalised}"`,
    })
})

/** ISO 7064 MOD 11-2 over the digits before the last, which may be X for ten. */
function isOrcid(text: string): boolean {
  if (!/^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$/.test(text)) return false
  const digits = text.replaceAll('-', '')
  let total = 0
  for (const digit of digits.slice(0, -1)) total = (total + Number(digit)) * 2
  const check = (12 - (total % 11)) % 11
  return digits.at(-1) === (check === 10 ? 'X' : String(check))
}

const accountName = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a POSIX account name')

const SUITES = ['bullseye', 'bookworm', 'trixie'] as const
export const Suite = z.enum(SUITES, { error: ({ input }) => whyNotSuite(input) })
export type Suite = z.infer<typeof Suite>

export const Platform = z.enum(['linux/amd64'])
export type Platform = z.infer<typeof Platform>

/** Why a name is no suite that a recipe can stand on, where there is more to say than which there are. */
function whyNotSuite(name: unknown): string | undefined {
  const known = `take ${SUITES.map((suite) => `"${suite}"`).join(' or ')}`
  if (typeof name !== 'string') return undefined
  if (/^(sid|unstable|testing|forky|experimental|rc-buggy)$/.test(name)) {
    return `is no release: its packages are replaced every day and need one another, so that nothing can be added to a lock of yesterday, and it has no security updates; ${known}, and newer packages by backports: true`
  }
  return /^(old)*stable$/.test(name)
    ? `is another release every two years; ${known} by its own name`
    : undefined
}

/** Areas of Debian's archive (policy 2.2). */
export const Component = z.enum(['main', 'contrib', 'non-free', 'non-free-firmware'])
export type Component = z.infer<typeof Component>

export const DebianBase = z.strictObject({
  kind: z.literal('debian'),
  /** The release: its essential packages, apt, and what they depend on are the base. */
  suite: Suite,
  /** Components of the archive that apt steps may take packages from, besides `main`. */
  components: z.array(Component).min(1, 'must name at least one component').optional(),
  /** Have the suite's backports, too. apt takes a package of these only when it is asked for: `cmake/bookworm-backports`. */
  backports: z.boolean().optional(),
})
export type DebianBase = z.infer<typeof DebianBase>

/**
 * A reference of the distribution project's grammar with its registry: `registry.example.org/fenics/stable:2019.1.0`; a
 * name without a registry is one of Docker Hub, as Docker takes it.
 */
export const imageReference = z
  .string()
  .max(512)
  .regex(
    /^(([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?\/)?[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
    'must be an image reference such as "registry.example.org/fenics/stable:2019.1.0"',
  )
  .refine(
    (reference) => /(:[^/:@]+|@[^@]+)$/.test(reference),
    'must end in a tag, such as ":latest", or a digest',
  )

/** The root of an archive of packages. A login is the machine's to know. */
export const archiveUrl = nonEmptyLine
  .regex(
    /^https?:\/\/[a-z0-9][a-z0-9.:-]*(\/[A-Za-z0-9_+~%-][A-Za-z0-9._+~%-]*)*\/?$/,
    'must be the root of an archive: http:// or https://, a host in lower case and a path',
  )
  .refine((url) => !/%2f/i.test(url), 'must not contain a slash that is written as %2F')

/** As below `dists/`, or a path that ends in a slash. */
export const suiteName = z
  .string()
  .regex(
    /^(\.?\/|[A-Za-z0-9_]+([./+~-]+[A-Za-z0-9_]+)*\/?)$/,
    'must be the name of a suite, or a path that ends in "/" for a flat archive',
  )
  .refine((suite) => !suite.includes('..'), 'must not go up')
export const componentName = z
  .string()
  .regex(/^[A-Za-z0-9_]+([./+~-][A-Za-z0-9_]+)*$/, 'must be the name of a component')

export const AptArchive = z.strictObject({
  /** Root of the archive: `dists` lies below, or the flat suite. */
  url: archiveUrl,
  /** The suite; a path that ends in a slash for a flat archive: `./`. */
  suite: suiteName,
  /** Components of it; none in a flat archive. */
  components: z.array(componentName).default([]),
  /** The key that signs it, by the fingerprint of its primary key: a file beside the recipe, or fetched. */
  key: z.strictObject({
    fingerprint: z
      .string()
      .regex(/^[0-9A-F]{40}$/, 'must be the 40 hexadecimal digits of a fingerprint, in upper case'),
    /** File beside the recipe, armored or binary. */
    file: relativePath.optional(),
    /** Where it is fetched from. */
    url: z
      .string()
      .regex(/^https?:\/\/[^\s@]+$/, 'must be an http or https URL')
      .optional(),
  }),
  /** Where its earlier states are: `YYYYMMDDTHHMMSSZ` lies below. */
  snapshot: archiveUrl.optional(),
})
export type AptArchive = z.infer<typeof AptArchive>

export const ImageBase = z.strictObject({
  kind: z.literal('image'),
  /** The image by tag or digest; without a registry, one of the engine's default registry. */
  reference: imageReference,
})
export type ImageBase = z.infer<typeof ImageBase>

/** Another recipe of the project. */
export const RecipeSource = z.strictObject({
  kind: z.literal('recipe'),
  /** Its directory below `recipes`. */
  name: z
    .string()
    .max(100)
    .regex(
      /^[a-z0-9]+(-[a-z0-9]+)*$/,
      'must be the name of a recipe: lower-case letters, digits and single dashes',
    ),
})
export type RecipeSource = z.infer<typeof RecipeSource>

export const Base = z.discriminatedUnion('kind', [DebianBase, ImageBase, RecipeSource])
export type Base = z.infer<typeof Base>

/** A script for `/bin/sh -eu`. */
const script = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'), 'must not contain NUL')

export const AptStep = z.strictObject({
  kind: z.literal('apt'),
  /** Each a name, `name=version` or `name/suite`; all that they depend on is locked with them. */
  packages: z.array(aptRequest).min(1, 'must name at least one package'),
  /** Also install the packages that these recommend. */
  recommends: z.boolean().default(false),
  /** A script for `/bin/sh -eu` that cleans up in the step's own layer. It runs as root, without network. */
  after: script.optional(),
})
export type AptStep = z.infer<typeof AptStep>

/** No login in it: that is a setting of the machine. */
export const indexUrl = fileUrl.regex(/^[^?]*$/, 'must be the root of a simple index, without a query')

const extraName = z.string().regex(/^[A-Za-z0-9._-]+$/, 'must be the name of an extra or a group')

export const PipStep = z.strictObject({
  kind: z.literal('pip'),
  /**
   * Each a name, perhaps with extras, PEP 440 specifiers or the address of one file, and a marker (PEP 508); all that
   * they require is locked with them.
   */
  requirements: z.array(pipRequirement),
  /** Files beside the recipe that hold more of them: requirements files, `pylock.toml`, `uv.lock`. */
  files: z
    .array(
      z.strictObject({
        /** The file, below the recipe's directory. */
        path: relativePath,
        /** Of a `pylock.toml` or a `uv.lock`: which optional dependencies of it to take. */
        extras: z.array(extraName).optional(),
        /** Of a `pylock.toml` or a `uv.lock`: which dependency groups of it to take. */
        groups: z.array(extraName).optional(),
      }),
    )
    .min(1)
    .optional(),
  /** What projects must meet that are installed, without being asked for by that. */
  constraints: z.array(pipRequirement).min(1).optional(),
  /** Files beside the recipe that hold more of these. */
  constraintFiles: z.array(relativePath).min(1).optional(),
  /** Of projects that are asked for: the one index that they are taken from, by normalised name. */
  indexes: z.record(projectName, indexUrl).optional(),
  /** Directories of the image, placed by earlier steps, that are installed as packages. */
  local: z
    .array(
      z.strictObject({
        /** The directory, which has a `setup.py` or `pyproject.toml`. */
        path: absolutePath,
        /** Python imports from the directory itself. */
        editable: z.boolean().default(false),
        /** Which optional dependencies of it to install. */
        extras: z.array(extraName).default([]),
      }),
    )
    .min(1)
    .optional(),
  /** Projects that may come as a source distribution, each with the requirements that build it. */
  sdists: z.record(projectName, z.array(buildRequirement)).default({}),
  /** A script for `/bin/sh -eu` that cleans up in the step's own layer. It runs as root, without network. */
  after: script.optional(),
})
export type PipStep = z.infer<typeof PipStep>

export const ProjectStep = z.strictObject({
  kind: z.literal('project'),
  /** The directory, seen from the recipe's, in the same repository: `solver`, or `../../src`. */
  path: directoryFromRecipe,
  /** Where the image has it; the recipe's user owns it. */
  to: absolutePath,
  /** Files and directories in it that are left out. */
  exclude: z.array(relativePath).min(1).optional(),
})
export type ProjectStep = z.infer<typeof ProjectStep>

/** No login in it: git asks the machine's own set-up. A user name of ssh is none. */
export const gitUrl = nonEmptyLine
  .refine((url) => !/^git:\/\//.test(url), {
    error:
      'is not asked: git:// is neither encrypted nor authenticated, so that whoever is between may name another commit; write its https:// address',
    abort: true,
  })
  .regex(
    /^(https?:\/\/[^/?#\s]+\/|ssh:\/\/[^/?#\s]+\/|file:\/\/\/|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:(?!\/\/))[^?#\s]+$/,
    'must be the address of a git repository: https://, ssh://, file:/// or user@host:path',
  )
  .refine((url) => !/^https?:\/\/[^/]*@/.test(url) && !/^ssh:\/\/[^/]*:[^/]*@/.test(url), {
    error: "must not contain a login: git asks the machine's own credential helper or ssh agent",
  })

export const GitStep = z.strictObject({
  kind: z.literal('git'),
  /** Address of the repository, without a login. */
  url: gitUrl,
  /** A branch, a tag, a full ref or a commit. */
  ref: z
    .string()
    .regex(
      /^(?!.*(\.\.|\/\/|@\{|\.lock(\/|$)))[A-Za-z0-9_][A-Za-z0-9._/+@-]*(?<![/.])$/,
      'must be a branch, a tag or a commit',
    ),
  /** Where the image has its files; the recipe's user owns them. */
  to: absolutePath,
  /** Only this directory of the repository. */
  subdir: relativePath.optional(),
  /** Fetch submodules at the commits that the repository names. */
  submodules: z.boolean().default(false),
  /** Fetch the content that git-lfs keeps; without it the image has the pointers. */
  lfs: z.boolean().default(false),
})
export type GitStep = z.infer<typeof GitStep>

export const FileStep = z.strictObject({
  kind: z.literal('file'),
  /** Address of the file, without a login. */
  url: fileUrl,
  /** What the file must be; without it, the first lock takes what it gets. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex')
    .optional(),
  /** The file's own path; the directory when it is unpacked. */
  to: absolutePath,
  /** Unpack a tar (plain, gzip, bzip2, xz) or a zip archive. */
  unpack: z.boolean().default(false),
  /** Leading parts of each path to leave out when unpacking. */
  strip: z.int().min(0).max(20).default(0),
  /** Permissions of a file that is not unpacked. */
  mode: z
    .string()
    .regex(/^0[0-7]{3}$/, 'must be permissions such as "0755"')
    .default('0644'),
})
export type FileStep = z.infer<typeof FileStep>

export const RunStep = z.strictObject({
  kind: z.literal('run'),
  /** A list is one program with its arguments; a string is a script for `/bin/sh -eu`. It runs as root, without network. */
  command: z.union([z.array(line).min(1, 'must name a program'), script]),
})
export type RunStep = z.infer<typeof RunStep>

export const CopyStep = z.strictObject({
  kind: z.literal('copy'),
  /** The recipe whose locked image has the files. */
  from: RecipeSource,
  /** A file or a directory of that image. */
  path: absolutePath,
  /** The file's own path here; the directory that gets what a directory holds. Owners, permissions and times are as there. */
  to: absolutePath,
})
export type CopyStep = z.infer<typeof CopyStep>

export const Step = z.discriminatedUnion('kind', [
  AptStep,
  PipStep,
  GitStep,
  FileStep,
  ProjectStep,
  CopyStep,
  RunStep,
])
export type Step = z.infer<typeof Step>

export const User = z.strictObject(
  {
    /** Name of the user and of the group. */
    name: accountName,
    /** Number of the user and of the group. */
    uid: z.int().min(1).max(59_999),
    /** The home directory. */
    home: absolutePath.regex(NO_COLON, 'must not contain ":"'),
    /** The login shell. */
    shell: absolutePath.regex(NO_COLON, 'must not contain ":"').default('/bin/bash'),
  },
  "must be an object: { name: 'me', uid: 1000, home: '/home/me' }",
)
export type User = z.infer<typeof User>

const WORDS = `must be a list of words; for a shell: ['sh', '-c', '...']`

/** A program and its arguments; no shell takes it apart. */
const commandWords = z.array(line, WORDS).min(1)

/** A command run in a container of the finished image; it passes when it exits with 0. */
export const Check = z.strictObject({
  /** What is checked, unique in the recipe. */
  name: nonEmptyLine,
  /** The program and its arguments. */
  command: commandWords,
  /** What standard output must contain. */
  expect: z.string().optional(),
})
export type Check = z.infer<typeof Check>

const publishedPort = line.refine(
  (text) => parsePublished(text) !== undefined,
  'must be a port such as "8888", "8080:80" or "0.0.0.0:8080:80"; "/udp" may follow',
)

export const WaitFor = z.strictObject({
  /** A TCP port that another program listens on. */
  port: z.int().min(1).max(65_535),
  /** Where it listens: the container that the tasks of a recipe share when left out. */
  host: z
    .string()
    .regex(/^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/, 'must be a host name or an IPv4 address')
    .default('localhost'),
  /** How long to wait, in seconds. */
  timeout: z.number().min(0).max(86_400).default(60),
})
export type WaitFor = z.infer<typeof WaitFor>

export const Task = z.strictObject({
  /** What the list of tasks shows of it. */
  description: line.default(''),
  /** The program and its arguments; `run recipe NAME TASK -- ARGS` adds ARGS. */
  command: commandWords,
  /** Where it runs; by default the recipe's `workdir`. */
  workdir: absolutePath.optional(),
  /**
   * Ports of the container that are reached at ports of the machine: `[ADDRESS:][HOST:]CONTAINER[/udp]`; at 127.0.0.1
   * unless another address is given.
   */
  ports: z.array(publishedPort).default([]),
  /** What must answer before the command is started. */
  waitFor: z.array(WaitFor).default([]),
})
export type Task = z.infer<typeof Task>

export const Port = z
  .string()
  .regex(/^([1-9][0-9]{0,4})(-[1-9][0-9]{0,4})?\/(tcp|udp)$/, 'must be a port such as "43643/tcp"')

export const Author = z.strictObject({
  /** `Family, Given`, or the name of a group. */
  name: nonEmptyLine,
  /** Without an address in front: `0000-0002-1825-0097`. */
  orcid: z
    .string()
    .refine(isOrcid, 'must be an ORCID iD such as "0000-0002-1825-0097", with its check digit')
    .optional(),
  /** Where the author works. */
  affiliation: nonEmptyLine.optional(),
  /** Where questions about it are answered. */
  email: z.email().optional(),
})
export type Author = z.infer<typeof Author>

export const Publisher = z.strictObject({
  /** What the institute, project or archive is called. */
  name: nonEmptyLine,
  /** Its page, or its identifier in the registry of research organisations: `https://ror.org/...`. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  /** Where it answers questions. */
  email: z.email().optional(),
})
export type Publisher = z.infer<typeof Publisher>

/** A recipe after checking: every default filled in, plain JSON data. */
export const Recipe = z.strictObject({
  /** One line for people. */
  description: line.default(''),
  /** Who made what the image is about: for those who cite it. */
  authors: z.array(Author).default([]),
  /** Who makes it available; the authors when left out. */
  publisher: Publisher.optional(),
  /** The licence of your own work in it, by its SPDX identifier: `MIT`, `CC-BY-4.0`. Packages have their own. */
  license: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.+-]*$/, 'must be an SPDX licence identifier such as "MIT"')
    .optional(),
  /** The DOI under which it is published, without an address in front: `10.5281/zenodo.1234567`. */
  doi: z
    .string()
    .regex(
      /^10\.[0-9]{4,9}\/[!-~]+$/,
      'must be a DOI such as "10.5281/zenodo.1234567", without an address in front',
    )
    .optional(),
  /** The MPI library that programs in the image speak: what a cluster is told to start them in many processes with. */
  mpi: z.enum(['mpich', 'openmpi']).optional(),
  /** What the image is for. */
  platform: Platform.default('linux/amd64'),
  /** What everything stands on. */
  base: Base,
  /** Archives of others that apt steps may take packages from; the image does not keep them. */
  archives: z.array(AptArchive).default([]),
  /** What is put on it, in this order. */
  steps: z.array(Step).default([]),
  /** Environment variables of the image. */
  env: z.record(environmentName, line).default({}),
  /** A user that is made, owns what steps place, and runs containers; without one it is root. */
  user: User.optional(),
  /** The working directory; it is made if it is missing. */
  workdir: absolutePath.optional(),
  /** The folder of the image that `run` and `shell` tie to the user's `shared` directory. */
  shared: absolutePath.optional(),
  /** `ENTRYPOINT` as a list; no shell reads it. */
  entrypoint: z.array(line, WORDS).optional(),
  /** `CMD` as a list; no shell reads it. */
  cmd: z.array(line, WORDS).optional(),
  /** Labels of the image. */
  labels: z.record(labelKey, line).default({}),
  /** Ports that the image declares; nothing is published by it. */
  expose: z.array(Port).default([]),
  /** Mount points that the image declares; they are made if missing, for the user. */
  volumes: z.array(absolutePath).default([]),
  /** `layers`: one additive layer a step. `flat`: one layer; needed when a step deletes files of an earlier one. */
  layout: z.enum(['layers', 'flat']).default('layers'),
  /** What must hold in the finished image. */
  checks: z.array(Check).default([]),
  /** What `run recipe` can run, by name. */
  tasks: z
    .record(z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be lower case, digits and dashes'), Task)
    .default({}),
})
export type Recipe = z.infer<typeof Recipe>
/** What an author writes: defaults may be left out. */
export type RecipeInput = z.input<typeof Recipe>

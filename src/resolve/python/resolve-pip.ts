import { StillroomError } from '../../error.ts'
import { normalizeName, parseFileName } from '../../formats/python/distribution-name.ts'
import { UNCONSTRAINED, type VersionConstraints } from '../../lock/plan-lock.ts'
import type { LockedPip, PythonFile } from '../../lock/schema.ts'
import type { PipStep } from '../../recipe/schema.ts'
import type { Sandbox } from '../sandbox.ts'
import { buildLocal } from './build-local.ts'
import { type Distribution, listDistributions } from './list-distributions.ts'
import { pipError } from './pip-error.ts'

const WORK = '/stillroom'

export interface ResolvePipOptions {
  /** A container, with the network, of the image as it is before the step. */
  sandbox: Sandbox
  /** The machine's pip set-up by pip's own names (`index-url`, ...), which may have logins; without certificates. */
  settings: Record<string, string>
  /** Proxies, as environment variables. */
  environment: Record<string, string>
  /** Certificates (PEM) that the machine's pip trusts. */
  certificates?: Uint8Array | undefined
  constraints?: VersionConstraints | undefined
  /** Takes a file into the store. */
  keep: (content: AsyncIterable<Uint8Array>) => Promise<{ sha256: string; size: number }>
}

/**
 * Resolves a pip step to exact files by really installing it in a throw-away container with the image's own pip:
 * so what is installed already is respected where it meets a requirement, under every pip's own rules, and named as
 * `provided` or `replaces` where not.
 *
 * @throws {StillroomError} PIP_PACKAGE_UNKNOWN, PIP_CONFLICT, PIP_FAILED
 */
export async function resolvePip(step: PipStep, options: ResolvePipOptions): Promise<LockedPip> {
  const pip = await Pip.find(options)
  const before = await listDistributions(options.sandbox)
  const build: Record<string, PythonFile[]> = {}
  const paths: string[] = []
  for (const [project, requirements] of Object.entries(step.sdists).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (requirements.length > 0) {
      const directory = `${WORK}/build/${project}`
      await pip.run(
        ['download', '--only-binary=:all:', `--dest=${directory}`, '--', ...requirements],
        `resolving what builds ${project}`,
      )
      await pip.runOffline(
        [
          'install',
          '--no-index',
          `--find-links=${directory}`,
          `--target=${directory}.d`,
          '--',
          ...requirements,
        ],
        `installing what builds ${project}`,
      )
      build[project] = await keepFiles(directory, before, options)
      paths.push(`${directory}.d`)
    } else {
      build[project] = []
    }
  }
  const sources = Object.keys(step.sdists).sort()
  const format = [
    '--only-binary=:all:',
    ...(sources.length > 0 ? [`--no-binary=${sources.join(',')}`] : []),
    '--no-build-isolation',
  ]
  const environment = paths.length > 0 ? { PYTHONPATH: paths.join(':') } : {}
  const wheels = await buildLocal(step.local ?? [], WORK, options.sandbox, (args, doing) =>
    pip.runOffline(args, doing, environment),
  )
  const said = await pip.run(
    [
      'install',
      '--no-compile',
      ...format,
      ...(await writeConstraints(options)),
      '--',
      ...step.requirements,
      ...wheels.map(({ requirement }) => requirement),
    ],
    `resolving ${[...step.requirements, ...wheels.map(({ path }) => path)].join(' ')}`,
    environment,
  )
  const after = await listDistributions(options.sandbox)
  const known = new Set(before.map(identity))
  const own = new Set(wheels.map(({ name }) => name))
  const added = after.filter((entry) => !known.has(identity(entry)) && !own.has(entry.name))
  const files =
    added.length === 0
      ? []
      : await download(pip, added, [...format, '--no-deps'], environment, before, options)
  return {
    kind: 'pip',
    pip: pip.version,
    files,
    build: usedBuilders(build, files),
    provided: provided(said, before),
    local: wheels.map(({ path, name, editable }) => {
      const version = after.find((entry) => entry.name === name)?.version
      if (version === undefined) throw new StillroomError('PIP_FAILED', `pip did not install "${path}"`)
      return { path, name, version, editable }
    }),
  }
}

/** pip's own way to say which version, should the project be needed at all. */
async function writeConstraints({
  constraints = UNCONSTRAINED,
  sandbox,
}: ResolvePipOptions): Promise<string[]> {
  const { stay, beyond } = constraints
  if (stay.length + beyond.length === 0) return []
  const path = `${WORK}/constraints.txt`
  const lines = [
    ...stay.map(({ name, version }) => `${name}==${version}\n`),
    ...beyond.map(({ name, version }) => `${name}>${version}\n`),
  ]
  await sandbox.write([{ path, content: lines.join('') }])
  return [`--constraint=${path}`]
}

async function download(
  pip: Pip,
  added: readonly Distribution[],
  format: readonly string[],
  environment: Record<string, string>,
  before: readonly Distribution[],
  options: ResolvePipOptions,
): Promise<PythonFile[]> {
  const directory = `${WORK}/files`
  const exact = added.map(({ name, version }) => `${name}==${version}`).sort()
  await pip.run(
    ['download', ...format, `--dest=${directory}`, '--', ...exact],
    'fetching what was resolved',
    environment,
  )
  const files = await keepFiles(directory, before, options)
  const missing = added.filter(({ name }) => !files.some((file) => file.name === name))
  if (missing.length > 0 || files.length !== added.length) {
    throw new StillroomError(
      'PIP_FAILED',
      `pip fetched ${files.length} files for ${added.length} packages; missing: ${missing.map((entry) => entry.name).join(', ')}`,
    )
  }
  return files
}

async function keepFiles(
  directory: string,
  before: readonly Distribution[],
  { sandbox, keep }: ResolvePipOptions,
): Promise<PythonFile[]> {
  const files: PythonFile[] = []
  for await (const { name: file, content } of sandbox.read(directory)) {
    const parsed = parseFileName(file)
    if (!parsed)
      throw new StillroomError(
        'PIP_FAILED',
        `pip fetched ${JSON.stringify(file)}, expected a wheel or a source distribution`,
      )
    const { sha256, size } = await keep(content)
    const hidden = before.find((entry) => entry.name === parsed.name)
    files.push({ ...parsed, file, size, sha256, ...(hidden ? { replaces: hidden.version } : {}) })
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Only what came as source needs its builders. */
function usedBuilders(
  build: Record<string, PythonFile[]>,
  files: readonly PythonFile[],
): Record<string, PythonFile[]> {
  const built = files.filter((file) => !file.file.endsWith('.whl')).map((file) => file.name)
  return Object.fromEntries(
    Object.entries(build)
      .filter(([name]) => built.includes(name))
      .map(([name, entries]) => [name, entries.map(({ replaces: _, ...entry }) => entry)]),
  )
}

/** pip says of each requirement that is met already where it found it. */
function provided(said: string, before: readonly Distribution[]): LockedPip['provided'] {
  const names = new Set<string>()
  for (const match of said.matchAll(/^Requirement already satisfied: ([A-Za-z0-9._-]+)/gm)) {
    names.add(normalizeName(match[1] as string))
  }
  const first = new Map<string, Distribution>()
  for (const entry of before)
    if (names.has(entry.name) && !first.has(entry.name)) first.set(entry.name, entry)
  return [...first.values()]
    .map(({ name, version }) => ({ name, version }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function identity({ name, version, location }: Distribution): string {
  return `${name} ${version} ${location}`
}

/** The image's pip with the machine's set-up. */
class Pip {
  readonly version: string
  readonly #options: ResolvePipOptions
  readonly #environment: Record<string, string>
  #runs = 0

  private constructor(version: string, options: ResolvePipOptions, trust: Record<string, string>) {
    this.version = version
    this.#options = options
    this.#environment = {
      ...trust,
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
      PIP_NO_INPUT: '1',
      PIP_BREAK_SYSTEM_PACKAGES: '1',
      PIP_ROOT_USER_ACTION: 'ignore',
      HOME: '/root',
    }
  }

  static async find(options: ResolvePipOptions): Promise<Pip> {
    const { sandbox, certificates } = options
    const { exitCode, stdout, stderr } = await sandbox.run(['python3', '-m', 'pip', '--version'])
    const version = /^pip (\S+)/.exec(stdout)?.[1]
    if (exitCode !== 0 || version === undefined) {
      throw new StillroomError('PIP_FAILED', `the image has no pip: ${stderr.trim()}`, {
        hint: "install it in a step before: apt(['python3-pip'])",
      })
    }
    const trust: Record<string, string> = {}
    if (certificates) {
      await sandbox.write([{ path: `${WORK}/certificates.pem`, content: certificates }])
      trust.PIP_CERT = `${WORK}/certificates.pem`
    }
    return new Pip(version, options, trust)
  }

  /**
   * Runs pip on the machine's indexes. Logins are in a file that is there for as long as pip runs, and in no environment,
   * which programs that pip starts would have, too.
   */
  async run(
    args: readonly string[],
    doing: string,
    environment: Record<string, string> = {},
  ): Promise<string> {
    const { sandbox, settings } = this.#options
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
    await sandbox.write([{ path: CONFIG, content: ['[global]\n', ...lines].join('') }])
    try {
      const proxies = this.#options.environment
      return await this.#run(args, doing, { ...environment, ...proxies, PIP_CONFIG_FILE: CONFIG })
    } finally {
      await sandbox.remove(CONFIG)
    }
  }

  /** Runs pip on what is at hand: with no index, login or proxy. */
  async runOffline(
    args: readonly string[],
    doing: string,
    environment: Record<string, string> = {},
  ): Promise<string> {
    return this.#run(args, doing, environment)
  }

  async #run(args: readonly string[], doing: string, environment: Record<string, string>): Promise<string> {
    const { sandbox } = this.#options
    this.#runs += 1
    const log = `${WORK}/pip-${this.#runs}.log`
    const { exitCode, stdout, stderr } = await sandbox.run(['python3', '-m', 'pip', ...args], {
      ...this.#environment,
      ...environment,
      PIP_LOG: log,
    })
    if (exitCode === 0) return stdout
    const logged = await sandbox.run(['tail', '-n', '5000', log])
    throw pipError(`${stdout}\n${stderr}`, doing, logged.stdout)
  }
}

const CONFIG = `${WORK}/pip.conf`

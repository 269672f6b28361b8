import { StillroomError } from '../../error.ts'
import { normalizeName } from '../../formats/python/distribution-name.ts'
import { parseRequirement, withoutHashes } from '../../formats/python/requirement.ts'
import { UNCONSTRAINED, type VersionConstraints } from '../../lock/plan-lock.ts'
import type { LockedPip, PythonFile } from '../../lock/schema.ts'
import type { PipStep } from '../../recipe/schema.ts'
import { buildLocal } from './build-local.ts'
import { type FindKept, fetchFiles, type Keep, namedFiles, readFiles } from './fetch-files.ts'
import { fetchIndexed } from './fetch-indexed.ts'
import type { IndexRelay } from './index-relay.ts'
import { type Distribution, listDistributions } from './list-distributions.ts'
import { allowSource } from './pip-error.ts'
import { Pip, type PipSetup, WORK } from './pip-program.ts'
import { readOrigins } from './read-origins.ts'

export interface ResolvePipOptions extends PipSetup {
  constraints?: VersionConstraints | undefined
  keep: Keep
  findKept?: FindKept | undefined
  /** What pip resolves by, where its sandbox comes to it. */
  relay?: IndexRelay | undefined
  /** Is told what pip took away that the image had before the step. */
  onRemoved?: (removed: readonly Distribution[], files: readonly PythonFile[]) => void
}

/**
 * Resolves a pip step to exact files by really installing it in a throw-away container with the image's own pip:
 * so what is installed already is respected where it meets a requirement, under every pip's own rules, and named as
 * `provided` or `replaces` where not.
 *
 * @param step with the requirements of its files among its own; hashes that those state are held
 * @throws {StillroomError} PIP_PACKAGE_UNKNOWN, PIP_CONFLICT, PIP_SOURCE_REFUSED, PIP_FAILED
 */
export async function resolvePip(step: PipStep, options: ResolvePipOptions): Promise<LockedPip> {
  const { sandbox, keep } = options
  const pip = await Pip.find(options)
  const before = await listDistributions(sandbox)
  const { build, path } = await resolveBuilders(step, pip, keep)
  const sources = Object.keys(step.sdists).sort()
  const format = [
    '--only-binary=:all:',
    ...(sources.length > 0 ? [`--no-binary=${sources.join(',')}`] : []),
    '--no-build-isolation',
  ]
  const environment = path.length > 0 ? { PYTHONPATH: path.join(':') } : {}
  const constrained = await writeConstraints(step, options)
  const wheels = await buildLocal(step.local ?? [], WORK, sandbox, (args, doing) =>
    pip.runOffline(args, doing, environment),
  )
  const indexed = await fetchIndexed(step, pip, { format: [...format, ...constrained], environment, keep })
  const requirements = step.requirements.map(
    (text) => indexed.find(({ requirement }) => requirement === text)?.path ?? withoutHashes(text),
  )
  const relay = (await options.relay?.isReachable(sandbox)) ? options.relay : undefined
  const said = await pip.run(
    [
      'install',
      '--no-compile',
      ...format,
      ...constrained,
      '--',
      ...requirements,
      ...wheels.map(({ requirement }) => requirement),
    ],
    `resolving ${[...step.requirements, ...wheels.map(({ path }) => path)].map(withoutHashes).join(' ')}`,
    environment,
    relay && {
      settings: relay.settingsFor({ python: pip.python, sources }),
      environment: proxiesBeside(options.environment),
    },
  )
  relay?.check()
  const after = await listDistributions(sandbox)
  const own = new Set([...wheels, ...indexed].map(({ name }) => name))
  const added = newOf(after, before).filter(({ name }) => !own.has(name))
  const origins = readOrigins(pip.version, added, after, step.requirements)
  const { findKept } = relay ?? options
  const fetched = await fetchFiles(pip, { added, said, origins, format, environment, keep, findKept })
  const ofIndexes = indexed.map(({ file }) => {
    const version = after.find(({ name }) => name === file.name)?.version ?? file.version
    return { ...file, version }
  })
  const files = [...fetched, ...ofIndexes]
    .map((file) => ({ ...file, ...replaces(file, before) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  checkSources(files, sources)
  checkHashes(files, [...step.requirements, ...(step.constraints ?? [])])
  options.onRemoved?.(newOf(before, after), files)
  return {
    kind: 'pip',
    pip: pip.version,
    files,
    build: usedBuilders(build, files),
    provided: provided(said, before, stayed(step, files, before, after), files),
    local: wheels.map(({ path, name, editable }) => {
      const version = after.find((entry) => entry.name === name)?.version
      if (version === undefined) throw new StillroomError('PIP_FAILED', `pip did not install "${path}"`)
      return { path, name, version, editable }
    }),
  }
}

/** Fetches and installs what builds source distributions, each project's in a directory of its own. */
async function resolveBuilders({ sdists }: PipStep, pip: Pip, keep: Keep) {
  const build: Record<string, PythonFile[]> = {}
  const path: string[] = []
  for (const [project, requirements] of Object.entries(sdists).sort(([a], [b]) => (a < b ? -1 : 1))) {
    build[project] = []
    if (requirements.length === 0) continue
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
    const files = namedFiles(await readFiles(pip, directory, keep))
    build[project] = files.sort((a, b) => (a.name < b.name ? -1 : 1))
    path.push(`${directory}.d`)
  }
  return { build, path }
}

/** A relay is on this machine. */
function proxiesBeside(environment: Record<string, string>): Record<string, string> {
  if (Object.keys(environment).length === 0) return {}
  const list = [environment['no_proxy'], '127.0.0.1'].filter(Boolean).join(',')
  return { ...environment, no_proxy: list, NO_PROXY: list }
}

/** pip's own way to say which version, should the project be needed at all. */
async function writeConstraints(
  { constraints: limits = [] }: PipStep,
  { constraints = UNCONSTRAINED, sandbox }: ResolvePipOptions,
): Promise<string[]> {
  const { stay, beyond } = constraints
  const lines = [
    ...limits.map((text) => `${withoutHashes(text)}\n`),
    ...stay.map(({ name, version }) => `${name}==${version}\n`),
    ...beyond.map(({ name, version }) => `${name}>${version}\n`),
  ]
  if (lines.length === 0) return []
  const path = `${WORK}/constraints.txt`
  await sandbox.write([{ path, content: lines.join('') }])
  return [`--constraint=${path}`]
}

/** What one list has and another has not. */
function newOf(list: readonly Distribution[], other: readonly Distribution[]): Distribution[] {
  const known = new Set(other.map(identity))
  return list.filter((entry) => !known.has(identity(entry)))
}

function identity({ name, version, location, direct }: Distribution): string {
  return JSON.stringify([name, version, location, direct])
}

function replaces({ name }: PythonFile, before: readonly Distribution[]): Pick<PythonFile, 'replaces'> {
  const hidden = before.find((entry) => entry.name === name)
  return hidden ? { replaces: hidden.version } : {}
}

/** pip builds what is required by address whatever formats it may take. */
function checkSources(files: readonly PythonFile[], sources: readonly string[]): void {
  const built = files.filter(({ name, file }) => !file.endsWith('.whl') && !sources.includes(name))
  if (built.length === 0) return
  throw new StillroomError(
    'PIP_PACKAGE_UNKNOWN',
    `only source is there of ${built.map(({ name, url, file }) => `${name} (${url ?? file})`).join(', ')}`,
    { hint: allowSource(built.map(({ name }) => name)) },
  )
}

/** A file that states hashes of a project has it taken as one of these. */
function checkHashes(files: readonly PythonFile[], requirements: readonly string[]): void {
  const stated = new Map<string, string[]>()
  for (const text of requirements) {
    const { name = '', hashes = [] } = parseRequirement(text) ?? {}
    if (hashes.length > 0) stated.set(name, [...(stated.get(name) ?? []), ...hashes])
  }
  const wrong = files.filter(({ name, sha256 }) => stated.get(name)?.includes(sha256) === false)
  if (wrong.length === 0) return
  const lines = wrong.map(
    ({ name, file, sha256 }) =>
      `  ${name}: expected one of ${stated.get(name)?.length} stated sha256, got ${sha256} of ${file}`,
  )
  throw new StillroomError(
    'PIP_FAILED',
    `what pip took is not what the recipe's files state hashes of:\n${lines.join('\n')}`,
    { hint: 'make the file anew with the tool that wrote it, or name the index that has those files' },
  )
}

/** Only what came as source needs its builders. */
function usedBuilders(
  build: Record<string, PythonFile[]>,
  files: readonly PythonFile[],
): Record<string, PythonFile[]> {
  const built = files.filter((file) => !file.file.endsWith('.whl')).map((file) => file.name)
  return Object.fromEntries(Object.entries(build).filter(([name]) => built.includes(name)))
}

/** What is required by address and is there from that address is installed again by pip, which changes nothing. */
function stayed(
  { requirements }: PipStep,
  files: readonly PythonFile[],
  before: readonly Distribution[],
  after: readonly Distribution[],
): string[] {
  const known = new Set(before.map(identity))
  const same = after.filter((entry) => known.has(identity(entry))).map(({ name }) => name)
  return requirements.flatMap((text) => {
    const { name = '', url } = parseRequirement(text) ?? {}
    const isNew = files.some((file) => file.name === name)
    return url !== undefined && !isNew && same.includes(name) ? [name] : []
  })
}

/**
 * pip says of each requirement that is met already where it found it; of one that another requirement rules out later, it
 * takes a file nevertheless.
 */
function provided(
  said: string,
  before: readonly Distribution[],
  more: readonly string[],
  files: readonly PythonFile[],
): LockedPip['provided'] {
  const names = new Set<string>(more)
  for (const match of said.matchAll(/^Requirement already satisfied: ([A-Za-z0-9._-]+)/gm)) {
    names.add(normalizeName(match[1] as string))
  }
  for (const { name } of files) names.delete(name)
  const first = new Map<string, Distribution>()
  for (const entry of before)
    if (names.has(entry.name) && !first.has(entry.name)) first.set(entry.name, entry)
  return [...first.values()]
    .map(({ name, version }) => ({ name, version }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

import { access, constants, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { execa } from 'execa'
import semver from 'semver'
import { connectEngine, type Engine, OLDEST_ENGINE } from '../engine/connect.ts'
import { CONTAINER_LABEL } from '../engine/container.ts'
import { machineLacks } from '../engine/private/private-engine.ts'
import { TASK_LABELS } from '../engine/task-container.ts'
import { StillroomError } from '../error.ts'
import { redactUrl } from '../net/redact-url.ts'
import { Suite } from '../recipe/schema.ts'
import { findCertificates } from '../sources/find-certificates.ts'
import { findDebianSources } from '../sources/find-debian-sources.ts'
import { findPipSources } from '../sources/find-pip-sources.ts'
import { localMachine } from '../sources/machine.ts'
import type { SourcesConfig } from '../sources/schema.ts'
import { defaultCacheDirectory } from '../store/cache-directory.ts'
import { type Probe, probeUrl } from './probe-url.ts'
import { listRecipes } from './project/list-recipes.ts'
import { readLock } from './project/lock-file.ts'
import { readConfig } from './project/read-config.ts'

export const OLDEST_NODE = '22.18.0'
/** The first buildx with `--progress=rawjson`. */
export const OLDEST_BUILDX = '0.13.0'
const GIGABYTE = 1e9
/** What a large recipe takes: its image, the layers it is made of, and what was downloaded. */
const ENGINE_SPACE = 8 * GIGABYTE
const CACHE_SPACE = 3 * GIGABYTE
const ENGINE_TIMEOUT_MS = 10_000
const CLOCK_SKEW_MS = 10 * 60_000

/** `missing`: builds can't work without it. `warning`: they can, but something is to be known. */
export type Status = 'ok' | 'warning' | 'missing'

export interface Finding {
  what: string
  status: Status
  /** What was found. */
  found: string
  /** How to mend it. */
  mend?: string
}

export interface Diagnosis {
  /** Whether builds can work. */
  ok: boolean
  findings: Finding[]
}

export interface DoctorOptions {
  directory: string
  env: Readonly<Record<string, string | undefined>>
  /** Ask the mirror and the index whether they answer. */
  online: boolean
}

/** Looks at what this machine has and lacks for builds; changes nothing, and reports what can't be found out. */
export async function doctor(options: DoctorOptions): Promise<Diagnosis> {
  const host = await privateEngine(options.env)
  const connecting = within(ENGINE_TIMEOUT_MS, connectEngine({ start: false }))
  // a private engine that runs is in the environment then, with its clients
  await connecting.catch(() => {})
  const [engine, ...rest] = await Promise.all([
    checkEngine(options, host, connecting),
    checkNode(),
    checkProgram('git', ['--version'], '2.0.0', 'install git: projects of recipes are pinned by it'),
    checkClient('docker', ['--version'], '20.10.0', host, 'install the docker command'),
    checkClient(
      'docker',
      ['buildx', 'version'],
      OLDEST_BUILDX,
      host,
      'install or upgrade the buildx plugin of docker',
    ),
    checkCache(options),
    checkSources(options),
    checkClock(options),
  ])
  const findings = [...rest.slice(0, 4), engine, host.finding, ...rest.slice(4)].flat()
  return { ok: findings.every(({ status }) => status !== 'missing'), findings }
}

async function checkNode(): Promise<Finding> {
  const found = process.versions.node
  if (semver.gte(found, OLDEST_NODE)) return { what: 'Node', status: 'ok', found }
  return {
    what: 'Node',
    status: 'missing',
    found,
    mend: `run it with Node ${OLDEST_NODE} or newer; bin/stillroom brings its own`,
  }
}

async function checkProgram(program: string, args: string[], oldest: string, mend: string): Promise<Finding> {
  const what = [program, ...args.filter((arg) => /^[a-z]/.test(arg) && arg !== 'version')].join(' ')
  const { stdout, failed } = await execa(program, args, { reject: false, stdin: 'ignore', timeout: 20_000 })
  const version = failed ? undefined : findVersion(stdout)
  if (version === undefined) return { what, status: 'missing', found: 'none', mend }
  if (semver.gte(version, oldest)) return { what, status: 'ok', found: version }
  return { what, status: 'missing', found: `${version}, expected ${oldest} or newer`, mend }
}

/** A client that the private engine brings is no obstacle. */
async function checkClient(
  program: string,
  args: string[],
  oldest: string,
  host: PrivateEngine,
  mend: string,
): Promise<Finding> {
  const finding = await checkProgram(program, args, oldest, mend)
  if (finding.status !== 'missing' || !host.serves) return finding
  return {
    ...finding,
    status: 'warning',
    mend: 'nothing to do: the private engine brings its own',
  }
}

/**
 * The first version number of a text, with zeros for what is left out; that of Go, which buildx names too, comes last.
 *
 * @example
 * ```ts
 * findVersion('github.com/docker/buildx 0.13.1+ds1-3 0.13.1') // '0.13.1'
 * ```
 */
export function findVersion(text: string): string | undefined {
  return semver.coerce(/\bv?\d+\.\d+(\.\d+)?/.exec(text)?.[0])?.version
}

interface PrivateEngine {
  /** Whether builds get it when nothing else answers. */
  serves: boolean
  finding: Finding
}

/** It needs Linux, root and apt, and serves only when DOCKER_HOST names no engine. */
async function privateEngine(env: DoctorOptions['env']): Promise<PrivateEngine> {
  const what = 'private engine'
  const lacks = await machineLacks(env)
  if (lacks.length > 0) {
    return {
      serves: false,
      finding: {
        what,
        status: 'ok',
        found: `not possible (lacks ${lacks.join(', ')}), and needed only without another`,
      },
    }
  }
  const serves = !env.DOCKER_HOST && env.STILLROOM_ENGINE !== 'none'
  return { serves, finding: { what, status: 'ok', found: 'possible: stillroom engine up' } }
}

async function checkEngine(
  { env }: DoctorOptions,
  host: PrivateEngine,
  connecting: Promise<Engine>,
): Promise<Finding[]> {
  try {
    const engine = await connecting
    const info = (await within(ENGINE_TIMEOUT_MS, engine.docker.info())) as { DockerRootDir?: string }
    const store = engine.store === 'containerd' ? 'containerd' : 'overlay2'
    const place = env.DOCKER_HOST ?? "Docker's default socket"
    return [
      {
        what: 'Docker Engine',
        status: 'ok',
        found: `${engine.version}, image store ${store}, at ${redactUrl(place)}`,
      },
      await checkSpace(
        'engine disk',
        info.DockerRootDir ?? '/var/lib/docker',
        ENGINE_SPACE,
        'docker system prune',
      ),
      await checkLeftovers(engine),
    ]
  } catch (error) {
    if (!(error instanceof StillroomError) && !(error instanceof TimeoutError)) throw error
    const found = error.message
    if (host.serves) {
      const mend = 'nothing to do: a build starts a private one; or start your own'
      return [{ what: 'Docker Engine', status: 'warning', found, mend }]
    }
    const mend = `start or install Docker ${OLDEST_ENGINE} or newer, or name an engine with DOCKER_HOST`
    return [{ what: 'Docker Engine', status: 'missing', found, mend }]
  }
}

/** Containers that a killed run has left behind. */
async function checkLeftovers({ docker }: Engine): Promise<Finding> {
  const what = 'leftovers'
  const list = async (label: string) => docker.listContainers({ all: true, filters: { label: [label] } })
  const temporary = (await list(CONTAINER_LABEL)).filter(
    ({ Labels }) => !isRunning(Number(Labels[CONTAINER_LABEL])),
  )
  const tasks = (await list(TASK_LABELS.project)).filter(
    ({ State }) => State !== 'running' && State !== 'removing',
  )
  const ids = [...temporary, ...tasks].map(({ Id }) => Id.slice(0, 12))
  if (ids.length === 0) return { what, status: 'ok', found: 'none' }
  return {
    what,
    status: 'warning',
    found: `${ids.length} containers of runs that are gone`,
    mend: `docker rm --force ${ids.join(' ')}`,
  }
}

async function checkCache({ env }: DoctorOptions): Promise<Finding[]> {
  const directory = defaultCacheDirectory({ ...env })
  const present = await nearestDirectory(directory)
  const writable = await access(present, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  const what = 'cache'
  if (!writable) {
    return [
      {
        what,
        status: 'missing',
        found: `${present} is not writable`,
        mend: 'make it writable, or set STILLROOM_CACHE to a directory that is',
      },
    ]
  }
  return [
    { what, status: 'ok', found: directory },
    await checkSpace(
      'cache disk',
      present,
      CACHE_SPACE,
      'free some, or set STILLROOM_CACHE to a directory on another disk',
    ),
  ]
}

/** A full disk fails later, and says so; how much is enough depends on the recipe. */
async function checkSpace(what: string, directory: string, enough: number, mend: string): Promise<Finding> {
  const system = await statfs(directory).catch(() => undefined)
  if (!system) return { what, status: 'ok', found: `unknown: ${directory} can't be seen from here` }
  const free = system.bavail * system.bsize
  const found = `${(free / GIGABYTE).toFixed(1)} GB free at ${directory}`
  return free >= enough
    ? { what, status: 'ok', found }
    : { what, status: 'warning', found: `${found}, a large recipe takes ${enough / GIGABYTE}`, mend }
}

async function checkSources({ directory, env, online }: DoctorOptions): Promise<Finding[]> {
  let config: SourcesConfig = {}
  try {
    config = (await readConfig(directory)).sources ?? {}
  } catch (error) {
    return [unknownSource('configuration', error)]
  }
  const machine = localMachine(env)
  let ca: string | undefined
  try {
    ca = await findCertificates(env, config, machine)
  } catch (error) {
    return [unknownSource('certificates', error)]
  }
  const probe = online ? (url: string) => probeUrl(url, ca) : undefined
  return Promise.all([
    findDebianSources(env, config, machine).then(
      ({ debian }) =>
        checkSource(
          'Debian mirror',
          debian.debian,
          probe,
          Suite.options.map((suite) => `dists/${suite}/InRelease`),
        ),
      (error) => unknownSource('Debian mirror', error),
    ),
    findPipSources(env, config.pypi ?? {}, machine).then(
      ({ indexes, findLinks }) => checkIndex(indexes, findLinks, probe),
      (error) => unknownSource('Python index', error),
    ),
  ])
}

/** Asks for a URL; left out when nothing is to be asked online. */
type AskUrl = ((url: string) => Promise<Probe>) | undefined

async function checkIndex(indexes: string[], findLinks: string[], ask: AskUrl): Promise<Finding> {
  const what = 'Python index'
  const found = [...indexes, ...findLinks]
  if (found.length > 0) return checkSource(what, found, indexes.length > 0 ? ask : undefined, [''])
  const mend = 'when a recipe uses pip: set PIP_INDEX_URL, or sources.pypi in stillroom.config.ts'
  return { what, status: 'warning', found: 'none', mend }
}

async function checkSource(what: string, urls: string[], ask: AskUrl, paths: string[]): Promise<Finding> {
  const [url = ''] = urls
  const found = redactUrl(urls.join(', '))
  if (!ask) return { what, status: 'ok', found }
  let probe: Probe | undefined
  for (const path of paths) {
    probe = await ask(`${url.replace(/\/$/, '')}/${path}`)
    if (probe.answered) break
  }
  if (!probe?.answered) {
    return {
      what,
      status: 'missing',
      found: `${found}: ${probe?.reason}`,
      mend: 'check the network, the proxy settings and the URL',
    }
  }
  const skew = probe.date === undefined ? 0 : Math.abs(probe.date - Date.now())
  const answered = `${found}, answered in ${probe.milliseconds} ms`
  if (skew < CLOCK_SKEW_MS) return { what, status: 'ok', found: answered }
  return {
    what,
    status: 'warning',
    found: `${answered}; its clock is ${Math.round(skew / 60_000)} minutes from this one`,
    mend: 'fix the clock: signatures are checked against it',
  }
}

function unknownSource(what: string, error: unknown): Finding {
  if (!(error instanceof StillroomError)) throw error
  return {
    what,
    status: 'missing',
    found: error.message,
    mend: error.hint ?? 'name one in stillroom.config.ts',
  }
}

/** Signatures are held against the clock; what was signed before a lock was made can't be in its future. */
async function checkClock({ directory }: DoctorOptions): Promise<Finding> {
  const locks = await Promise.all(
    (await listRecipes(directory)).map((name) => readLock(directory, name).catch(() => undefined)),
  )
  const dates = locks.flatMap((lock) =>
    Object.values(lock?.platforms ?? {}).flatMap(({ base }) =>
      base.indexes.map(({ date }) => Date.parse(date)),
    ),
  )
  const latest = Math.max(0, ...dates)
  const found = new Date().toISOString()
  if (Date.now() >= latest) return { what: 'clock', status: 'ok', found }
  return {
    what: 'clock',
    status: 'missing',
    found: `${found}, but a lockfile here knows ${new Date(latest).toISOString()}`,
    mend: 'fix the clock: signatures are checked against it',
  }
}

class TimeoutError extends Error {}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TimeoutError(`no answer within ${milliseconds / 1000} s`)),
      milliseconds,
    )
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

async function nearestDirectory(path: string): Promise<string> {
  const present = await stat(path).catch(() => undefined)
  return present?.isDirectory() || dirname(path) === path ? path : nearestDirectory(dirname(path))
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

import { once } from 'node:events'
import { access, constants, readFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join, resolve } from 'node:path'
import { json } from 'node:stream/consumers'
import { StillroomError } from '../../error.ts'

/** The number is raised when the suite or the packages of the root file system change. */
const GENERATION = 'trixie.1'

/** Where a private engine lies: below the cache directory, one root file system for all, one directory for each. */
export interface PrivateEngine {
  name: string
  base: string
  /** A small Debian with Docker. */
  root: string
  /** The `docker` command and its buildx plugin, for the host. */
  clients: string
  /** `pid`, `env`, `docker.sock`, `config`, `data`, `log` and others of this engine. */
  directory: string
  socket: string
}

/**
 * @param cache the cache directory; relative to the working directory when it isn't absolute
 * @throws {StillroomError} USAGE when the name is not possible
 */
export function privateEngine(cache: string, name = 'default'): PrivateEngine {
  if (!/^[a-z0-9][a-z0-9-]{0,22}$/.test(name))
    throw new StillroomError('USAGE', `--name takes a to z, 0 to 9 and -, at most 23 of them, not "${name}"`)
  const base = resolve(cache, 'engine')
  const directory = join(base, name)
  return {
    name,
    base,
    root: join(base, `root.${GENERATION}`),
    clients: join(base, `bin.${GENERATION}`),
    directory,
    socket: join(directory, 'docker.sock'),
  }
}

/** Whether the engine that an environment leads to is a private one of a cache directory: nobody else's. */
export function isPrivateEngine(cache: string, env: NodeJS.ProcessEnv): boolean {
  return (env.DOCKER_HOST ?? '').startsWith(`unix://${privateEngine(cache).base}/`)
}

/** Gives a file's text, or undefined when it can't be read. */
export type ReadText = (path: string) => Promise<string | undefined>

export const readText: ReadText = (path) => readFile(path, 'utf8').catch(() => undefined)

export interface RunningEngine {
  pid: number
  store: string
}

/**
 * The engine's first process, when it lives. `pid` holds its number, its start time, which tells it from a later process
 * with the same number, and the store (proc(5): fields 3 and 22 of `stat`).
 */
export async function runningEngine(
  { directory }: PrivateEngine,
  read: ReadText = readText,
): Promise<RunningEngine | undefined> {
  const [pid = '', started, store = ''] = (await read(join(directory, 'pid')))?.split(/\s+/) ?? []
  if (!/^\d+$/.test(pid) || started === undefined) return undefined
  const stat = (await read(`/proc/${pid}/stat`))?.replace(/^.*\) /s, '').split(' ') ?? []
  // a killed process that nobody has reaped yet is dead too
  return stat[19] === started && stat[0] !== 'Z' ? { pid: Number(pid), store } : undefined
}

export interface EngineState {
  /** `silent`: its first process lives, but it does not answer. */
  state: 'running' | 'silent' | 'stopped' | 'absent'
  version: string | null
  store: string | null
  socket: string
}

export async function engineState(engine: PrivateEngine): Promise<EngineState> {
  const { socket, directory } = engine
  const [running, kept] = await Promise.all([runningEngine(engine), readText(join(directory, 'store'))])
  const version = (running && (await askVersion(socket))) ?? null
  const store = running?.store ?? kept?.trim() ?? null
  if (running) return { state: version === null ? 'silent' : 'running', version, store, socket }
  return { state: kept === undefined ? 'absent' : 'stopped', version, store, socket }
}

/** What a process has in its environment to use an engine. */
export interface EngineSettings {
  DOCKER_HOST: string
  DOCKER_CONFIG: string
  /** A directory to be put before the others in PATH. */
  clients: string
}

/** The settings of an engine that runs, as `up` wrote them. */
export async function runningSettings(
  engine: PrivateEngine,
  read: ReadText = readText,
): Promise<EngineSettings | undefined> {
  const [text, running] = await Promise.all([
    read(join(engine.directory, 'env')),
    runningEngine(engine, read),
  ])
  if (text === undefined || running === undefined) return undefined
  const found = new Map<string, string>()
  for (const [, key = '', value = ''] of text.matchAll(/^export (\w+)='((?:[^']|'\\'')*)'/gm))
    found.set(key, value.replaceAll("'\\''", "'"))
  const [host, config, clients] = ['DOCKER_HOST', 'DOCKER_CONFIG', 'PATH'].map((key) => found.get(key))
  if (host === undefined || config === undefined || clients === undefined) return undefined
  return { DOCKER_HOST: host, DOCKER_CONFIG: config, clients }
}

/** The shell lines that point docker at an engine. */
export function settingsScript({ DOCKER_HOST, DOCKER_CONFIG, clients }: EngineSettings): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  return [
    `export DOCKER_HOST=${quote(DOCKER_HOST)}`,
    `export DOCKER_CONFIG=${quote(DOCKER_CONFIG)}`,
    `export PATH=${quote(clients)}:"$PATH"`,
    'unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH\n',
  ].join('\n')
}

/** The environment in which a process uses an engine; what another engine needed is undefined in it. */
export function engineEnvironment(
  { clients, ...settings }: EngineSettings,
  env: NodeJS.ProcessEnv,
): Record<string, string | undefined> {
  const path = env.PATH === undefined ? clients : `${clients}:${env.PATH}`
  const unset = { DOCKER_CONTEXT: undefined, DOCKER_TLS_VERIFY: undefined, DOCKER_CERT_PATH: undefined }
  return { ...settings, PATH: path, ...unset }
}

/** The version of the engine at a socket; undefined when none answers within five seconds. */
export async function askVersion(socketPath: string): Promise<string | undefined> {
  const signal = AbortSignal.timeout(5000)
  try {
    const asked = request({ socketPath, path: '/version', signal }).end()
    const [response] = (await once(asked, 'response', { signal })) as [IncomingMessage]
    const { Version } = (await json(response)) as { Version?: string }
    return Version
  } catch {
    return undefined
  }
}

/** What a machine lacks for private engines, in words; nothing, when it can have them. */
export async function machineLacks(env: NodeJS.ProcessEnv): Promise<string[]> {
  const tools = ['unshare', 'flock', 'pivot_root']
  const [hasApt, ...hasTools] = await Promise.all(
    ['apt-get', ...tools].map((name) => isInDirectories(name, (env.PATH ?? '').split(':'))),
  )
  return [
    ...(process.platform === 'linux' ? [] : ['Linux']),
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...(hasApt ? [] : ['apt']),
    ...(process.platform === 'linux' ? tools.filter((_, i) => !hasTools[i]) : []),
  ]
}

export async function isInDirectories(program: string, directories: readonly string[]): Promise<boolean> {
  const found = directories.map((directory) =>
    access(join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    ),
  )
  return (await Promise.all(found)).includes(true)
}

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { execa } from 'execa'
import { StillroomError } from '../../error.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import {
  askVersion,
  type EngineSettings,
  machineLacks,
  type PrivateEngine,
  runningEngine,
  runningSettings,
  settingsScript,
} from './private-engine.ts'
import {
  cleanUp,
  engineFailed,
  INSTALL_DOCKER,
  lockEngines,
  type Note,
  PROGRAMS,
  stop,
} from './stop-engine.ts'

const STORES = ['overlay2', 'containerd']
/** How long dockerd may take to answer. */
const START_TIME_MS = 60_000
/** How long its first process may take to write its number. */
const FIRST_PROCESS_TIME_MS = 2_000
const POLL_MS = 50

export interface StartOptions {
  /** Docker's image store, `overlay2` or `containerd`; left out, the one that the engine had last, at first overlay2. */
  store?: string | undefined
  /**
   * Makes what containers and build steps see another machine: words separated by spaces, `clock=SECONDS` (programs of
   * the C library see that much later), `suite=NAME` (the Debian suite whose C library they have), `hostname=NAME`,
   * `cpus=LIST`, `umask=NUMBER` (decimal), `timezone=NAME`, `locale=NAME`.
   */
  vary?: string | undefined
  signal?: AbortSignal | undefined
  note: Note
}

export interface StartedEngine {
  version: string
  store: string
  settings: EngineSettings
}

/**
 * Starts a private engine and waits until it answers; one that runs stays as it is. The root file system is made once
 * for all engines. Processes that start engines at the same time wait for each other.
 *
 * @throws {StillroomError} ENGINE_MISSING when this machine can't have one, ENGINE_FAILED when it doesn't start, USAGE
 *   when it runs with another store, or a store or a variation is not possible
 */
export async function startEngine(engine: PrivateEngine, options: StartOptions): Promise<StartedEngine> {
  checkOptions(options)
  const present = await runningSettings(engine)
  const version = present && (await askVersion(engine.socket))
  if (present && version !== undefined)
    return { version, settings: present, store: await storeOf(engine, options) }
  await requireMachine(engine)
  await mkdir(engine.base, { recursive: true })
  await using _lock = await lockEngines(engine, options)
  await makeRoot(engine, options)
  return await startLocked(engine, options)
}

async function startLocked(engine: PrivateEngine, options: StartOptions): Promise<StartedEngine> {
  const { name, directory } = engine
  const child = (await runningEngine(engine)) === undefined ? await launch(engine, options) : undefined
  try {
    const version = await waitForAnswer(engine, options.signal)
    const store = await storeOf(engine, options)
    const settings = {
      DOCKER_HOST: `unix://${engine.socket}`,
      DOCKER_CONFIG: join(directory, 'config'),
      clients: engine.clients,
    }
    await writeFileAtomic(join(directory, 'env'), settingsScript(settings))
    options.note(`engine "${name}" is ready: Docker ${version}, store ${store}`)
    return { version, store, settings }
  } catch (error) {
    if (child !== undefined) {
      child.kill('SIGKILL')
      await stop(engine)
      await cleanUp(engine)
    }
    throw error
  }
}

async function storeOf(engine: PrivateEngine, { store }: StartOptions): Promise<string> {
  const running = await runningEngine(engine)
  const { name, directory } = engine
  if (running === undefined)
    throw engineFailed(
      `starting engine "${name}"`,
      'it ended at once',
      `its log is ${join(directory, 'log')}`,
    )
  if (store === undefined || store === running.store) return running.store
  throw new StillroomError('USAGE', `engine "${name}" runs with store ${running.store}, not ${store}`, {
    hint: `stop it first (stillroom engine down --name ${name}), or give another --name`,
  })
}

function checkOptions({ store, vary = '' }: StartOptions): void {
  if (store !== undefined && !STORES.includes(store))
    throw new StillroomError('USAGE', `--store takes ${STORES.join(' or ')}, not "${store}"`)
  // each word goes into JSON, a shell program and an expression of sed as it is
  if (/[^A-Za-z0-9 =_/.,-]/.test(vary))
    throw new StillroomError('USAGE', `--vary has a character that none of its words may have: "${vary}"`)
}

async function requireMachine({ base: written, socket }: PrivateEngine): Promise<void> {
  const base = await realpath(written).catch(() => written)
  const refuse = (reason: string, hint: string) =>
    new StillroomError('ENGINE_MISSING', `a private engine cannot be started here: ${reason}`, { hint })
  const lacks = await machineLacks(process.env)
  if (lacks.length > 0) throw refuse(`this machine lacks ${lacks.join(', ')}`, INSTALL_DOCKER)
  if (socket.length >= 100)
    throw refuse(`the path of its socket is too long: "${socket}"`, 'set STILLROOM_CACHE to a shorter path')
  const elsewhere = 'set STILLROOM_CACHE to another path'
  if (/["\\,\n]/.test(base))
    throw refuse(`its directory has a character that it cannot have: "${base}"`, elsewhere)
  if (/^\/(usr|etc|run|boot|proc|sys|dev)\//.test(base))
    throw refuse(`its directory cannot be below this one: "${base}"`, elsewhere)
}

/** What an engine runs of. */
const PACKAGES = [
  ...['docker.io', 'docker-cli', 'docker-buildx', 'containerd', 'runc'],
  ...['iptables', 'iproute2', 'ca-certificates', 'git'],
]

async function makeRoot({ base, root, clients }: PrivateEngine, options: StartOptions): Promise<void> {
  const packages = join(base, 'packages')
  const isFetched = !existsSync(root) && (await fetchPackages(packages, options))
  const args = [root, clients, PACKAGES.join(','), ...(isFetched ? [packages] : [])]
  await runProgram('making the root file system', ['make-root.sh', ...args], options)
  await rm(packages, { recursive: true, force: true })
}

/** Whether the packages of the root file system could be fetched; else debootstrap finds them, or says why not. */
async function fetchPackages(
  directory: string,
  { note, signal = new AbortController().signal }: StartOptions,
): Promise<boolean> {
  // with all that verifies indexes, which an engine that is there does without
  const { fetchRootPackages } = await import('./root-packages.ts')
  note("fetching the engine's packages")
  try {
    await fetchRootPackages(directory, PACKAGES, signal)
    return true
  } catch (error) {
    if (!(error instanceof StillroomError) || signal.aborted) throw error
    note(`${error.message}; debootstrap is asked instead`)
    return false
  }
}

/** Runs one of the programs; each line of its output is a note, and its last lines of stderr are the error. */
async function runProgram(
  what: string,
  [program, ...args]: [string, ...string[]],
  options: StartOptions,
): Promise<void> {
  const child = execa('/bin/sh', [join(PROGRAMS, program), ...args], {
    reject: false,
    stdin: 'ignore',
    forceKillAfterDelay: 10_000,
    ...(options.signal && { cancelSignal: options.signal }),
  })
  for await (const line of createInterface({ input: child.stdout })) options.note(line)
  const { failed, stderr, shortMessage } = await child
  options.signal?.throwIfAborted()
  if (failed) throw engineFailed(what, stderr.trim() || (shortMessage ?? ''))
}

async function launch(engine: PrivateEngine, options: StartOptions): Promise<ChildProcess> {
  const { name, directory, root } = engine
  const path = (file: string) => join(directory, file)
  const text = async (file: string) => (await readFile(path(file), 'utf8').catch(() => '')).trim()
  await mkdir(path('config/cli-plugins'), { recursive: true, mode: 0o700 })
  const store = options.store ?? ((await text('store')) || 'overlay2')
  const vary = options.vary ?? ''
  await writeFile(path('store'), `${store}\n`)
  await writeFile(path('vary'), vary)
  if (/(^| )clock=/.test(vary)) await provideClock(engine, vary, options)
  for (const file of ['pid', 'env', 'docker.sock']) await rm(path(file), { force: true })
  await link(join(engine.clients, 'docker-buildx'), path('config/cli-plugins/docker-buildx'))
  const settings = join(process.env.DOCKER_CONFIG || join(homedir(), '.docker'), 'config.json')
  // there may be nothing yet: a login made later counts, too
  if (!existsSync(path('config/config.json'))) await link(settings, path('config/config.json'))
  options.note(`starting engine "${name}" with store ${store}`)
  await moveToLeaf(options.note)
  await using log = await open(path('log'), 'w')
  const words = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'slave', '/bin/sh']
  // a session of its own: the engine outlives this process and its terminal
  const child = spawn('unshare', [...words, join(PROGRAMS, 'enter.sh'), root, directory, store], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  child.on('error', () => {})
  child.unref()
  return child
}

/** The library that shows programs another time, built against the C library of the suite in question. */
async function provideClock(engine: PrivateEngine, vary: string, options: StartOptions): Promise<void> {
  const suite = /(?:^| )suite=(\S+)/.exec(vary)?.[1] ?? 'trixie'
  const library = join(engine.base, `clock-${suite}.so`)
  if (!existsSync(library)) {
    options.note(`fetching libfaketime of ${suite}`)
    await runProgram(
      `fetching libfaketime of ${suite}`,
      ['make-clock.sh', engine.root, suite, library],
      options,
    )
  }
  await writeFile(join(engine.directory, 'clock.so'), await readFile(library))
}

/**
 * In a container with cgroup v2 the group that looks like the root may not both hold processes and hand out controllers,
 * as containers need it to. The machine's own root, which may, has no cgroup.type.
 */
async function moveToLeaf(note: Note): Promise<void> {
  const group = '/sys/fs/cgroup'
  if (!existsSync(`${group}/cgroup.controllers`) || !existsSync(`${group}/cgroup.type`)) return
  await mkdir(`${group}/stillroom-init`, { recursive: true })
  for (const process of (await readFile(`${group}/cgroup.procs`, 'utf8')).split('\n').filter(Boolean))
    await writeFile(`${group}/stillroom-init/cgroup.procs`, process).catch(() => {})
  const controllers = (await readFile(`${group}/cgroup.controllers`, 'utf8')).replaceAll(/\S+/g, '+$&')
  await writeFile(`${group}/cgroup.subtree_control`, controllers).catch(() =>
    note('the cgroup controllers cannot be handed to containers; going on without'),
  )
}

async function waitForAnswer(engine: PrivateEngine, signal: AbortSignal | undefined): Promise<string> {
  const started = performance.now()
  for (;;) {
    const version = await askVersion(engine.socket)
    if (version !== undefined) return version
    const passed = performance.now() - started
    if (passed > START_TIME_MS || (passed > FIRST_PROCESS_TIME_MS && !(await runningEngine(engine)))) break
    await wait(POLL_MS, undefined, signal && { signal })
  }
  const log = join(engine.directory, 'log')
  const end = (await readFile(log, 'utf8')).trim().split('\n').slice(-20).join('\n')
  throw engineFailed(
    `starting engine "${engine.name}"`,
    `dockerd does not answer:\n${end}`,
    `its whole log is ${log}`,
  )
}

async function link(target: string, path: string): Promise<void> {
  await rm(path, { force: true })
  await symlink(target, path)
}

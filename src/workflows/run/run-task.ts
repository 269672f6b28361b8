import { stat } from 'node:fs/promises'
import { attachedExec, type Terminal } from '../../engine/attached-exec.ts'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { engineError } from '../../engine/engine-error.ts'
import { TASK } from '../../engine/lease-scripts.ts'
import {
  type Gpus,
  type Joined,
  joinContainer,
  leaveContainer,
  type Mount,
} from '../../engine/task-container.ts'
import { type AwaitedPort, waitForPort } from '../../engine/wait-for-port.ts'
import { StillroomError } from '../../error.ts'
import { requireFresh } from '../../lock/compare-lock.ts'
import { projectFile } from '../../lock/lock-inputs.ts'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'
import { findTask } from '../../recipe/find-task.ts'
import type { PublishedPort } from '../../recipe/published-port.ts'
import type { Recipe, Task } from '../../recipe/schema.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { resolveProject } from '../../resolve/project/resolve-project.ts'
import { requireLockedImage } from '../build/locked-image.ts'
import type { Cache, Cancellation, Environment, Project, Reporting, Repository } from '../ports.ts'
import { projectID } from '../project/image-name.ts'
import { readInputs } from '../project/load-inputs.ts'
import { type LoadedRecipe, loadRecipe } from '../project/load-recipe.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'
import { publishedPorts } from './container-arguments.ts'
import { accountFor, prepareFolder, requireLocal, wantFolder } from './shared-folder.ts'

export interface ContainerOptions {
  /** `none`, `bridge`, `host` or a network of the engine; what is there, else `none`, when left out. */
  network?: string | undefined
  /** The host's shared directory; `false` for none; what is there, else `shared` of the project, when left out. */
  shared?: string | false | undefined
  /** Besides those of the task. */
  ports: PublishedPort[]
  mounts: Mount[]
  gpus?: Gpus | undefined
  /** Of a container of its own, beside the one that tasks share. */
  instance?: string | undefined
  /** Of the task, beside those of the image. */
  env: Record<string, string>
  /** Instead of those of the task. */
  waitFor?: Omit<AwaitedPort, 'timeout'>[] | undefined
}

export interface RunOptions extends ContainerOptions {
  terminal: Terminal
  /** Called in the container, before the task waits for others, with where its ports are. */
  onJoin?: ((published: string[]) => Promise<void>) | undefined
}

export interface RunResult {
  recipe: string
  /** Null for a shell. */
  task: string | null
  /** Of the task. */
  exitCode: number
}

/**
 * Runs a task in the container of a recipe, with the arguments after those of its command.
 * The container is of the image that the lockfile names, and the same for all tasks of a recipe and project that run
 * at a time: they meet on localhost. It is gone when the last one has ended.
 *
 * @throws {StillroomError} RECIPE_*, LOCK_*, IMAGE_MISSING, CONTAINER_BUSY, CONTAINER_FAILED, SHARED_REMOTE, ENGINE_*
 */
export async function runTask(
  ports: Repository & Reporting & Cache,
  name: string,
  task: string | undefined,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult & { task: string }> {
  const loaded = await loadRecipe(ports.directory, name)
  const found = findTask(name, loaded.recipe, task)
  const command = [...found.command, ...args]
  const exitCode = await enterRecipe(ports, loaded, { ...found, command }, options)
  return { recipe: name, task: found.name, exitCode }
}

/** Runs the shell of the recipe's user in the same container as its tasks. */
export async function openShell(
  ports: Repository & Reporting & Cache,
  name: string,
  options: RunOptions,
): Promise<RunResult> {
  const loaded = await loadRecipe(ports.directory, name)
  const command = [loaded.recipe.user?.shell ?? '/bin/bash']
  const exitCode = await enterRecipe(ports, loaded, { command, ports: [], waitFor: [] }, options)
  return { recipe: name, task: null, exitCode }
}

async function enterRecipe(
  ports: Repository & Reporting & Cache,
  loaded: LoadedRecipe,
  what: Pick<Task, 'command' | 'workdir' | 'ports' | 'waitFor'>,
  options: RunOptions,
): Promise<number> {
  const { name } = loaded
  const note = (text: string) => ports.progress({ kind: 'note', text })
  const lock = await requireLock(ports.directory, name)
  const locked = lockedPlatform(lock, loaded.recipe)
  const recipe = withImageUser(loaded.recipe, locked)
  await compareWithLock(ports, loaded, lock, locked)
  const engine = await connectEngine(ports)
  const image = await requireLockedImage(ports, engine, name, locked)
  const folder = await wantFolder(engine, recipe, ports.directory, options.shared)
  const published = portsToPublish(what.ports, options, note)
  await checkMounts(engine, recipe, options.mounts)
  const joined = await joinContainer(engine, {
    recipe: name,
    project: await projectID(ports),
    instance: options.instance,
    image,
    signal: ports.signal,
    wanted: {
      network: options.network,
      shared: folder.shared,
      ports: published,
      mounts: options.mounts,
      gpus: options.gpus,
    },
    settings: async () => {
      const shared = await prepareFolder(engine, folder, note)
      return { network: options.network ?? (published.length > 0 ? 'bridge' : 'none'), shared }
    },
    account: (shared) => accountFor(folder, shared),
  })
  try {
    for (const place of joined.published) note(`published: ${place}`)
    await options.onJoin?.(joined.published)
    await waitForPorts(ports, joined, what, options)
    ports.signal.throwIfAborted()
    return await execTask(joined, recipe, what, options)
  } catch (error) {
    throw engineError('running in the container', error)
  } finally {
    await leaveContainer(joined).catch((error: unknown) => {
      ports.progress({ kind: 'note', text: `the container could not be left in order: ${error}` })
    })
  }
}

/**
 * What the command line asks for, and what the task has where a network allows it.
 *
 * @throws {StillroomError} USAGE
 */
function portsToPublish(
  own: readonly string[],
  { ports, network }: ContainerOptions,
  note: (text: string) => void,
): PublishedPort[] {
  const places = new Set(ports.map(({ container, protocol }) => `${container}/${protocol}`))
  // one that the command line puts elsewhere
  const rest = publishedPorts(own).filter(
    ({ container, protocol }) => !places.has(`${container}/${protocol}`),
  )
  if (network !== 'none' && network !== 'host') return [...ports, ...rest]
  const reason =
    network === 'none'
      ? 'with --network none nothing can be reached'
      : "with --network host every port is the machine's own"
  if (ports.length > 0)
    throw new StillroomError('USAGE', `no port can be published: ${reason}`, {
      hint: 'leave out --publish, or --network',
    })
  if (rest.length > 0) note(`ports of the task are not published: ${reason}`)
  return []
}

/** @throws {StillroomError} USAGE, SHARED_REMOTE */
async function checkMounts(engine: Engine, recipe: Recipe, mounts: readonly Mount[]): Promise<void> {
  for (const { source, target } of mounts) {
    requireLocal(engine, source)
    if (target === recipe.shared)
      throw new StillroomError('USAGE', `--mount would hide the shared folder: ${target}`, {
        hint: 'name its directory with --shared',
      })
    await stat(source).catch((cause: NodeJS.ErrnoException) => {
      throw new StillroomError('USAGE', `cannot mount "${source}": ${cause.code}`, {
        hint: 'name a file or directory that is there',
        cause,
      })
    })
  }
}

/** @throws {StillroomError} PORT_SILENT */
async function waitForPorts(
  { signal, progress }: Cancellation & Reporting,
  { container }: Joined,
  task: Pick<Task, 'waitFor'>,
  options: ContainerOptions,
): Promise<void> {
  const timeout = Math.max(DEFAULT_TIMEOUT, ...task.waitFor.map((one) => one.timeout))
  const awaited = options.waitFor?.map((one) => ({ ...one, timeout })) ?? task.waitFor
  for (const one of awaited) {
    progress({ kind: 'note', text: `waiting for port ${one.port} of ${one.host}, ${one.timeout} s at most` })
    await waitForPort(container, one, signal)
  }
}

/** Whether the recipe is as locked. Of a project, the image holds what was locked, whatever is on the disk now: a note. */
async function compareWithLock(
  ports: Project & Environment & Cancellation & Reporting,
  loaded: LoadedRecipe,
  lock: Lockfile,
  { steps }: LockedPlatform,
): Promise<void> {
  const trees: Record<string, string> = {}
  for (const [index, step] of loaded.recipe.steps.entries()) {
    const locked = steps[index]
    if (step.kind !== 'project' || locked?.kind !== 'project') continue
    trees[projectFile(step)] = locked.tree
    const present = await resolveProject(gitRunner(ports), loaded.directory, step).catch((error: unknown) => {
      if (error instanceof StillroomError) return undefined
      throw error
    })
    if (present?.tree === locked.tree) continue
    ports.progress({
      kind: 'note',
      text: `project "${step.path}" has changed since it was locked: the image has it as of commit ${locked.commit.slice(0, 12)}`,
    })
  }
  const { inputs } = await readInputs(ports.directory, loaded, trees)
  requireFresh(lock, inputs)
}

/** A recipe with the user that its image has: of a base from a registry, when it names none of its own. */
function withImageUser(recipe: Recipe, { base }: LockedPlatform): Recipe {
  if (recipe.user !== undefined || base.kind === 'debian' || base.account.uid === 0) return recipe
  const { uid, home } = base.account
  const [named = ''] = (base.configuration.user ?? '').split(':')
  // the lease's script takes names that mean nothing else to sed
  const name = /^[\w-]+$/.test(named) ? named : `${uid}`
  return { ...recipe, user: { name, uid, home, shell: '/bin/bash' } }
}

async function execTask(
  { container, lease, moved }: Joined,
  recipe: Recipe,
  { command, workdir }: { command: string[]; workdir?: string | undefined },
  { terminal, env: given }: RunOptions,
): Promise<number> {
  using _forwarding = forwardSignals(lease)
  const env: Record<string, string> = {}
  if (terminal.tty && process.env.TERM) env.TERM = process.env.TERM
  if (moved && recipe.env.HOME === undefined) env.HOME = recipe.user?.home ?? '/tmp'
  Object.assign(env, given)
  return await attachedExec(container, {
    command: ['/bin/sh', '-c', TASK, 'sh', lease.taskFile, workdir ?? recipe.workdir ?? '/', ...command],
    user: moved ? `${moved.uid}:${moved.gid}` : (recipe.user?.name ?? '0:0'),
    env,
    terminal,
    onUnread: () => lease.signal('SIGHUP'),
  })
}

/** In seconds: how long --wait-for waits, unless the task says more. */
const DEFAULT_TIMEOUT = 60

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** Signals that reach this process are the task's, until what is returned is disposed of; the third one kills it. */
function forwardSignals(lease: Joined['lease']): Disposable {
  let received = 0
  const forward = (name: string) => {
    received += 1
    lease.signal(received < 3 ? name : 'SIGKILL')
  }
  for (const name of SIGNALS) process.on(name, forward)
  return {
    [Symbol.dispose]: () => {
      for (const name of SIGNALS) process.off(name, forward)
    },
  }
}

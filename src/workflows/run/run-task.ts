import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { attachedExec, type Terminal } from '../../engine/attached-exec.ts'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { engineError } from '../../engine/engine-error.ts'
import type { MovedAccount } from '../../engine/seat.ts'
import { TASK } from '../../engine/seat-scripts.ts'
import { type Joined, joinContainer, leaveContainer } from '../../engine/task-container.ts'
import { StillroomError } from '../../error.ts'
import { requireFresh } from '../../lock/compare-inputs.ts'
import { lockInputs } from '../../lock/lock-inputs.ts'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'
import { findTask } from '../../recipe/find-task.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { resolveProject } from '../../resolve/project/resolve-project.ts'
import { requireLockedImage } from '../build/locked-image.ts'
import type { Cache, Cancellation, Environment, Project, Reporting, Repository } from '../ports.ts'
import { programsChecksum } from '../project/generated.ts'
import { type LoadedRecipe, loadRecipe } from '../project/load-recipe.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'
import { folderOwner, type Host, makeSharedFolder, mayWrite, workAs } from './shared-folder.ts'

export interface RunOptions {
  terminal: Terminal
  /** `none`, `bridge`, `host` or a network of the engine; what is there, else `none`, when left out. */
  network?: string | undefined
  /** The host's shared directory; `false` for none; what is there, else `shared` of the project, when left out. */
  shared?: string | false | undefined
  /** Tells of signals that reach this process; they are the task's while it runs. */
  onSignal: (listener: (name: string) => void) => () => void
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
  const exitCode = await enterRecipe(ports, loaded, { command, workdir: found.workdir }, options)
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
  const exitCode = await enterRecipe(ports, loaded, { command }, options)
  return { recipe: name, task: null, exitCode }
}

async function enterRecipe(
  ports: Repository & Reporting & Cache,
  loaded: LoadedRecipe,
  what: { command: string[]; workdir?: string | undefined },
  options: RunOptions,
): Promise<number> {
  const { name, recipe } = loaded
  const lock = await requireLock(ports.directory, name)
  const locked = lockedPlatform(lock, recipe)
  await compareWithLock(ports, loaded, lock, locked)
  const engine = await connectEngine(ports)
  const image = await requireLockedImage(ports, engine, name, locked)
  const joined = await joinContainer(engine, {
    recipe: name,
    project: await projectHash(ports.directory),
    image,
    signal: ports.signal,
    ...(await folderPlan(ports, engine, recipe, options)),
  })
  try {
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

/** Whether the recipe is as locked. Of a project, the image holds what was locked, whatever is on the disk now: a note. */
async function compareWithLock(
  ports: Environment & Cancellation & Reporting,
  { recipe, directory }: LoadedRecipe,
  lock: Lockfile,
  { steps }: LockedPlatform,
): Promise<void> {
  const trees: Record<string, string> = {}
  for (const [index, step] of recipe.steps.entries()) {
    const locked = steps[index]
    if (step.kind !== 'project' || locked?.kind !== 'project') continue
    trees[step.path] = locked.tree
    const present = await resolveProject(gitRunner(ports), directory, step.path).catch((error: unknown) => {
      if (error instanceof StillroomError) return undefined
      throw error
    })
    if (present?.tree === locked.tree) continue
    ports.progress({
      kind: 'note',
      text: `project "${step.path}" has changed since it was locked: the image has it as of commit ${locked.commit.slice(0, 12)}`,
    })
  }
  requireFresh(lock, lockInputs(recipe, trees, await programsChecksum(recipe)))
}

async function execTask(
  { container, seat, moved }: Joined,
  recipe: Recipe,
  { command, workdir }: { command: string[]; workdir?: string | undefined },
  { terminal, onSignal }: RunOptions,
): Promise<number> {
  let asked = 0
  const off = onSignal((signal) => {
    asked += 1
    seat.signal(asked < 3 ? signal : 'SIGKILL')
  })
  const env: Record<string, string> = {}
  if (terminal.tty && process.env.TERM) env.TERM = process.env.TERM
  if (moved && recipe.env.HOME === undefined) env.HOME = recipe.user?.home ?? '/tmp'
  try {
    return await attachedExec(container, {
      command: ['/bin/sh', '-c', TASK, 'sh', seat.taskFile, workdir ?? recipe.workdir ?? '/', ...command],
      user: moved ? `${moved.uid}:${moved.gid}` : (recipe.user?.name ?? '0:0'),
      env,
      terminal,
      onUnread: () => seat.signal('SIGHUP'),
    })
  } finally {
    off()
  }
}

/** What is to be known of the shared folder: when a container is made, and when one is joined. */
async function folderPlan(ports: Project & Reporting, engine: Engine, recipe: Recipe, options: RunOptions) {
  const account = recipe.user?.uid ?? 0
  const host = await describeHost(engine)
  const target = recipe.shared
  if (options.shared && target === undefined) {
    throw new StillroomError('USAGE', 'the recipe has no shared folder to tie a directory to', {
      hint: 'give it one: shared: "/path/in/the/image"',
    })
  }
  const path = resolve(ports.directory, options.shared || 'shared')
  const explicit =
    options.shared === false ? '' : options.shared && ((await realpath(path).catch(() => undefined)) ?? path)
  return {
    wanted: { network: options.network, shared: explicit },
    settings: async () => {
      const network = options.network ?? 'none'
      if (target === undefined || options.shared === false) return { network }
      requireLocal(engine, path)
      const source = await makeSharedFolder(path, host, account)
      const owner = await folderOwner(source)
      const uid = workAs(host, owner, account)?.uid ?? account
      if (host.platform === 'linux' && !host.rootless && !mayWrite(owner, uid)) {
        ports.progress({
          kind: 'note',
          text: `tasks can't write to ${source}: it belongs to uid ${owner.uid}, they run as uid ${uid}`,
        })
      }
      return { network, shared: { source, target } }
    },
    account: async (shared: string): Promise<MovedAccount | undefined> => {
      const as = workAs(host, await folderOwner(shared), account)
      if (!as) return undefined
      const { user } = recipe
      const volumes = recipe.volumes.filter((volume) => volume !== target)
      return { ...as, user: user && { name: user.name, uid: user.uid, volumes } }
    },
  }
}

async function describeHost({ docker }: Engine): Promise<Host> {
  const { SecurityOptions = [] } = (await docker.info()) as { SecurityOptions?: string[] }
  const rootless = SecurityOptions.some((option) => option === 'name=rootless')
  return { platform: process.platform, uid: process.getuid?.(), rootless }
}

/** @throws {StillroomError} SHARED_REMOTE: a bind mount takes a directory of the engine's machine */
function requireLocal({ docker }: Engine, path: string): void {
  const { socketPath, host } = docker.modem as { socketPath?: string; host?: string }
  if (socketPath !== undefined) return
  throw new StillroomError(
    'SHARED_REMOTE',
    `cannot share "${path}": the Docker Engine is on another machine (${host})`,
    {
      hint: 'run without the shared folder: --no-shared; or use an engine of this machine',
    },
  )
}

/** Tells the containers of a recipe in two project directories apart. */
async function projectHash(directory: string): Promise<string> {
  return createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 8)
}

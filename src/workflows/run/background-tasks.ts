import { type FileHandle, open, realpath } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { TASK_LABELS } from '../../engine/task-container.ts'
import { StillroomError } from '../../error.ts'
import type { Cache, Cancellation, Project, Reporting } from '../ports.ts'
import { readRecords, recordsOf, type TaskRecord } from './task-record.ts'

const POLL_MS = 100

/** A container that tasks and shells of a recipe run in. */
export interface TaskContainerEntry {
  name: string
  recipe: string
  /** What `--name` said. */
  instance: string | null
  /** As the engine says it: `Up 3 minutes`. */
  status: string
  network: string
  /** `127.0.0.1:8080 -> 80/tcp`. */
  ports: string[]
}

export interface TaskList {
  /** Tasks in the background, the latest first; those that ended are kept until they are started again or pruned. */
  tasks: TaskRecord[]
  /** Null when no engine answers. */
  containers: TaskContainerEntry[] | null
}

/** What runs on this machine, of every project; starts no engine. */
export async function listTasks(ports: Cache & Cancellation & Reporting): Promise<TaskList> {
  const [tasks, engine] = await Promise.all([
    readRecords(ports.cache),
    connectEngine({ ...ports, start: false }).catch((error: unknown) => {
      if (error instanceof StillroomError) return undefined
      throw error
    }),
  ])
  return { tasks, containers: engine ? await listContainers(engine) : null }
}

async function listContainers({ docker }: Engine): Promise<TaskContainerEntry[]> {
  const found = await docker.listContainers({ all: true, filters: { label: [TASK_LABELS.project] } })
  return found.map(({ Names, Labels, Status, Ports }) => ({
    name: (Names[0] ?? '').replace(/^\//, ''),
    recipe: Labels[TASK_LABELS.recipe] ?? '',
    instance: Labels[TASK_LABELS.instance] || null,
    status: Status,
    network: Labels[TASK_LABELS.network] ?? '',
    ports: Ports.filter(({ PublicPort }) => PublicPort !== undefined).map(
      ({ IP, PublicPort, PrivatePort, Type }) => `${IP}:${PublicPort} -> ${PrivatePort}/${Type}`,
    ),
  }))
}

/** Which tasks in the background a command means. */
export interface Which {
  recipe: string
  /** All of the recipe when left out. */
  task: string | undefined
  instance: string | undefined
}

async function findRecords({ directory, cache }: Project & Cache, which: Which): Promise<TaskRecord[]> {
  return recordsOf(await readRecords(cache), { ...which, directory: await realpath(directory) })
}

/**
 * Gives what a task in the background has written, in order; with `follow`, goes on until it ends or the signal is aborted.
 *
 * @returns the task, as it was found
 * @throws {StillroomError} RECIPE_TASK_UNKNOWN when there is none, or more than one
 */
export async function readLog(
  ports: Project & Cache & Cancellation,
  which: Which,
  { follow, write }: { follow: boolean; write: (bytes: Uint8Array) => Promise<void> },
): Promise<TaskRecord> {
  const found = await findRecords(ports, which)
  const [record] = found
  if (record === undefined || found.length > 1) {
    const all = await findRecords(ports, { ...which, task: undefined, instance: undefined })
    throw noSuchTask(which, all, found.length > 1)
  }
  await using handle = await open(record.log, 'r')
  await copyRest(handle, write)
  while (follow && !ports.signal.aborted) {
    // asked before the rest is read: what it wrote last is there then
    const [now] = await findRecords(ports, {
      ...which,
      task: record.task,
      instance: record.instance ?? undefined,
    })
    await copyRest(handle, write)
    if (now?.state !== 'running') return now ?? record
    await wait(POLL_MS, undefined, { signal: ports.signal }).catch(() => {})
  }
  return record
}

async function copyRest(handle: FileHandle, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(65_536))
    if (bytesRead === 0) return
    await write(buffer.subarray(0, bytesRead))
  }
}

function noSuchTask(
  { recipe, task }: Which,
  known: readonly TaskRecord[],
  isAmbiguous: boolean,
): StillroomError {
  const list = known.map((one) => (one.instance === null ? one.task : `${one.task} --name ${one.instance}`))
  const what = isAmbiguous
    ? `several tasks of recipe "${recipe}" were started in the background: ${list.join(', ')}`
    : `no task ${task === undefined ? '' : `"${task}" `}of recipe "${recipe}" was started in the background`
  const hint = isAmbiguous
    ? `name one: stillroom logs recipe ${recipe} ${list[0]}`
    : list.length > 0
      ? `there is: ${list.join(', ')}`
      : `start one: stillroom run recipe ${recipe} ${task ?? 'TASK'} --detach`
  return new StillroomError('RECIPE_TASK_UNKNOWN', what, { hint, details: { recipe, tasks: list } })
}

export interface StopResult {
  /** As they ended. */
  stopped: TaskRecord[]
}

/**
 * Ends tasks in the background: each gets SIGTERM and, after `timeout` seconds, SIGKILL.
 *
 * @throws {StillroomError} RECIPE_TASK_UNKNOWN when none by that name was ever started; CONTAINER_FAILED when one does not
 *   end
 */
export async function stopTasks(
  ports: Project & Cache & Cancellation,
  which: Which,
  timeout: number,
): Promise<StopResult> {
  const found = await findRecords(ports, which)
  if (found.length === 0)
    throw noSuchTask(
      which,
      await findRecords(ports, { ...which, task: undefined, instance: undefined }),
      false,
    )
  const running = found.filter(({ state }) => state === 'running')
  return { stopped: await Promise.all(running.map((record) => stopTask(ports, record, timeout))) }
}

/** The process that holds a task passes signals on to it; of the third it makes SIGKILL. */
async function stopTask(
  ports: Project & Cache & Cancellation,
  record: TaskRecord,
  timeout: number,
): Promise<TaskRecord> {
  const which = { recipe: record.recipe, task: record.task, instance: record.instance ?? undefined }
  const ended = async (seconds: number) => {
    const deadline = Date.now() + seconds * 1000
    for (;;) {
      const now = (await findRecords(ports, which)).find(({ started }) => started === record.started)
      if (now?.state !== 'running') return now ?? record
      if (Date.now() >= deadline) return undefined
      await wait(POLL_MS, undefined, { signal: ports.signal })
    }
  }
  for (const [signals, seconds] of [
    [1, timeout],
    [2, KILL_SECONDS],
  ] as const) {
    for (let sent = 0; sent < signals; sent++) {
      signal(record.pid)
      // two of a kind at a time are one
      await wait(POLL_MS)
    }
    const last = await ended(seconds)
    if (last) return last
  }
  throw new StillroomError(
    'CONTAINER_FAILED',
    `task "${record.task}" of recipe "${record.recipe}" does not end, though it was killed`,
    { hint: `see its process, ${record.pid}, and stillroom doctor` },
  )
}

const KILL_SECONDS = 30

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

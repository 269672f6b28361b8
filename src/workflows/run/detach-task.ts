import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ErrorCode, StillroomError } from '../../error.ts'
import { findTask } from '../../recipe/find-task.ts'
import { writing } from '../../store/disk.ts'
import type { Cache, ProgressEvent, Reporting, Repository } from '../ports.ts'
import { projectID } from '../project/image-name.ts'
import { loadRecipe } from '../project/load-recipe.ts'
import type { ContainerOptions } from './run-task.ts'
import { recordDirectory } from './task-record.ts'

const CHILD = fileURLToPath(new URL(`detached-child${extname(import.meta.url)}`, import.meta.url))

/** What the process that holds the task is to do. */
export interface DetachedWork {
  directory: string
  recipe: string
  task: string
  args: string[]
  options: ContainerOptions
  /** Directory of what is recorded of it. */
  place: string
  /** File that its output goes to; it is moved there. */
  log: string
}

export type DetachedAnswer =
  | { kind: 'progress'; event: ProgressEvent }
  | { kind: 'started'; ports: string[] }
  | {
      kind: 'failed'
      error: { code: string; message: string; hint?: string; details?: Record<string, unknown> }
    }

export interface DetachedResult {
  recipe: string
  task: string
  /** Nobody knows it yet. */
  exitCode: null
  detached: {
    /** Where published ports are: `127.0.0.1:8080 -> 80/tcp`. */
    ports: string[]
    /** The file that the task writes to. */
    log: string
  }
}

/**
 * Runs a task in the background, as {@link runTask} does in front: in a process of its own, which outlives this one and its
 * terminal. Ends when the task is in its container.
 *
 * @throws {StillroomError} those of runTask; CONTAINER_BUSY when that task runs in the background already
 */
export async function detachTask(
  ports: Repository & Reporting & Cache,
  name: string,
  task: string | undefined,
  args: readonly string[],
  options: ContainerOptions,
): Promise<DetachedResult> {
  const { recipe } = await loadRecipe(ports.directory, name)
  const found = findTask(name, recipe, task)
  const project = await projectID(ports)
  const key = { recipe: name, project, instance: options.instance, task: found.name }
  const place = recordDirectory(ports.cache, key)
  const log = join(place, `log.${randomUUID()}`)
  await writing(place, () => mkdir(place, { recursive: true }))
  const work = { directory: ports.directory, recipe: name, task: found.name, args: [...args], options, place }
  try {
    const child = await startChild(log)
    const published = await untilStarted(child, { ...work, log }, ports)
    return {
      recipe: name,
      task: found.name,
      exitCode: null,
      detached: { ports: published, log: join(place, 'log') },
    }
  } finally {
    await rm(log, { force: true })
  }
}

async function startChild(log: string): Promise<ChildProcess> {
  await using file = await writing(log, () => open(log, 'wx', 0o600))
  return spawn(process.execPath, [...process.execArgv, CHILD], {
    detached: true,
    stdio: ['ignore', file.fd, file.fd, 'ipc'],
  })
}

async function untilStarted(
  child: ChildProcess,
  work: DetachedWork,
  { signal, progress }: Repository & Reporting,
): Promise<string[]> {
  const interrupt = () => child.kill('SIGINT')
  signal.addEventListener('abort', interrupt)
  try {
    child.send(work)
    const answered = new Promise<DetachedAnswer>((resolve) => {
      child.on('message', (message: DetachedAnswer) => {
        if (message.kind === 'progress') progress(message.event)
        else resolve(message)
      })
    })
    const last = await Promise.race([answered, once(child, 'exit')])
    if (Array.isArray(last)) {
      const said = await readFile(work.log, 'utf8').catch(() => '')
      throw new Error(`the process of the task ended with ${last.join(' ')}: ${said}`)
    }
    if (last.kind === 'started') return last.ports
    const { code, message, hint, details } = (last as DetachedAnswer & { kind: 'failed' }).error
    if (code === 'BUG') throw new Error(message)
    throw new StillroomError(code as ErrorCode, message, { hint, details })
  } finally {
    signal.removeEventListener('abort', interrupt)
    if (child.connected) child.disconnect()
    child.unref()
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { StillroomError } from '../../error.ts'
import { type PrivateEngine, readText, runningEngine } from './private-engine.ts'

/** The shell programs that make and enter the engine's root file system. */
export const PROGRAMS = fileURLToPath(new URL('./programs/', import.meta.url))
export const INSTALL_DOCKER =
  'install Docker 23 or newer with buildx and start it, or name an engine with DOCKER_HOST'
const POLL_MS = 50
/** After the first it is killed, after the second given up. */
const STOP_TIME_MS = [30_000, 40_000] as const
/** Whoever waits longer for another process is informed. */
const PATIENCE_MS = 500

/** What finding, starting and stopping an engine says while it works. */
export type Note = (text: string) => void

export function engineFailed(what: string, reason: string, hint?: string): StillroomError {
  return new StillroomError('ENGINE_FAILED', `${what}: ${reason}`, { hint })
}

/**
 * Stops a private engine.
 *
 * @param purge also remove its images, containers and everything else of it
 * @returns whether there was one, running or not
 * @throws {StillroomError} ENGINE_FAILED when it doesn't end, or this process is not root
 */
export async function stopEngine(
  engine: PrivateEngine,
  { purge, ...options }: { purge: boolean; signal?: AbortSignal; note: Note },
): Promise<boolean> {
  const { name, directory } = engine
  if ((await readText(join(directory, 'store'))) === undefined) {
    options.note(`engine "${name}" is absent`)
    return false
  }
  const what = `stopping engine "${name}"`
  if (process.getuid?.() !== 0) throw engineFailed(what, 'it needs root', 'run as root')
  await using _lock = await lockEngines(engine, options)
  if (await runningEngine(engine)) {
    options.note(what)
    await stop(engine)
  } else await cleanUp(engine)
  if (purge) await removeData(engine)
  if (purge) options.note(`the data of engine "${name}" is gone`)
  return true
}

/** Ends the engine's first process, and with it, by the kernel, all of its namespace. */
export async function stop(engine: PrivateEngine): Promise<void> {
  const running = await runningEngine(engine)
  const started = performance.now()
  let isKilled = false
  if (running) signalProcess(running.pid, 'SIGTERM')
  while (running && (await runningEngine(engine))?.pid === running.pid) {
    const passed = performance.now() - started
    if (passed > STOP_TIME_MS[1])
      throw engineFailed(
        `stopping engine "${engine.name}"`,
        `process ${running.pid} does not end`,
        `see ${join(engine.directory, 'log')}`,
      )
    if (passed > STOP_TIME_MS[0] && !isKilled) {
      isKilled = true
      signalProcess(running.pid, 'SIGKILL')
    }
    await wait(POLL_MS)
  }
  if (isKilled) await cleanUp(engine)
  await forget(engine)
}

/** After an engine that could not do it itself: its files, its bridge and its rules. */
export async function cleanUp(engine: PrivateEngine): Promise<void> {
  await forget(engine)
  const number = (await readText(join(engine.directory, 'network')))?.trim() ?? '0'
  const input = await readFile(join(PROGRAMS, 'network.sh'))
  const words = [engine.root, '/bin/sh', '-s', '--', engine.directory, number]
  await execa('chroot', words, { input, reject: false })
}

async function forget({ directory }: PrivateEngine): Promise<void> {
  for (const file of ['pid', 'env', 'docker.sock']) await rm(join(directory, file), { force: true })
}

async function removeData({ name, directory }: PrivateEngine): Promise<void> {
  const path = await realpath(directory)
  if ((await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${path}/`))
    throw engineFailed(
      `removing the data of engine "${name}"`,
      `something is mounted below "${directory}"`,
      'unmount it, then run again',
    )
  await execa('rm', ['-rf', '--one-file-system', directory])
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Takes the lock that processes hold while they start or stop engines of one cache, by flock(1), which lets go of it when
 * this process has ended in whatever way. What is given unlocks.
 */
export async function lockEngines(
  { base }: PrivateEngine,
  { signal, note }: { signal?: AbortSignal | undefined; note: Note },
): Promise<AsyncDisposable> {
  const child = spawn('flock', ['--close', join(base, 'lock'), 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C is for this process to answer
    detached: true,
  })
  const ended = once(child, 'exit')
  const timer = setTimeout(
    () => note('waiting for another process that starts or stops an engine'),
    PATIENCE_MS,
  )
  try {
    await Promise.race([once(child.stdout, 'data', signal && { signal }), ended])
    if (child.exitCode !== null)
      throw engineFailed('locking the engines', `flock ended with ${child.exitCode}`)
  } catch (error) {
    child.kill()
    signal?.throwIfAborted()
    throw error
  } finally {
    clearTimeout(timer)
  }
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await ended
    },
  }
}

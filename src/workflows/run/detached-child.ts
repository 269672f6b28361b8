// The process that holds a task in the background: started by detach-task.ts, which gives it what to run and hears from it
// until the task is in its container. From then on it has nobody but its log.
import { realpath, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../error.ts'
import { describeError } from '../../report/describe-error.ts'
import { plainProgress } from '../../report/plain-progress.ts'
import { newOwner } from '../../store/owner.ts'
import { openSession } from '../session.ts'
import type { DetachedAnswer, DetachedWork } from './detach-task.ts'
import { runTask } from './run-task.ts'
import { claimRecord, writeRecord } from './task-record.ts'

process.once('message', (work: DetachedWork) => void hold(work))

const answer = (message: DetachedAnswer) => void process.send?.(message)

async function hold({ directory, recipe, task, args, options, place, log }: DetachedWork): Promise<void> {
  const abort = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => abort.abort(new StillroomError('INTERRUPTED', `interrupted by ${name}`)))
  let started = false
  // whoever started it is gone before the task was there
  process.once('disconnect', () => started || process.kill(process.pid, 'SIGHUP'))
  const progress = plainProgress({ write: (text) => process.stderr.write(text) })
  const record = {
    recipe,
    task,
    instance: options.instance ?? null,
    directory: await realpath(directory),
    owner: newOwner(),
    started: new Date().toISOString(),
    ports: [] as string[],
    exitCode: null as number | null,
    ended: null as string | null,
  }
  let isOurs = false
  try {
    const session = await openSession({
      directory,
      env: process.env,
      signal: abort.signal,
      progress: (event) => (started ? progress.report(event) : answer({ kind: 'progress', event })),
    })
    await claimRecord(place, record)
    isOurs = true
    await rename(log, join(place, 'log'))
    const result = await runTask(session, recipe, task, args, {
      ...options,
      terminal: { input: undefined, output: process.stdout, errors: process.stderr, tty: false },
      onJoin: async (ports) => {
        record.ports = ports
        await writeRecord(place, record)
        started = true
        answer({ kind: 'started', ports })
      },
    })
    record.exitCode = result.exitCode
  } catch (error) {
    const { exitCode, text, json } = describeError(abort.signal.aborted ? abort.signal.reason : error)
    record.exitCode = exitCode
    if (started) process.stderr.write(text)
    else if (process.connected) answer({ kind: 'failed', error: json })
  }
  record.ended = new Date().toISOString()
  if (started) await writeRecord(place, record)
  else if (isOurs) await rm(place, { recursive: true, force: true })
  process.disconnect?.()
}

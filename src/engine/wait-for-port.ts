import { once } from 'node:events'
import type Docker from 'dockerode'
import { StillroomError } from '../error.ts'
import { exitCodeOf } from './attached-exec.ts'
import { CANNOT_ASK, SILENT, WAIT } from './lease-scripts.ts'

export interface AwaitedPort {
  host: string
  port: number
  /** In seconds. */
  timeout: number
}

/**
 * Waits until something listens on a port, as seen from a container that runs.
 *
 * @throws {StillroomError} PORT_SILENT when nothing does in time; CONTAINER_FAILED when the image has no means to ask;
 *   the signal's reason when that is aborted
 */
export async function waitForPort(
  container: Docker.Container,
  { host, port, timeout }: AwaitedPort,
  signal: AbortSignal,
): Promise<void> {
  const exec = await container.exec({
    Cmd: ['/bin/sh', '-c', WAIT, 'sh', host, String(port), String(Math.ceil(timeout))],
    User: '0:0',
    WorkingDir: '/',
    AttachStdout: true,
    AttachStderr: true,
  })
  const stream = await exec.start({ hijack: true, stdin: false })
  stream.resume()
  try {
    await once(stream, 'end', { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    // the wait goes on in the container until its end, or the container's
    if (signal.aborted) stream.end()
  }
  const exitCode = await exitCodeOf(exec)
  if (exitCode === 0) return
  const place = host === 'localhost' ? `port ${port}` : `port ${port} of ${host}`
  if (exitCode === SILENT) {
    throw new StillroomError('PORT_SILENT', `nothing answered at ${place} within ${timeout} s`, {
      hint: 'start what serves there, or wait longer: waitFor: [{ port, timeout }] of the task, in seconds',
      details: { host, port, timeout },
    })
  }
  const reason =
    exitCode === CANNOT_ASK
      ? 'the image has no bash and timeout, by which another host is asked'
      : `exit code ${exitCode}`
  throw new StillroomError('CONTAINER_FAILED', `cannot wait for ${place}: ${reason}`)
}

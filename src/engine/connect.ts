import { globalAgent } from 'node:http'
import type Docker from 'dockerode'
import { StillroomError } from '../error.ts'

/** Oldest engine whose BuildKit has the Dockerfile frontend 1.4 (`COPY --link`). */
export const OLDEST_ENGINE = '23.0.0'

export interface Engine {
  docker: Docker
  /** Of the engine, as it says. */
  version: string
  /** `containerd` when the engine keeps images in containerd's store: then `.Id` of an image is its manifest's digest. */
  store: 'containerd' | 'graph'
}

/**
 * Connects to the engine that DOCKER_HOST, or Docker's own default, names, and asks what it can do.
 *
 * @param socket path of another engine's socket
 * @throws {StillroomError} ENGINE_MISSING when nothing answers, ENGINE_TOO_OLD when its BuildKit lacks what a build needs
 */
export async function connectEngine(socket?: string): Promise<Engine> {
  const { default: Dockerode } = await import('dockerode')
  // there is no server name without TLS; Node works one out all the same, by a pattern that takes 4 ms to compile
  Object.assign((globalAgent as unknown as { options: object }).options, { servername: '' })
  const docker = socket === undefined ? new Dockerode() : new Dockerode({ socketPath: socket })
  const [version, info] = await Promise.all([docker.version(), docker.info()]).catch((cause: unknown) => {
    throw engineMissing(cause)
  })
  const { default: semver } = await import('semver')
  // distributions add their own marks: 20.10.24+dfsg1
  if (semver.lt(semver.coerce(version.Version) ?? '0.0.0', OLDEST_ENGINE)) {
    throw new StillroomError(
      'ENGINE_TOO_OLD',
      `the Docker Engine is ${version.Version}, expected ${OLDEST_ENGINE} or newer: its BuildKit lacks COPY --link`,
      {
        hint: 'upgrade Docker, or name another engine with DOCKER_HOST; on Debian as root, STILLROOM_ENGINE=private brings one',
      },
    )
  }
  const driver: [string, string][] = info.DriverStatus ?? []
  const containerd = driver.some(([key, value]) => key === 'driver-type' && value.includes('containerd'))
  return { docker, version: version.Version, store: containerd ? 'containerd' : 'graph' }
}

function engineMissing(cause: unknown): StillroomError {
  const host = process.env.DOCKER_HOST ?? "Docker's default socket"
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StillroomError('ENGINE_MISSING', `no Docker Engine answers at ${host}: ${reason}`, {
    hint: 'start Docker, or name an engine with DOCKER_HOST; `stillroom doctor` says what this machine lacks',
    cause,
  })
}

import { globalAgent } from 'node:http'
import type Docker from 'dockerode'
import { StillroomError } from '../error.ts'
import { defaultCacheDirectory } from '../store/cache-directory.ts'
import { findEngine } from './find-engine.ts'
import {
  type EngineSettings,
  engineEnvironment,
  isInDirectories,
  machineLacks,
  privateEngine,
  readText,
} from './private/private-engine.ts'
import { withUserLogins } from './private/user-logins.ts'

/** Oldest engine whose BuildKit has the Dockerfile frontend 1.4 (`COPY --link`). */
export const OLDEST_ENGINE = '23.0.0'

export interface Engine {
  docker: Docker
  /** What tells it from other engines, as it says. */
  id: string
  /** Of the engine, as it says. */
  version: string
  /** `containerd` when the engine keeps images in containerd's store: then `.Id` of an image is its manifest's digest. */
  store: 'containerd' | 'graph'
}

export interface ConnectOptions {
  /** Whether a private engine may be started when there is no other. */
  start?: boolean | undefined
  signal?: AbortSignal | undefined
  progress?: ((event: { kind: 'note'; text: string }) => void) | undefined
}

/**
 * Finds an engine ({@link findEngine}), starts a private one when there is no other, connects to it and asks what it can
 * do. From then on this process and those that it starts have the engine in their environment.
 *
 * @throws {StillroomError} ENGINE_MISSING when nothing answers, ENGINE_TOO_OLD when its BuildKit lacks what a build
 *   needs, ENGINE_FAILED when a private one doesn't start
 */
export async function connectEngine(options: ConnectOptions = {}): Promise<Engine> {
  const own: { answer?: Promise<Engine> } = {}
  const ownWorks = async () => {
    own.answer = connectTo()
    return own.answer.then(hasBuildx, () => false)
  }
  const choice = await findEngine({ env: process.env, read: readText, ownWorks })
  if (choice.kind === 'environment') return own.answer ?? connectTo()
  if (choice.kind === 'private') {
    await useEngine(choice.settings)
    return connectTo()
  }
  if (own.answer !== undefined && (options.start === false || (await machineLacks(process.env)).length > 0))
    return own.answer
  if (options.start === false)
    throw new StillroomError('ENGINE_MISSING', 'no private engine runs', {
      hint: 'start one: stillroom engine up',
    })
  const { startEngine } = await import('./private/start-engine.ts')
  const { progress, signal } = options
  const note = (text: string) =>
    progress ? progress({ kind: 'note', text }) : void process.stderr.write(`${text}\n`)
  const { settings } = await startEngine(privateEngine(defaultCacheDirectory(process.env)), { signal, note })
  await useEngine(settings)
  return connectTo()
}

/** Puts a private engine into the environment of this process. */
async function useEngine(settings: EngineSettings): Promise<void> {
  const own = await withUserLogins(settings, process.env)
  for (const [name, value] of Object.entries(engineEnvironment(own, process.env)))
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
}

/** Where the docker command looks for plugins; asked only when none is there, since starting it takes time. */
async function hasBuildx(): Promise<boolean> {
  const { DOCKER_CONFIG, HOME, PATH } = process.env
  const plugins = [
    `${DOCKER_CONFIG || `${HOME}/.docker`}/cli-plugins`,
    ...['lib', 'libexec']
      .flatMap((path) => [`/usr/local/${path}`, `/usr/${path}`])
      .map((path) => `${path}/docker/cli-plugins`),
  ]
  const [docker, ...found] = await Promise.all([
    isInDirectories('docker', (PATH ?? '').split(':')),
    isInDirectories('docker-buildx', plugins),
  ])
  if (!docker || found.includes(true)) return docker
  const { execa } = await import('execa')
  return !(await execa('docker', ['buildx', 'version'], { reject: false, stdin: 'ignore' })).failed
}

/**
 * Connects to an engine and asks what it can do.
 *
 * @param socket path of its socket; left out, what DOCKER_HOST names, or Docker's own default
 * @throws {StillroomError} ENGINE_MISSING when nothing answers, ENGINE_TOO_OLD when its BuildKit lacks what a build needs
 */
export async function connectTo(socket?: string): Promise<Engine> {
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
  return { docker, id: info.ID ?? '', version: version.Version, store: containerd ? 'containerd' : 'graph' }
}

function engineMissing(cause: unknown): StillroomError {
  const host = process.env.DOCKER_HOST ?? "Docker's default socket"
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StillroomError('ENGINE_MISSING', `no Docker Engine answers at ${host}: ${reason}`, {
    hint: 'start Docker, or name an engine with DOCKER_HOST; `stillroom doctor` says what this machine lacks',
    cause,
  })
}

import { setTimeout as delay } from 'node:timers/promises'
import { connectEngine, type Engine, OLDEST_ENGINE } from '../../engine/connect.ts'
import { findLeftovers } from '../../engine/leftovers.ts'
import { machineLacks } from '../../engine/private/private-engine.ts'
import { StillroomError } from '../../error.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { type Diagnostic, missing, ok, warning } from '../../report/doctor-table.ts'
import type { Environment } from '../ports.ts'
import { checkProgram, checkSpace } from './check-machine.ts'

/** The first buildx with `--progress=rawjson`. */
export const OLDEST_BUILDX = '0.13.0'
const ENGINE_TIMEOUT_MS = 10_000
/** In bytes, what a large recipe takes: its image and the layers it is made of. */
const ENGINE_SPACE = 8e9

/** The clients and the engine that builds need, and the private engine in their stead. */
export async function checkEngines({ env }: Environment): Promise<Diagnostic[]> {
  const host = await privateEngine(env)
  const connecting = within(ENGINE_TIMEOUT_MS, connectEngine({ start: false }))
  // a private engine that runs is in the environment then, with its clients
  await connecting.catch(() => {})
  const upgrade = 'install or upgrade the buildx plugin of docker'
  const found = await Promise.all([
    checkClient('docker', ['--version'], '20.10.0', host, 'install the docker command'),
    checkClient('docker', ['buildx', 'version'], OLDEST_BUILDX, host, upgrade),
    checkEngine(env, host, connecting),
  ])
  return [...found.flat(), host.diagnostic]
}

/** A client that the private engine brings is no obstacle. */
async function checkClient(
  program: string,
  args: string[],
  oldest: string,
  host: PrivateEngine,
  mend: string,
): Promise<Diagnostic> {
  const diagnostic = await checkProgram(program, args, oldest, mend)
  if (diagnostic.status !== 'missing' || !host.serves) return diagnostic
  return warning(diagnostic.what, diagnostic.found, 'nothing to do: the private engine brings its own')
}

interface PrivateEngine {
  /** Whether builds get it when nothing else answers. */
  serves: boolean
  diagnostic: Diagnostic
}

/** It needs Linux, root and apt, and serves only when DOCKER_HOST names no engine. */
async function privateEngine(env: Environment['env']): Promise<PrivateEngine> {
  const what = 'private engine'
  const lacks = await machineLacks(env)
  if (lacks.length > 0) {
    const found = `not possible (lacks ${lacks.join(', ')}), and needed only without another`
    return { serves: false, diagnostic: ok(what, found) }
  }
  const serves = !env.DOCKER_HOST && env.STILLROOM_ENGINE !== 'none'
  return { serves, diagnostic: ok(what, 'possible: stillroom engine up') }
}

async function checkEngine(
  env: Environment['env'],
  host: PrivateEngine,
  connecting: Promise<Engine>,
): Promise<Diagnostic[]> {
  try {
    const engine = await connecting
    const info = (await within(ENGINE_TIMEOUT_MS, engine.docker.info())) as EngineInfo
    const store = engine.store === 'containerd' ? 'containerd' : 'overlay2'
    const place = redactUrl(env.DOCKER_HOST ?? "Docker's default socket")
    const data = info.DockerRootDir ?? '/var/lib/docker'
    return [
      ok('Docker Engine', `${engine.version}, image store ${store}, at ${place}`),
      await checkSpace('engine disk', data, ENGINE_SPACE, 'stillroom prune'),
      await checkLeftovers(engine),
      checkGpus(info),
    ]
  } catch (error) {
    if (!(error instanceof StillroomError) && !(error instanceof TimeoutError)) throw error
    const nothing = 'nothing to do: a build starts a private one; or start your own'
    const mend = `start or install Docker ${OLDEST_ENGINE} or newer, or name an engine with DOCKER_HOST`
    if (host.serves) return [warning('Docker Engine', error.message, nothing)]
    return [missing('Docker Engine', error.message, mend)]
  }
}

interface EngineInfo {
  DockerRootDir?: string
  Runtimes?: Record<string, unknown>
  /** What CDI offers, from Docker 28.2 on. */
  DiscoveredDevices?: { ID: string }[] | null
}

/** Whether `--gpus` can work; a container that has none is no fault. */
function checkGpus({ Runtimes = {}, DiscoveredDevices }: EngineInfo): Diagnostic {
  const devices = (DiscoveredDevices ?? []).map(({ ID }) => ID).filter((id) => /gpu/.test(id))
  if (devices.length > 0) return ok('GPUs', devices.join(', '))
  if ('nvidia' in Runtimes) return ok('GPUs', 'the engine has the nvidia runtime')
  return ok('GPUs', 'the engine has none to give: --gpus needs NVIDIA Container Toolkit')
}

/** Containers that a killed run has left behind. */
async function checkLeftovers(engine: Engine): Promise<Diagnostic> {
  const what = 'leftovers'
  const ids = await findLeftovers(engine)
  if (ids.length === 0) return ok(what, 'none')
  const found = `${ids.length} containers of runs that are gone`
  return warning(what, found, `docker rm --force ${ids.join(' ')}`)
}

class TimeoutError extends Error {}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = delay(milliseconds, undefined, { ref: false }).then(() => {
    throw new TimeoutError(`no answer within ${milliseconds / 1000} s`)
  })
  return Promise.race([work, late])
}

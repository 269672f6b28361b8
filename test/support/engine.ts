import {
  engineEnvironment,
  privateEngine as locateEngine,
  machineLacks,
  runningEngine,
} from '../../src/engine/private/private-engine.ts'
import { startEngine as start } from '../../src/engine/private/start-engine.ts'
import { stopEngine } from '../../src/engine/private/stop-engine.ts'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'

/** Whether this machine can have private engines; if not, what it lacks. */
export async function canHaveEngines(): Promise<string | true> {
  const lacks = await machineLacks(process.env)
  return lacks.length === 0 || `this machine lacks ${lacks.join(', ')}`
}

/** A private engine with a name of its own. */
export interface PrivateEngine {
  /** Environment in which docker and stillroom use it. */
  env: Record<string, string>
  /** Its first process, of which dockerd is a child. */
  pid: () => Promise<number>
  /** Kills its daemon, as a crash would. */
  kill: () => Promise<void>
  /** Ends it and starts it again with what it has. */
  restart: () => Promise<void>
  /** Ends it, with all it holds. */
  purge: () => Promise<void>
}

/** @param vary in what it looks like another machine: see `startEngine` of stillroom */
export async function startEngine(
  name: string,
  store: 'overlay2' | 'containerd',
  vary?: string,
): Promise<PrivateEngine> {
  const engine = locateEngine(defaultCacheDirectory(process.env), name)
  const note = (text: string) => console.log(text)
  const { settings } = await start(engine, { store, note, ...(vary && { vary }) })
  const { DOCKER_HOST, DOCKER_CONFIG, PATH } = engineEnvironment(settings, process.env)
  const pid = async () => {
    const running = await runningEngine(engine)
    if (running === undefined) throw new Error(`engine ${name} does not run`)
    return running.pid
  }
  return {
    env: { DOCKER_HOST: String(DOCKER_HOST), DOCKER_CONFIG: String(DOCKER_CONFIG), PATH: String(PATH) },
    pid,
    kill: async () => void process.kill(await pid(), 'SIGKILL'),
    restart: async () => {
      await stopEngine(engine, { purge: false, note })
      await start(engine, { store, note })
    },
    purge: async () => void (await stopEngine(engine, { purge: true, note })),
  }
}

import { StillroomError } from '../error.ts'
import { defaultCacheDirectory } from '../store/cache-directory.ts'
import {
  type EngineSettings,
  privateEngine,
  type ReadText,
  runningSettings,
} from './private/private-engine.ts'

/** What finding an engine looks at. */
export interface EngineProbes {
  env: NodeJS.ProcessEnv
  read: ReadText
  /** Whether the engine that Docker uses by default, and the user's own clients, can build. */
  ownWorks: () => Promise<boolean>
}

export type EngineChoice =
  /** The one that the environment names, or Docker's default. */
  | { kind: 'environment' }
  /** A private one that runs. */
  | { kind: 'private'; settings: EngineSettings }
  /** A private one is to be started. */
  | { kind: 'start' }

/**
 * Finds an engine and starts none: the one that DOCKER_HOST names, a private one that runs, the user's own, or else a
 * private one that is to be started. STILLROOM_ENGINE narrows that: with `none` only the environment counts, with
 * `private` only private engines.
 *
 * @throws {StillroomError} ENGINE_MISSING when STILLROOM_ENGINE is something else
 */
export async function findEngine({ env, read, ownWorks }: EngineProbes): Promise<EngineChoice> {
  const wish = env.STILLROOM_ENGINE || undefined
  if (wish !== undefined && wish !== 'none' && wish !== 'private') {
    throw new StillroomError('ENGINE_MISSING', `STILLROOM_ENGINE is "${wish}"`, {
      hint: 'set it to private or none, or unset it',
    })
  }
  if (wish === 'none' || (wish === undefined && env.DOCKER_HOST)) return { kind: 'environment' }
  const settings = await runningSettings(privateEngine(defaultCacheDirectory(env)), read)
  if (settings !== undefined) return { kind: 'private', settings }
  return wish === undefined && (await ownWorks()) ? { kind: 'environment' } : { kind: 'start' }
}

import type { Cache, Fetching } from '../ports.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'

/** What is built, and the directory of its repository. */
type Inputs = Pick<LockedRecipe, 'locked' | 'context'> & { loaded: { directory: string } }

/**
 * Fetches what a build takes, and puts its context together, while an engine is started: on a machine that has none yet that takes as
 * long. What does not get done is left to the build, and so is all that goes wrong.
 */
export async function whileFetching<T>(
  session: Fetching & Cache,
  inputs: Inputs,
  start: () => Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const ports = { ...session, signal: AbortSignal.any([session.signal, stop.signal]) }
  const prepared = prepare(ports, inputs).catch(() => {})
  try {
    return await start()
  } finally {
    stop.abort()
    await prepared
  }
}

async function prepare(
  ports: Fetching & Cache,
  { locked, context, loaded: { directory } }: Inputs,
): Promise<void> {
  const [{ contextArtifacts }, { checkSpace }, { fetchInputs }, { stageContext }, { lockedPython }] =
    await Promise.all([
      import('../../dockerfile/context-artifacts.ts'),
      import('./check-space.ts'),
      import('./fetch-inputs.ts'),
      import('./stage-context.ts'),
      import('../audit/read-locked-contents.ts'),
    ])
  const artifacts = contextArtifacts(locked)
  // said again by the build
  const quiet = { ...ports, progress: () => {} }
  await checkSpace(quiet, locked, artifacts, { engine: undefined, noCache: false })
  await fetchInputs(quiet, artifacts, locked)
  await stageContext(quiet, context, artifacts, directory, locked.epoch, lockedPython(locked))
}

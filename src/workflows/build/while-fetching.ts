import type { Cache, Fetching } from '../ports.ts'
import type { ContextInputs } from './prepare-context.ts'

/**
 * Fetches what a build takes, and puts its context together, while an engine is started: on a machine that has none yet that takes as
 * long. What does not get done is left to the build, and so is all that goes wrong.
 */
export async function whileFetching<T>(
  session: Fetching & Cache,
  inputs: ContextInputs,
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

async function prepare(ports: Fetching & Cache, inputs: ContextInputs): Promise<void> {
  // an unchanged build needs none of them
  const [{ contextArtifacts }, { checkSpace }, { prepareContext }] = await Promise.all([
    import('../../dockerfile/context-artifacts.ts'),
    import('./check-space.ts'),
    import('./prepare-context.ts'),
  ])
  const { locked } = inputs
  // the build looks again, with the engine's disk, and says it
  const silent = { ...ports, progress: () => {} }
  await checkSpace(silent, locked, contextArtifacts(locked), { engine: undefined, noCache: false })
  const progress: Fetching['progress'] = (event) => event.kind === 'note' && ports.progress(event)
  await prepareContext({ ...ports, progress }, inputs)
}

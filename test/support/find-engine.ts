import { join } from 'node:path'
import { connectEngine } from '../../src/engine/connect.ts'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'
import { claimEngine } from './claim-engine.ts'
import { canHaveEngines, startEngine } from './engine.ts'
import { ownName } from './own-name.ts'

/**
 * Finds an engine once for all tests, or starts one: it is in their environment, and that of what they run. When another
 * run of the tests has that engine, this one gets an engine of its own.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const { docker } = await connectEngine()
  const { ID } = (await docker.info()) as { ID: string }
  const { isAlone, release } = await claimEngine(join(defaultCacheDirectory(process.env), 'tests', ID))
  if (isAlone) return release
  await release()
  const possible = await canHaveEngines()
  if (possible !== true)
    throw new Error(
      `another run of the tests has the Docker Engine, and ${possible}: wait until it has ended`,
    )
  const engine = await startEngine(ownName('tests'), 'overlay2')
  Object.assign(process.env, engine.env)
  return engine.purge
}

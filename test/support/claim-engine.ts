import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { livenessOf, newOwner } from '../../src/store/owner.ts'

export interface Claim {
  /** Whether no other run has the engine. */
  isAlone: boolean
  release(): Promise<void>
}

/**
 * Claims an engine for a run of the tests, whose tags others would take away. Each run notes itself before it looks for
 * others: of two that start at the same time neither is alone.
 *
 * @param directory of the claims to one engine
 */
export async function claimEngine(directory: string): Promise<Claim> {
  const own = newOwner()
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, own), '')
  const others = (await readdir(directory)).filter((name) => name !== own)
  const gone = others.filter((name) => livenessOf(name) === 'gone')
  for (const name of gone) await rm(join(directory, name), { force: true })
  return {
    isAlone: gone.length === others.length,
    release: () => rm(join(directory, own), { force: true }),
  }
}

import { rm } from 'node:fs/promises'
import pMap from 'p-map'
import { systemCode, unlessMissing } from '../../error.ts'
import { hashPath } from '../../store/disk.ts'
import type { Artifacts, Cache, Cancellation, Reporting } from '../ports.ts'
import { derivedFiles } from './placements.ts'
import { listOf, type StagedArtifact, type StagedContext } from './stage-context.ts'

/**
 * Hashes the artifacts of a build context. Where one is damaged, the context is forgotten with all that it had that from, which is then
 * fetched or made again.
 *
 * @returns whether each is what the lockfile names, or what was made of that
 */
export async function verifyContext(
  ports: Artifacts & Cache & Cancellation & Reporting,
  { directory, artifacts }: StagedContext,
): Promise<boolean> {
  const { store, signal, progress } = ports
  const damaged: StagedArtifact[] = []
  await pMap(
    artifacts,
    async (staged) => {
      signal.throwIfAborted()
      if ((await digestOf(staged.path)) !== staged.sha256) damaged.push(staged)
    },
    { concurrency: 2 },
  )
  if (damaged.length === 0) return true
  await rm(listOf(directory), { force: true })
  for (const { key } of damaged) if (key !== undefined) await derivedFiles(ports).discard(key)
  for (const { artifact } of damaged)
    if (!(await store.verify(artifact)))
      progress({ kind: 'note', text: `the store's copy of ${artifact.name} was damaged: fetched again` })
  return false
}

/** Undefined of what is gone, or cannot be read. */
async function digestOf(path: string): Promise<string | undefined> {
  const hashed = await hashPath(path).catch((error: unknown) =>
    systemCode(error) === 'EIO' ? undefined : unlessMissing(error),
  )
  return hashed?.sha256
}

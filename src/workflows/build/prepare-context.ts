import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { lockedPython } from '../audit/read-locked-contents.ts'
import type { Cache, Fetching } from '../ports.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'
import { fetchInputs } from './fetch-inputs.ts'
import { missingArtifacts } from './placements.ts'
import { type StagedContext, stageContext } from './stage-context.ts'

/** What a build context is made of; `directory` lies in the git repository that holds the project trees. */
export interface ContextInputs extends Pick<LockedRecipe, 'locked' | 'context'> {
  loaded: { directory: string }
}

/**
 * Fetches what the store lacks, says which of its copies were damaged, and puts the build context together. What is there already is
 * taken as it is: see `verifyContext`.
 *
 * @throws {StillroomError} those of fetching; DISK_FULL
 */
export async function prepareContext(
  ports: Fetching & Cache,
  { loaded: { directory }, locked, context }: ContextInputs,
): Promise<StagedContext> {
  const artifacts = contextArtifacts(locked)
  const files = await missingArtifacts(ports, artifacts)
  const { damaged } = await fetchInputs(ports, { files }, locked)
  for (const name of damaged)
    ports.progress({ kind: 'note', text: `the store's copy of ${name} was damaged: fetched again` })
  const verified = new Set(files.map(({ artifact }) => artifact.sha256))
  return stageContext(ports, context, artifacts, directory, locked.epoch, lockedPython(locked), verified)
}

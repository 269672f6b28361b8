import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { lockedPython } from '../audit/read-locked-contents.ts'
import type { Cache, Fetching } from '../ports.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'
import { fetchInputs } from './fetch-inputs.ts'
import { stageContext } from './stage-context.ts'

/** What a build context is made of; `directory` lies in the git repository that holds the project trees. */
export interface ContextInputs extends Pick<LockedRecipe, 'locked' | 'context'> {
  loaded: { directory: string }
}

/**
 * Fetches what the store lacks, says which of its copies were damaged, and puts the build context together.
 *
 * @returns the context's directory
 * @throws {StillroomError} those of fetching; DISK_FULL
 */
export async function prepareContext(
  ports: Fetching & Cache,
  { loaded: { directory }, locked, context }: ContextInputs,
): Promise<string> {
  const artifacts = contextArtifacts(locked)
  const { damaged } = await fetchInputs(ports, artifacts, locked)
  for (const name of damaged)
    ports.progress({ kind: 'note', text: `the store's copy of ${name} was damaged: fetched again` })
  return stageContext(ports, context, artifacts, directory, locked.epoch, lockedPython(locked))
}

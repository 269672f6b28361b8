import pMap from 'p-map'
import { pythonArtifact } from '../../dockerfile/context-artifacts.ts'
import { bareUrl } from '../../net/redact-url.ts'
import { renderPylock } from '../../report/pylock.ts'
import { locateInputs } from '../build/fetch-inputs.ts'
import type { Cache, Fetching, Repository } from '../ports.ts'
import { loadRecipe } from '../project/load-recipe.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'

export interface PylockReport {
  recipe: string
  /** The text of a pylock.toml. */
  pylock: string
}

/**
 * Writes the Python packages of a recipe's lock as a `pylock.toml`, with addresses on this machine's indexes.
 *
 * @throws {StillroomError} RECIPE_*, LOCK_*; FETCH_FAILED, INDEX_INVALID when an index cannot be read
 */
export async function listPylock(
  session: Repository & Cache & Fetching,
  name: string,
): Promise<PylockReport> {
  const lock = await requireLock(session.directory, name)
  const { recipe } = await loadRecipe(session.directory, name)
  const locked = lockedPlatform(lock, recipe)
  const files = locked.steps.flatMap((step) => (step.kind === 'pip' ? step.files : []))
  const locate = locateInputs(session, await session.sources(), locked)
  const found = await pMap(
    files,
    async (file) => {
      if (file.url !== undefined) return [[file.sha256, file.url] as const]
      const urls = await locate(pythonArtifact(file))
      const url = urls.find(({ local, sha256 }) => !local && (sha256 ?? file.sha256) === file.sha256)?.url
      return url === undefined ? [] : [[file.sha256, bareUrl(url)] as const]
    },
    { concurrency: 8, signal: session.signal },
  )
  return { recipe: name, pylock: renderPylock(locked, new Map(found.flat()), name) }
}

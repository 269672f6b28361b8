import { StillroomError } from '../../error.ts'
import type { InputChange } from '../../lock/compare-inputs.ts'
import { compareLock, requireFresh } from '../../lock/compare-lock.ts'
import type { StaleRecipe } from '../../report/pull-request-comment.ts'
import { staleLines } from '../../report/split-field.ts'
import type { Repository } from '../ports.ts'
import {
  compareGenerated,
  type GeneratedChange,
  renderGenerated,
  writeGenerated,
} from '../project/generated.ts'
import type { ImportRecipe } from '../project/import-recipe.ts'
import { listRecipes } from '../project/list-recipes.ts'
import { loadInputs } from '../project/load-inputs.ts'
import { lockedPlatform, readLock, requireLock } from '../project/lock-file.ts'

export interface LockCheck {
  recipe: string
  stale: boolean
  changes: InputChange[]
}

/** Says whether, and why, the lock of a recipe is stale; writes nothing. */
export async function checkLock(ports: Repository, name: string): Promise<LockCheck> {
  const { inputs } = await loadInputs(ports, name)
  const changes = compareLock(await readLock(ports.directory, name), inputs)
  return { recipe: name, stale: changes.length > 0, changes }
}

/** Writes the build context of a recipe, or with `check` only says what in it differs. */
export async function generateRecipe(
  ports: Repository,
  name: string,
  { check }: { check: boolean },
): Promise<{ changes: GeneratedChange[] }> {
  const { directory } = ports
  const { recipe, inputs } = await loadInputs(ports, name)
  const lock = await requireLock(directory, name)
  requireFresh(lock, inputs)
  const files = await renderGenerated(name, recipe, lockedPlatform(lock, recipe))
  return { changes: await (check ? compareGenerated : writeGenerated)(directory, name, files) }
}

/**
 * Every recipe whose lock or build context is not what the recipe gives; a recipe that cannot be read is one, too.
 *
 * @param importFile how recipes are imported
 */
export async function findStale(ports: Repository, importFile?: ImportRecipe): Promise<StaleRecipe[]> {
  const stale: StaleRecipe[] = []
  for (const recipe of await listRecipes(ports.directory)) {
    const found = await staleReasons(ports, recipe, importFile).catch((error: unknown) => {
      if (!(error instanceof StillroomError) || ports.signal.aborted) throw error
      return { reasons: [`${error.code}: ${error.message}`], mend: error.hint ?? 'see the error' }
    })
    if (found) stale.push({ recipe, ...found })
  }
  return stale
}

async function staleReasons(
  ports: Repository,
  name: string,
  importFile: ImportRecipe | undefined,
): Promise<Omit<StaleRecipe, 'recipe'> | undefined> {
  const { recipe, inputs } = await loadInputs(ports, name, importFile)
  const lock = await readLock(ports.directory, name)
  const changes = compareLock(lock, inputs)
  if (lock === undefined || changes.length > 0)
    return { reasons: staleLines(changes), mend: `stillroom lock recipe ${name}` }
  const context = await renderGenerated(name, recipe, lockedPlatform(lock, recipe))
  const generated = await compareGenerated(ports.directory, name, context)
  if (generated.length === 0) return undefined
  const reasons = generated.map(({ path, change }) => `${change}: generated/${name}/${path}`)
  return { reasons, mend: `stillroom generate recipe ${name}` }
}

import { StillroomError } from '../../error.ts'
import type { StaleRecipe } from '../../report/pull-request-comment.ts'
import { staleLines } from '../../report/split-field.ts'
import type { Cancellation, Project } from '../ports.ts'
import { listRecipes } from '../project/list-recipes.ts'
import { generateRecipe } from './generate-recipe.ts'
import { checkLock } from './lock-recipe.ts'

/** Every recipe whose lock or build context is not what the recipe gives; a recipe that cannot be read is one, too. */
export async function findStale(ports: Project & Cancellation): Promise<StaleRecipe[]> {
  const stale: StaleRecipe[] = []
  for (const recipe of await listRecipes(ports.directory)) {
    const found = await staleReasons(ports, recipe)
    if (found) stale.push({ recipe, ...found })
  }
  return stale
}

async function staleReasons(
  ports: Project & Cancellation,
  recipe: string,
): Promise<Omit<StaleRecipe, 'recipe'> | undefined> {
  try {
    const { changes } = await checkLock(ports.directory, recipe)
    if (changes.length > 0) {
      return { reasons: staleLines(changes), mend: `stillroom lock recipe ${recipe}` }
    }
    const generated = await generateRecipe(ports.directory, recipe, { check: true })
    if (generated.changes.length === 0) return undefined
    const reasons = generated.changes.map(({ path, change }) => `${change}: generated/${recipe}/${path}`)
    return { reasons, mend: `stillroom generate recipe ${recipe}` }
  } catch (error) {
    if (!(error instanceof StillroomError) || ports.signal.aborted) throw error
    return { reasons: [`${error.code}: ${error.message}`], mend: error.hint ?? 'see the error' }
  }
}

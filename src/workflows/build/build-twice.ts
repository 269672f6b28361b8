import type { BuildReport } from '../../report/build-report.ts'
import { VARIATIONS, type VerifyReport } from '../../verify/verify-report.ts'
import type { Session } from '../session.ts'
import { verifyRecipe } from '../verify/verify-recipe.ts'
import type { BuildRecipeOptions } from './build-and-compare.ts'
import { buildRecipe } from './build-recipe.ts'

/**
 * Builds a recipe, and what is new a second time at once: without cache and, where a private engine can be had, on what
 * looks like another machine. An image that the lockfile named before was built twice already.
 *
 * @throws {StillroomError} as {@link buildRecipe}; what goes wrong with the second build is in its report
 */
export async function buildTwice(
  session: Session,
  name: string,
  options: BuildRecipeOptions,
): Promise<BuildReport> {
  const first = await buildRecipe(session, name, options)
  return first.verdict === 'recorded' ? { ...first, second: await buildAgain(session, name, options) } : first
}

async function buildAgain(
  session: Session,
  name: string,
  { builder }: BuildRecipeOptions,
): Promise<VerifyReport> {
  const how = { keep: false, builder }
  if (builder !== undefined) return verifyRecipe(session, name, { ...how, vary: [] })
  const varied = await verifyRecipe(session, name, { ...how, vary: VARIATIONS })
  if (varied.problem?.code !== 'ENGINE_MISSING') return varied
  session.progress({
    kind: 'note',
    text: `built again on this machine, as another can't be had: ${varied.problem.message}`,
  })
  return verifyRecipe(session, name, { ...how, vary: [] })
}

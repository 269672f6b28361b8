import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError, unlessMissing } from '../../error.ts'
import { RECIPE_NAME } from '../project/list-recipes.ts'

/**
 * The directory of a recipe that is to be written: what is there stays.
 *
 * @param again the command line with another name
 * @throws {StillroomError} USAGE for a name that no recipe may have, RECIPE_EXISTS
 */
export async function newRecipePlace(directory: string, name: string, again: string): Promise<string> {
  if (!RECIPE_NAME.test(name))
    throw new StillroomError(
      'USAGE',
      `"${name}" is no name of a recipe: lower-case letters, digits and single dashes`,
      { hint: again },
    )
  const place = join(directory, 'recipes', name)
  if ((await lstat(place).catch(unlessMissing)) !== undefined)
    throw new StillroomError('RECIPE_EXISTS', `there is a recipe "${name}" already: recipes/${name}`, {
      hint: `give another name: ${again}`,
    })
  return place
}

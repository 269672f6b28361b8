import { StillroomError } from '../error.ts'

/**
 * The recipes that a command line names: one or more, or all of the project.
 *
 * @throws {StillroomError} USAGE, RECIPE_NOT_FOUND
 */
export async function recipeNames(directory: string, names: string[], all: boolean): Promise<string[]> {
  if (all === names.length > 0) {
    throw new StillroomError('USAGE', all ? '--all takes no names' : 'a recipe is missing', {
      hint: 'name recipes, or give --all',
    })
  }
  if (!all) return names
  const { listRecipes } = await import('../workflows/project/list-recipes.ts')
  const found = await listRecipes(directory)
  if (found.length > 0) return found
  throw new StillroomError('RECIPE_NOT_FOUND', `there is no recipe in ${directory}`, {
    hint: 'a recipe is a file recipes/NAME/recipe.ts',
  })
}

import { join, relative } from 'node:path'
import { StillroomError } from '../../error.ts'
import { describeIssues, formatIssues, type Issue, quoteValue } from '../../formats/json/describe-issues.ts'
import { checkRecipe } from '../../recipe/check-recipe.ts'
import { nearestName } from '../../recipe/nearest-name.ts'
import { Recipe } from '../../recipe/schema.ts'
import { type ImportRecipe, importRecipe } from './import-recipe.ts'
import { listRecipes, RECIPE_NAME } from './list-recipes.ts'

export interface LoadedRecipe {
  name: string
  /** `recipes/NAME`, absolute when the project's directory is. */
  directory: string
  recipe: Recipe
}

/**
 * Reads `recipes/NAME/recipe.ts` by Node's own import, which strips its types without checking them: a value of a
 * wrong type is found here, at run time, with its path and the reason. The recipe's code is run.
 * A recipe that was changed since this process first loaded it is not read again.
 *
 * @param importFile another way to get what the file exports, such as that of `importForeignRecipes`
 * @throws {StillroomError} RECIPE_NOT_FOUND; RECIPE_SYNTAX when the file can't be parsed or throws, with its line and
 *   column; RECIPE_INVALID with everything that is wrong in the recipe
 */
export async function loadRecipe(
  projectDirectory: string,
  name: string,
  importFile: ImportRecipe = importRecipe,
): Promise<LoadedRecipe> {
  const names = RECIPE_NAME.test(name) ? await listRecipes(projectDirectory) : []
  if (!names.includes(name)) throw await notFound(projectDirectory, name)
  const directory = join(projectDirectory, 'recipes', name)
  const file = join(directory, 'recipe.ts')
  const shownPath = relative(projectDirectory, file)
  const exported = await importFile(file, shownPath)
  return { name, directory, recipe: parseRecipe(exported, shownPath) }
}

/**
 * Checks what a recipe's module exports and fills in the defaults.
 *
 * @throws {StillroomError} RECIPE_INVALID with every issue
 */
export function parseRecipe(exported: unknown, path: string): Recipe {
  const result = Recipe.safeParse(exported)
  const hidden = hiddenKeys(exported)
  if (!result.success) throw invalid(path, [...describeIssues(result.error.issues, exported), ...hidden])
  const issues = [...hidden, ...checkRecipe(result.data)]
  if (issues.length > 0) throw invalid(path, issues)
  return result.data
}

async function notFound(projectDirectory: string, name: string): Promise<StillroomError> {
  const names = await listRecipes(projectDirectory)
  const nearest = nearestName(name, names)
  const reason = RECIPE_NAME.test(name)
    ? ''
    : ': a name is made of lower-case letters, digits and single dashes'
  const known =
    names.length > 0 ? `Recipes here: ${names.join(', ')}` : 'There is no recipes/NAME/recipe.ts here'
  return new StillroomError('RECIPE_NOT_FOUND', `There is no recipe ${quoteValue(name)}${reason}`, {
    hint: nearest === undefined ? known : `Did you mean "${nearest}"? ${known}`,
    details: { name, recipes: names },
  })
}

/** Zod drops a key named `__proto__` without a word; it is a legal name of a shell variable. */
function hiddenKeys(value: unknown, path = ''): Issue[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => {
    const place = `${path}[${JSON.stringify(key)}]`
    return key === '__proto__'
      ? [{ path: place, reason: 'is not a possible name' }]
      : path.length > 200
        ? []
        : hiddenKeys(item, place)
  })
}

function invalid(path: string, issues: Issue[]): StillroomError {
  return new StillroomError('RECIPE_INVALID', `${path}: the recipe is not valid:\n${formatIssues(issues)}`, {
    details: { path, issues },
  })
}

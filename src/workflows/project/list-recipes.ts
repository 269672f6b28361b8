import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from '../../error.ts'

/** What names a recipe: the directory below `recipes/`, part of the image's name. */
export const RECIPE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** The names of a project's recipes, sorted: each directory `recipes/NAME` with a `recipe.ts` in it. */
export async function listRecipes(projectDirectory: string): Promise<string[]> {
  const directory = join(projectDirectory, 'recipes')
  const names = (await readdir(directory).catch(unlessMissing)) ?? []
  const found = await Promise.all(names.map((name) => isFile(join(directory, name, 'recipe.ts'))))
  return names.filter((name, i) => RECIPE_NAME.test(name) && found[i]).sort()
}

async function isFile(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined)
  return status?.isFile() ?? false
}

import { listRecipes } from './list-recipes.ts'
import { loadRecipe } from './load-recipe.ts'
import { readLock } from './lock-file.ts'

/** The names of a project that a command line may have: recipes, their tasks, and packages of their locks. */
export function projectNames(directory: string) {
  return {
    recipes: () => listRecipes(directory),
    tasks: async (name: string) => Object.keys((await loadRecipe(directory, name)).recipe.tasks),
    packages: async (name: string) => {
      const lock = await readLock(directory, name)
      return Object.values(lock?.platforms ?? {}).flatMap(({ steps }) =>
        steps.flatMap((step) =>
          step.kind === 'apt'
            ? step.packages.map((entry) => `apt:${entry.name}`)
            : step.kind === 'pip'
              ? step.files.map((entry) => `pip:${entry.name}`)
              : [],
        ),
      )
    },
  }
}

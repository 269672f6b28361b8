export type { FileOptions, GitOptions, PipOptions } from './recipe/define-recipe.ts'
export { apt, debian, defineRecipe, file, git, image, pip, project, run } from './recipe/define-recipe.ts'
export type { RecipeInput } from './recipe/schema.ts'

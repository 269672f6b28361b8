export { apt, debian, defineRecipe, pip, project, run } from './recipe/define-recipe.ts'
export type { RecipeInput } from './recipe/schema.ts'

export type {
  AptArchiveOptions,
  DebianOptions,
  FileOptions,
  GitOptions,
  IndexedRequirement,
  PipOptions,
  RequirementsFile,
} from './recipe/define-recipe.ts'
export {
  apt,
  aptArchive,
  copy,
  debian,
  defineRecipe,
  file,
  git,
  image,
  pip,
  project,
  recipe,
  requirementsFile,
  run,
} from './recipe/define-recipe.ts'
export type { RecipeInput } from './recipe/schema.ts'

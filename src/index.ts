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
  debian,
  defineRecipe,
  file,
  git,
  image,
  pip,
  project,
  requirementsFile,
  run,
} from './recipe/define-recipe.ts'
export type { RecipeInput } from './recipe/schema.ts'

import { lockInputs } from '../../lock/lock-inputs.ts'
import type { LockedProject, LockInputs } from '../../lock/schema.ts'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { resolveProject } from '../../resolve/project/resolve-project.ts'
import type { Repository } from '../ports.ts'
import { programsChecksum } from './generated.ts'
import { type LoadedRecipe, loadRecipe } from './load-recipe.ts'

export interface RecipeInputs extends LoadedRecipe {
  /** What a lock of it must have been made from. */
  inputs: LockInputs
  /** Pins of its projects as they are committed now, by step. */
  projects: Map<number, LockedProject>
}

/**
 * Loads a recipe and what lies beside it.
 *
 * @throws {StillroomError} RECIPE_*; PROJECT_DIRTY when a project differs from what is committed
 */
export async function loadInputs(ports: Repository, name: string): Promise<RecipeInputs> {
  const loaded = await loadRecipe(ports.directory, name)
  const git = gitRunner(ports)
  const projects = new Map<number, LockedProject>()
  for (const [index, step] of loaded.recipe.steps.entries()) {
    if (step.kind === 'project') projects.set(index, await resolveProject(git, loaded.directory, step.path))
  }
  const trees: Record<string, string> = {}
  for (const [index, step] of loaded.recipe.steps.entries()) {
    const project = projects.get(index)
    if (step.kind === 'project' && project) trees[step.path] = project.tree
  }
  return {
    ...loaded,
    projects,
    inputs: lockInputs(loaded.recipe, trees, await programsChecksum(loaded.recipe)),
  }
}

import { posix } from 'node:path'
import type { CopyStep, FileStep, GitStep, ProjectStep, Recipe } from '../recipe/schema.ts'

/** A directory that an image must have, and the numeric id of its owner and group. */
export interface OwnedDirectory {
  owner: number
  path: string
}

/** A recipe, with the account of its base's user where it makes none itself. */
type Owned = Recipe & { account?: { uid: number; home: string } | undefined }

/** Directories of a recipe's own that must be there before its steps run, parents first. */
export function ownedDirectories(recipe: Owned): OwnedDirectory[] {
  const { user, workdir, shared, volumes } = recipe
  return withParents(recipe, [user?.home, workdir, shared, ...volumes])
}

/** The directory that a step's files are placed in, with parents first. */
export function placedDirectories(
  recipe: Owned,
  step: ProjectStep | GitStep | FileStep | CopyStep,
): OwnedDirectory[] {
  // what is copied brings its own directory
  const isFile = step.kind === 'copy' || (step.kind === 'file' && !step.unpack)
  return withParents(recipe, [isFile ? posix.dirname(step.to) : step.to])
}

/** Numeric id of the account that a project's files belong to. */
export function projectOwner({ user, account }: Owned): number {
  return user?.uid ?? account?.uid ?? 0
}

/** What lies between a user's home and a directory below it is the user's; what lies above others is root's. */
function withParents(recipe: Owned, directories: (string | undefined)[]): OwnedDirectory[] {
  const home = recipe.user?.home ?? recipe.account?.home
  const paths = new Set<string>()
  for (const directory of directories) {
    if (directory === undefined || directory === '/') continue
    paths.add(directory)
    if (home === undefined || !directory.startsWith(`${home}/`)) continue
    for (let end = home.length; end > 0; end = directory.indexOf('/', end + 1))
      paths.add(directory.slice(0, end))
  }
  return [...paths].sort().map((path) => ({ owner: projectOwner(recipe), path }))
}

import type { AptStep, DebianBase, PipStep, ProjectStep, RecipeInput, RunStep, Suite } from './schema.ts'

/**
 * Gives an author's recipe its type; what is wrong in it is reported when stillroom loads it.
 *
 * @example
 * ```ts
 * import { apt, debian, defineRecipe, pip } from 'stillroom'
 *
 * export default defineRecipe({
 *   base: debian('bookworm'),
 *   steps: [apt(['python3', 'python3-pip']), pip(['six==1.16.0'])],
 *   checks: [{ name: 'six', command: ['python3', '-c', 'import six'] }],
 * })
 * ```
 */
export function defineRecipe(recipe: RecipeInput): RecipeInput {
  return recipe
}

/** A base of Debian's essential packages and apt, made from the archive's signed index without any registry. */
export function debian(suite: Suite): DebianBase {
  return { kind: 'debian', suite }
}

/**
 * Debian packages with all they depend on, resolved by the image's own apt.
 * Each is a name, or `name=version` for one exact version. Recommended packages are left out unless asked for.
 */
export function apt(packages: string[], options: { recommends?: boolean } = {}): AptStep {
  return { kind: 'apt', packages, recommends: options.recommends ?? false }
}

/**
 * Python packages with all they require, resolved by the image's own pip.
 * Only wheels, unless `sdists` names a project that may be built from its source distribution and what
 * builds it: `{ gym: ['setuptools==59.6.0', 'wheel==0.37.1'] }`; an empty list builds with what is installed.
 */
export function pip(requirements: string[], options: { sdists?: Record<string, string[]> } = {}): PipStep {
  return { kind: 'pip', requirements, sdists: options.sdists ?? {} }
}

/** A directory beside the recipe, pinned by commit and tree of the repository it lies in; owned by the recipe's user. */
export function project(path: string, options: { to: string }): ProjectStep {
  return { kind: 'project', path, to: options.to }
}

/** A command without network: a list is one program with its arguments, a string is a script for `/bin/sh -eu`. */
export function run(command: string | string[]): RunStep {
  return { kind: 'run', command }
}

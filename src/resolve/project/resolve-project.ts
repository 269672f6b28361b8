import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../error.ts'
import type { LockedProject } from '../../lock/schema.ts'
import { git } from './git.ts'

/**
 * Pins a directory beside a recipe by the commit that last changed it and its tree.
 *
 * @param recipeDirectory the recipe's directory, inside a git work tree
 * @throws {StillroomError} PROJECT_NOT_FOUND when there is no such directory in git, PROJECT_DIRTY when files in it
 *   differ from the last commit: the image would not contain what the author sees
 */
export async function resolveProject(recipeDirectory: string, path: string): Promise<LockedProject> {
  const directory = join(recipeDirectory, path)
  const isDirectory = await stat(directory).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
  if (!isDirectory) {
    throw new StillroomError(
      'PROJECT_NOT_FOUND',
      `project "${path}" is no directory beside the recipe: ${directory}`,
      {
        hint: 'make the directory and commit it, or correct project(...) in the recipe',
      },
    )
  }
  const [changes, commit, tree] = await Promise.all([
    git(directory, ['status', '--porcelain', '--untracked-files=all', '--', '.']),
    git(directory, ['log', '-1', '--format=%H', '--', '.']),
    git(directory, ['rev-parse', '--verify', 'HEAD:./']),
  ])
  if (changes === undefined) {
    throw new StillroomError(
      'PROJECT_NOT_FOUND',
      `project "${path}" is not in a git repository: ${directory}`,
      {
        hint: 'a project is pinned by its git tree: run git init, add and commit',
      },
    )
  }
  if (changes !== '') {
    const files = changes.split('\n')
    const more = files.length > 10 ? `\n  and ${files.length - 10} more` : ''
    throw new StillroomError(
      'PROJECT_DIRTY',
      `project "${path}" has uncommitted changes:\n  ${files.slice(0, 10).join('\n  ')}${more}`,
      { hint: 'commit them (or stash them): the image holds what git holds', details: { files } },
    )
  }
  if (!commit || !tree) {
    throw new StillroomError('PROJECT_NOT_FOUND', `project "${path}" is not committed: ${directory}`, {
      hint: 'run git add and git commit on it',
    })
  }
  return { kind: 'project', commit, tree }
}

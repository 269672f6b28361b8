import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../error.ts'
import { GITLINK } from '../../formats/git/git-object.ts'
import { paxHeader } from '../../formats/tar/write-tar.ts'
import type { LockedProject } from '../../lock/schema.ts'
import { archiveSnapshot } from '../git/archive-snapshot.ts'
import { ObjectReader } from '../git/object-reader.ts'
import { askGit, type GitRunner, ownershipHint } from '../git/run-git.ts'
import { readLeaves } from '../git/snapshot.ts'

/**
 * Pins a directory beside a recipe by the commit that last changed it and its tree.
 *
 * @param recipeDirectory the recipe's directory, inside a git work tree
 * @throws {StillroomError} PROJECT_NOT_FOUND when there is no such directory in git, PROJECT_DIRTY when files in it
 *   differ from the last commit: the image would not contain what the author sees
 */
export async function resolveProject(
  git: GitRunner,
  recipeDirectory: string,
  path: string,
): Promise<LockedProject> {
  const directory = join(recipeDirectory, path)
  const entry = await stat(directory).catch(() => undefined)
  if (!entry?.isDirectory()) {
    throw new StillroomError(
      'PROJECT_NOT_FOUND',
      `project "${path}" is not a directory beside the recipe: ${directory}`,
      { hint: 'make the directory and commit it, or correct project(...) in the recipe' },
    )
  }
  const ask = (...args: string[]) => askGit(git, ['-C', directory, ...args])
  const [changes, commit, tree] = await Promise.all([
    ask('status', '--porcelain', '--untracked-files=all', '--', '.'),
    ask('log', '-1', '--no-show-signature', '--format=%H', '--', '.'),
    ask('rev-parse', '--verify', 'HEAD:./'),
  ])
  if (typeof changes !== 'string') {
    const known = !/not a git repository/.test(changes.said)
    throw new StillroomError(
      'PROJECT_NOT_FOUND',
      known
        ? `git cannot read the repository of project "${path}": ${changes.said}`
        : `project "${path}" is not in a git repository: ${directory}`,
      {
        hint: known
          ? ownershipHint(changes.said)
          : 'a project is pinned by its git tree: run git init, add and commit',
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
  if (typeof commit !== 'string' || typeof tree !== 'string' || commit === '' || tree === '') {
    throw new StillroomError('PROJECT_NOT_FOUND', `project "${path}" is not committed: ${directory}`, {
      hint: 'run git add and git commit on it',
    })
  }
  return { kind: 'project', commit, tree }
}

/**
 * Passes when the commit that a project is pinned by is the one that last changed it: at the edge of a shallow clone any
 * commit seems to have brought all that there is.
 *
 * @throws {StillroomError} PROJECT_TREE_GONE with the command that fetches the rest
 */
export async function requireHistory(
  git: GitRunner,
  recipeDirectory: string,
  path: string,
  { commit }: LockedProject,
): Promise<void> {
  const directory = join(recipeDirectory, path)
  const args = ['-C', directory, 'rev-parse', '--path-format=absolute', '--git-path', 'shallow']
  const file = await askGit(git, args)
  const edge = typeof file === 'string' ? await readFile(file, 'utf8').catch(() => '') : ''
  if (!edge.split('\n').includes(commit)) return
  throw new StillroomError(
    'PROJECT_TREE_GONE',
    `cannot tell which commit last changed project "${path}": this clone is shallow, and its history ends at ${commit}`,
    { hint: `fetch the rest of it: git -C '${directory}' fetch --unshallow`, details: { directory, commit } },
  )
}

/**
 * A tar of a project's tree, the same bytes for the same tree on every machine: entries in git's order, owner 0, no
 * attributes or filters applied.
 *
 * @param directory any directory of the repository
 * @param epoch time of every entry, in seconds
 * @throws {StillroomError} PROJECT_TREE_GONE when the repository does not have the tree; PROJECT_NOT_FOUND when it
 *   holds a submodule; GIT_OBJECT_INVALID
 */
export async function* archiveProject(
  git: GitRunner,
  directory: string,
  tree: string,
  epoch: number,
): AsyncGenerator<Buffer> {
  const found = await askGit(git, ['-C', directory, 'cat-file', '-e', `${tree}^{tree}`])
  if (typeof found !== 'string') {
    throw new StillroomError(
      'PROJECT_TREE_GONE',
      `this repository does not have the locked tree ${tree}: ${found.said}`,
      {
        hint:
          ownershipHint(found.said) ??
          'fetch the history it is in (git fetch --unshallow), or lock again: stillroom lock recipe NAME',
        details: { tree, directory },
      },
    )
  }
  using reader = new ObjectReader(directory, git)
  const leaves = await readLeaves(reader, tree, directory)
  const submodule = leaves.find(({ mode }) => mode === GITLINK)
  if (submodule) {
    throw new StillroomError(
      'PROJECT_NOT_FOUND',
      `project tree ${tree} holds a submodule at "${Buffer.from(submodule.path, 'latin1')}", which is not supported`,
      { hint: 'vendor its files, or take it out of the project' },
    )
  }
  const source = { url: directory, tree, reader, leaves, lfs: new Map(), submodules: new Map() }
  yield* archiveSnapshot(source, (member) => paxHeader(member, epoch))
}

import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../error.ts'
import { DIRECTORY, GITLINK, type Leaf, parseTree, treeId } from '../../formats/git/git-object.ts'
import { paxHeader } from '../../formats/tar/write-tar.ts'
import { compareCodeUnits } from '../../lock/canonical-json.ts'
import type { LockedProject } from '../../lock/schema.ts'
import type { ProjectStep } from '../../recipe/schema.ts'
import { archiveSnapshot } from '../git/archive-snapshot.ts'
import { ObjectReader } from '../git/object-reader.ts'
import { askGit, type GitRunner, ownershipHint } from '../git/run-git.ts'
import { readLeaves } from '../git/snapshot.ts'

/**
 * Pins a directory of the recipe's repository by the commit that last changed it and its tree, or the tree of what remains of it.
 *
 * @param recipeDirectory the recipe's directory, inside a git work tree
 * @throws {StillroomError} PROJECT_NOT_FOUND when there is no such directory in this repository, or nothing of it is committed, or it
 *   holds the recipe; PROJECT_DIRTY when files in it differ from the last commit: the image would not contain what the author sees
 */
export async function resolveProject(
  git: GitRunner,
  recipeDirectory: string,
  { path, exclude = [] }: Pick<ProjectStep, 'path' | 'exclude'>,
): Promise<LockedProject> {
  const directory = join(recipeDirectory, path)
  const entry = await stat(directory).catch(() => undefined)
  if (!entry?.isDirectory())
    throw notFound(
      `project "${path}" is not a directory: ${directory}`,
      'make the directory and commit it, or correct project(...) in the recipe',
    )
  const ask = (...args: string[]) => askGit(git, ['-C', directory, ...args])
  const taken = ['--', '.', ...exclude.map((one) => `:(exclude,literal)${one}`)]
  const [changes, commit, whole, place, recipePlace] = await Promise.all([
    ask('status', '--porcelain', '--untracked-files=all', ...taken),
    ask('log', '-1', '--no-show-signature', '--format=%H', ...taken),
    ask('rev-parse', '--verify', 'HEAD:./'),
    findPlace(git, directory),
    findPlace(git, recipeDirectory),
  ])
  if (typeof changes !== 'string') {
    const known = !/not a git repository/.test(changes.said)
    throw known
      ? notFound(
          `git cannot read the repository of project "${path}": ${changes.said}`,
          ownershipHint(changes.said),
        )
      : notFound(
          `project "${path}" is not in a git repository: ${directory}`,
          'a project is pinned by its git tree: run git init, add and commit',
        )
  }
  const below = place && recipeBelow(path, place, recipePlace)
  if (below !== undefined && !exclude.some((one) => isWithin(below, one)))
    throw holdsRecipe(path, directory, below, exclude)
  if (changes !== '') {
    const files = changes.split('\n')
    const more = files.length > 10 ? `\n  and ${files.length - 10} more` : ''
    throw new StillroomError(
      'PROJECT_DIRTY',
      `project "${path}" has uncommitted changes:\n  ${files.slice(0, 10).join('\n  ')}${more}`,
      { hint: 'commit them (or stash them): the image holds what git holds', details: { files } },
    )
  }
  if (commit === '' || typeof commit !== 'string' || typeof whole !== 'string' || place === undefined)
    throw notFound(`project "${path}" is not committed: ${directory}`, 'run git add and git commit on it')
  if (exclude.length === 0) return { kind: 'project', commit, tree: whole }
  using reader = new ObjectReader(directory, git)
  const leaves = remaining(await readLeaves(reader, whole, directory), exclude)
  const part = { directory: place.prefix.replace(/\/$/, ''), exclude: exclude.toSorted(compareCodeUnits) }
  return { kind: 'project', commit, tree: treeId(leaves, whole), part }
}

function notFound(message: string, hint?: string): StillroomError {
  return new StillroomError('PROJECT_NOT_FOUND', message, { hint })
}

/** Where a directory is in its repository: the repository's root, and the path below it, empty or with a slash at the end. */
interface Place {
  root: string
  prefix: string
}

/** @returns undefined where there is no repository */
async function findPlace(git: GitRunner, directory: string): Promise<Place | undefined> {
  const ask = (...what: string[]) => askGit(git, ['-C', directory, 'rev-parse', ...what])
  const both = await ask('--show-toplevel', '--show-prefix')
  if (typeof both !== 'string') return undefined
  const lines = both.split('\n')
  // names may have line breaks
  const [root, prefix] =
    lines.length === 2 ? lines : await Promise.all([ask('--show-toplevel'), ask('--show-prefix')])
  return typeof root === 'string' && typeof prefix === 'string' ? { root, prefix } : undefined
}

/**
 * The recipe's directory below that of a project, when the project holds it.
 *
 * @throws {StillroomError} PROJECT_NOT_FOUND when the project lies in another repository than the recipe
 */
function recipeBelow(path: string, { root, prefix }: Place, recipe: Place | undefined): string | undefined {
  if (recipe?.root !== root)
    throw notFound(
      `project "${path}" lies in another git repository than the recipe: ${root}`,
      'what another repository has, a git(...) step takes by its address',
    )
  return recipe.prefix.startsWith(prefix) ? recipe.prefix.slice(prefix.length) : undefined
}

/** Every lock would change the tree that it pins. */
function holdsRecipe(
  path: string,
  directory: string,
  below: string,
  exclude: readonly string[],
): StillroomError {
  const own = ['generated', 'history'].filter((name) => existsSync(join(directory, name)))
  const names = [...new Set([below.split('/', 1)[0], ...own, ...exclude])].map((name) => `'${name}'`)
  return notFound(
    `project "${path}" holds this recipe, whose lockfile would change it each time`,
    `leave out what is stillroom's: project('${path}', { to: ..., exclude: [${names.join(', ')}] })`,
  )
}

export const isWithin = (path: string, directory: string) => `${path}/`.startsWith(`${directory}/`)

/** Files of a tree but for those that are left out. */
function remaining(leaves: readonly Leaf[], exclude: readonly string[]): Leaf[] {
  const names = exclude.map((one) => Buffer.from(one).toString('latin1'))
  return leaves.filter(({ path }) => !names.some((name) => isWithin(path, name)))
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
  project: PinnedTree,
  epoch: number,
): AsyncGenerator<Buffer> {
  const { tree } = project
  if (project.part === undefined) await requireTree(git, directory, tree)
  using reader = new ObjectReader(directory, git)
  const leaves = await (project.part === undefined
    ? readLeaves(reader, tree, directory)
    : partLeaves(git, directory, reader, project, project.part))
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

export type PinnedTree = Pick<LockedProject, 'commit' | 'tree' | 'part'>

async function requireTree(git: GitRunner, directory: string, tree: string): Promise<void> {
  const found = await askGit(git, ['-C', directory, 'cat-file', '-e', `${tree}^{tree}`])
  if (typeof found !== 'string') throw gone(tree, directory, found.said)
}

/** The files of a tree that no repository has, in git's order. */
async function partLeaves(
  git: GitRunner,
  directory: string,
  reader: ObjectReader,
  { commit, tree }: PinnedTree,
  part: NonNullable<PinnedTree['part']>,
): Promise<Leaf[]> {
  const head = await askGit(git, ['-C', directory, 'rev-parse', '--verify', 'HEAD^{commit}'])
  // a shallow clone may lack the commit, and its last one may hold the same
  for (const id of new Set([commit, ...(typeof head === 'string' ? [head] : [])])) {
    const found = await askGit(git, ['-C', directory, 'cat-file', '-e', `${id}^{commit}`])
    const whole = typeof found === 'string' ? await treeBelow(reader, id, part.directory) : undefined
    if (whole === undefined) continue
    const leaves = remaining(await readLeaves(reader, whole, directory), part.exclude)
    if (treeId(leaves, tree) === tree) return leaves
  }
  throw gone(tree, directory, `neither commit ${commit} nor the last one has it`)
}

/** The tree of a directory of a commit. */
async function treeBelow(reader: ObjectReader, commit: string, path: string): Promise<string | undefined> {
  let tree = /^tree ([0-9a-f]+)\n/.exec((await reader.read(commit, 'commit')).toString('latin1'))?.[1]
  for (const part of path === '' ? [] : path.split('/')) {
    if (tree === undefined) return undefined
    const name = Buffer.from(part).toString('latin1')
    const entries = parseTree(await reader.read(tree, 'tree'), tree.length) ?? []
    tree = entries.find((entry) => entry.name === name && entry.mode === DIRECTORY)?.id
  }
  return tree
}

function gone(tree: string, directory: string, said: string): StillroomError {
  return new StillroomError(
    'PROJECT_TREE_GONE',
    `this repository does not have the locked tree ${tree}: ${said}`,
    {
      hint:
        ownershipHint(said) ??
        'fetch the history it is in (git fetch --unshallow), or lock again: stillroom lock recipe NAME',
      details: { tree, directory },
    },
  )
}

import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { StillroomError } from '../../error.ts'
import { objectId } from '../../formats/git/git-object.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import { gitEnvironment, gitSecrets } from '../../resolve/git/git-environment.ts'
import { ObjectReader } from '../../resolve/git/object-reader.ts'
import { GitRefusal, type GitRunner, runGit } from '../../resolve/git/run-git.ts'
import type { Cancellation, Environment, Project } from '../ports.ts'

/** The lockfile and the Dockerfile of a recipe, each by git's id for its content. */
interface Locked {
  lock: string
  dockerfile: string | null
}

/** All lockfiles of one state of a project: of a revision, of the working tree, or one file alone. */
export interface LockSide {
  /** For people: a revision, `working tree` or a path. */
  label: string
  recipes: ReadonlyMap<string, Locked>
  /** One lockfile by itself, whatever lies around it. */
  single: boolean
  /** Text by its id. */
  read(id: string): Promise<string>
  /** Where a recipe's lockfile comes from, for messages. */
  place(recipe: string): string
  close(): void
}

const LOCK = /^recipes\/([a-z0-9]+(?:-[a-z0-9]+)*)\/lock\.json$/

/** git in a project's directory, with the user's own set-up. */
export function projectGit({ env, signal }: Environment & Cancellation): GitRunner {
  return { env: gitEnvironment(env), secrets: gitSecrets(env), signal }
}

/** @throws {StillroomError} REVISION_UNKNOWN */
export async function revisionSide(
  ports: Project & Environment & Cancellation,
  revision: string,
): Promise<LockSide> {
  const git = projectGit(ports)
  const commit = await findCommit(ports, revision)
  const listing = await runGit(git, [
    ...['-C', ports.directory, 'ls-tree', '-r', '-z', commit, '--', 'recipes', 'generated'],
  ])
  const ids = new Map<string, string>()
  for (const entry of listing.toString('utf8').split('\0')) {
    const [, id, path] = /^100\d+ blob ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? []
    if (id !== undefined && path !== undefined) ids.set(path, id)
  }
  const objects = new ObjectReader(ports.directory, git)
  return {
    label: revision === commit ? commit.slice(0, 12) : `${revision} (${commit.slice(0, 12)})`,
    recipes: pairUp(ids),
    single: false,
    read: async (id) => (await objects.read(id, 'blob')).toString('utf8'),
    place: (recipe) => `${revision}:recipes/${recipe}/lock.json`,
    close: () => objects.close(),
  }
}

/** What lies in the project's directory, committed or not. */
export async function workingTreeSide(directory: string, names: readonly string[]): Promise<LockSide> {
  const texts = new Map<string, string>()
  const ids = new Map<string, string>()
  for (const name of names) {
    for (const path of [`recipes/${name}/lock.json`, `generated/${name}/Dockerfile`]) {
      const text = await readIfThere(join(directory, path))
      if (text === undefined) continue
      const id = idOf(text)
      texts.set(id, text)
      ids.set(path, id)
    }
  }
  return {
    label: 'working tree',
    recipes: pairUp(ids),
    single: false,
    read: async (id) => texts.get(id) ?? '',
    place: (recipe) => `recipes/${recipe}/lock.json`,
    close: () => {},
  }
}

/**
 * One lockfile by its path; its Dockerfile is looked for where a project has it.
 *
 * @throws {StillroomError} LOCK_MISSING, LOCK_INVALID, LOCK_VERSION
 */
export async function fileSide(path: string): Promise<LockSide> {
  const text = await readIfThere(path)
  if (text === undefined) throw new StillroomError('LOCK_MISSING', `there is no lockfile "${path}"`)
  const { recipe } = parseLock(text, path)
  const directory = dirname(await realpath(path))
  const dockerfile =
    basename(dirname(directory)) === 'recipes' && basename(directory) === recipe
      ? await readIfThere(join(directory, '../../generated', recipe, 'Dockerfile'))
      : undefined
  const texts = new Map(
    [text, ...(dockerfile === undefined ? [] : [dockerfile])].map((each) => [idOf(each), each]),
  )
  const locked = { lock: idOf(text), dockerfile: dockerfile === undefined ? null : idOf(dockerfile) }
  return {
    label: relative('.', resolve(path)) || path,
    recipes: new Map([[recipe, locked]]),
    single: true,
    read: async (id) => texts.get(id) ?? '',
    place: () => path,
    close: () => {},
  }
}

/** @throws {StillroomError} REVISION_UNKNOWN */
export async function findCommit(
  ports: Project & Environment & Cancellation,
  revision: string,
): Promise<string> {
  const args = ['-C', ports.directory, 'rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`]
  const found = await ask(projectGit(ports), args)
  if (found.answer !== undefined) return found.answer
  const said = found.said.replace('fatal: Needed a single revision', 'git knows no such commit')
  throw new StillroomError('REVISION_UNKNOWN', `"${revision}" is no lockfile and no revision: ${said}`, {
    hint: 'give the path of a lockfile, or a branch, tag or commit that this clone has (git fetch)',
  })
}

/**
 * Where the branch at hand left the default branch.
 *
 * @throws {StillroomError} REVISION_UNKNOWN
 */
export async function findMergeBase(ports: Project & Environment & Cancellation): Promise<string> {
  const git = projectGit(ports)
  const directory = ['-C', ports.directory]
  const remote = await ask(git, [...directory, 'rev-parse', '--abbrev-ref', '--verify', 'origin/HEAD'])
  const candidates = [remote.answer, 'origin/main', 'origin/master', 'main', 'master']
  for (const branch of candidates) {
    if (branch === undefined) continue
    const known = await ask(git, [
      ...directory,
      'rev-parse',
      '--verify',
      '--end-of-options',
      `${branch}^{commit}`,
    ])
    if (known.answer === undefined) continue
    const base = await ask(git, [...directory, 'merge-base', '--', branch, 'HEAD'])
    if (base.answer !== undefined) return base.answer
    throw new StillroomError(
      'REVISION_UNKNOWN',
      `HEAD and the default branch "${branch}" have no common commit`,
      {
        hint: 'a shallow clone may lack it: git fetch --unshallow; or name what to compare with: stillroom diff lock BASE',
      },
    )
  }
  throw new StillroomError(
    'REVISION_UNKNOWN',
    'cannot find the default branch: there is no origin/HEAD, main or master',
    { hint: 'name what to compare with: stillroom diff lock BASE' },
  )
}

async function ask(git: GitRunner, args: readonly string[]): Promise<{ answer?: string; said: string }> {
  try {
    return { answer: (await runGit(git, args)).toString('utf8').trim(), said: '' }
  } catch (error) {
    if (!(error instanceof GitRefusal)) throw error
    return { said: error.said }
  }
}

function pairUp(ids: ReadonlyMap<string, string>): Map<string, Locked> {
  const recipes = new Map<string, Locked>()
  for (const [path, lock] of ids) {
    const [, name] = LOCK.exec(path) ?? []
    if (name !== undefined) {
      recipes.set(name, { lock, dockerfile: ids.get(`generated/${name}/Dockerfile`) ?? null })
    }
  }
  return recipes
}

const idOf = (text: string) => objectId('blob', Buffer.from(text), '0'.repeat(40))

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
}

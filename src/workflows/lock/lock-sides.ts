import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { StillroomError, unlessMissing } from '../../error.ts'
import { objectId } from '../../formats/git/git-object.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import { ObjectReader } from '../../resolve/git/object-reader.ts'
import { askGit, gitRunner, runGit } from '../../resolve/git/run-git.ts'
import type { Repository } from '../ports.ts'

/** The lockfile and the Dockerfile of a recipe, each by git's id for its content. */
interface Locked {
  lock: string
  dockerfile: string | null
}

/** All lockfiles of one state of a project: of a revision, of the working tree, or one file alone. */
export interface LockSide extends Disposable {
  /** For people: a revision, `working tree` or a path. */
  label: string
  recipes: ReadonlyMap<string, Locked>
  /** One lockfile by itself, whatever lies around it. */
  single: boolean
  /** Text by its id. */
  read(id: string): Promise<string>
  /** Where a recipe's lockfile comes from, for messages. */
  place(recipe: string): string
}

const LOCK = /^recipes\/([a-z0-9]+(?:-[a-z0-9]+)*)\/lock\.json$/

/** @throws {StillroomError} REVISION_UNKNOWN */
export async function revisionSide(ports: Repository, revision: string): Promise<LockSide> {
  const git = gitRunner(ports)
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
    [Symbol.dispose]: () => objects[Symbol.dispose](),
  }
}

/** What lies in the project's directory, committed or not. */
export async function workingTreeSide(directory: string, names: readonly string[]): Promise<LockSide> {
  const files = new Map<string, string>()
  for (const name of names) {
    for (const path of [`recipes/${name}/lock.json`, `generated/${name}/Dockerfile`]) {
      const text = await readFile(join(directory, path), 'utf8').catch(unlessMissing)
      if (text !== undefined) files.set(path, text)
    }
  }
  return textSide([...files.values()], {
    label: 'working tree',
    recipes: pairUp(new Map([...files].map(([path, text]) => [path, idOf(text)]))),
    single: false,
    place: (recipe) => `recipes/${recipe}/lock.json`,
  })
}

/** A side whose texts are at hand. */
function textSide(
  texts: readonly string[],
  side: Pick<LockSide, 'label' | 'recipes' | 'single' | 'place'>,
): LockSide {
  const known = new Map(texts.map((text) => [idOf(text), text]))
  return { ...side, read: async (id) => known.get(id) ?? '', [Symbol.dispose]: () => {} }
}

/**
 * One lockfile by its path; its Dockerfile is looked for where a project has it.
 *
 * @throws {StillroomError} LOCK_MISSING, LOCK_INVALID, LOCK_VERSION
 */
export async function fileSide(path: string): Promise<LockSide> {
  const text = await readFile(path, 'utf8').catch(unlessMissing)
  if (text === undefined) throw new StillroomError('LOCK_MISSING', `there is no lockfile "${path}"`)
  const { recipe } = parseLock(text, path)
  const directory = dirname(await realpath(path))
  const dockerfile =
    basename(dirname(directory)) === 'recipes' && basename(directory) === recipe
      ? await readFile(join(directory, '../../generated', recipe, 'Dockerfile'), 'utf8').catch(unlessMissing)
      : undefined
  const locked = { lock: idOf(text), dockerfile: dockerfile === undefined ? null : idOf(dockerfile) }
  return textSide([text, dockerfile ?? ''], {
    label: relative('.', resolve(path)) || path,
    recipes: new Map([[recipe, locked]]),
    single: true,
    place: () => path,
  })
}

/** @throws {StillroomError} REVISION_UNKNOWN */
export async function findCommit(ports: Repository, revision: string): Promise<string> {
  const args = ['-C', ports.directory, 'rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`]
  const found = await askGit(gitRunner(ports), args)
  if (typeof found === 'string') return found
  const said = found.said.replace('fatal: Needed a single revision', 'git knows no such commit')
  throw new StillroomError(
    'REVISION_UNKNOWN',
    `"${revision}" is neither a lockfile nor a revision: ${said}`,
    {
      hint: 'give the path of a lockfile, or a branch, tag or commit that this clone has (git fetch)',
    },
  )
}

/**
 * Where the branch at hand left the default branch.
 *
 * @throws {StillroomError} REVISION_UNKNOWN
 */
export async function findMergeBase(ports: Repository): Promise<string> {
  const git = gitRunner(ports)
  const ask = (...args: string[]) => askGit(git, ['-C', ports.directory, ...args])
  const remote = await ask('rev-parse', '--abbrev-ref', '--verify', 'origin/HEAD')
  for (const branch of [remote, 'origin/main', 'origin/master', 'main', 'master']) {
    if (typeof branch !== 'string') continue
    const known = await ask('rev-parse', '--verify', '--end-of-options', `${branch}^{commit}`)
    if (typeof known !== 'string') continue
    const base = await ask('merge-base', '--', branch, 'HEAD')
    if (typeof base === 'string') return base
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

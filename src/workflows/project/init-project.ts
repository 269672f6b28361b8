import { lstat, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StillroomError, systemCode } from '../../error.ts'
import { askGit, type GitRefusal, gitRunner } from '../../resolve/git/run-git.ts'
import { makeDirectory, writeFileAtomic, writing } from '../../store/disk.ts'
import type { Repository } from '../ports.ts'
import { listRecipes } from './list-recipes.ts'

export interface InitFile {
  /** Below the project's directory. */
  path: string
  /** `kept`: it was there and is as it was; `extended`: lines that it lacked were appended. */
  outcome: 'written' | 'extended' | 'kept'
}

export interface InitResult {
  directory: string
  files: InitFile[]
  /** The merge driver of lockfiles in git's own configuration of this clone. */
  mergeDriver: { outcome: 'registered' | 'kept' } | { outcome: 'none'; reason: string }
  /** What is left to do by hand: commands, or what to see to. */
  next: string[]
}

const TEMPLATES = new URL('./templates/', import.meta.url)
const FIRST_RECIPE = 'recipes/hello/recipe.ts'
/** Files that are written when there is none, with their templates. */
const FILES = {
  'stillroom.config.ts': 'stillroom.config.ts.txt',
  'package.json': 'package.json.txt',
  [FIRST_RECIPE]: 'recipe.ts.txt',
  '.github/workflows/stillroom-pull-request.yml': 'stillroom-pull-request.yml',
  '.github/workflows/stillroom-nightly.yml': 'stillroom-nightly.yml',
}
/** Files that get the lines they lack. */
const LINES = { '.gitattributes': 'gitattributes.txt', '.gitignore': 'gitignore.txt' }

const DRIVER = 'merge.stillroom-lock.driver'

/** git runs it by a shell, at the root of the repository. Without a stillroom on the PATH the project's own is run. */
const driverCommand = (prefix: string) =>
  `PATH="$PATH:${prefix.replace(/["\\$`]/g, '\\$&')}node_modules/.bin" stillroom merge lock %O %A %B`

/**
 * Sets up a directory as a project of stillroom. What is there stays: files are only added, lines only appended. A
 * first recipe is written when there is none, and in a git repository the merge driver of lockfiles is registered.
 *
 * @throws {StillroomError} NOT_WRITABLE, DISK_FULL; USAGE when a file is where a directory must be
 */
export async function initProject(ports: Repository): Promise<InitResult> {
  const { directory } = ports
  const hasRecipes = (await listRecipes(directory)).length > 0
  const files: InitFile[] = []
  for (const [path, name] of Object.entries(FILES)) {
    if (path === FIRST_RECIPE && hasRecipes && !(await isThere(join(directory, path)))) continue
    files.push({ path, outcome: await addFile(join(directory, path), await template(name)) })
  }
  for (const [path, name] of Object.entries(LINES)) {
    files.push({ path, outcome: await addLines(join(directory, path), await template(name)) })
  }
  const mergeDriver = await registerMergeDriver(ports)
  return { directory, files, mergeDriver, next: await nextSteps(ports) }
}

async function nextSteps(ports: Repository): Promise<string[]> {
  const { directory } = ports
  const prefix = await ask(ports, 'rev-parse', '--show-prefix')
  const wanted = await readFile(join(directory, 'package.json'), 'utf8').catch(() => '')
  const isNew =
    (await isThere(join(directory, FIRST_RECIPE))) &&
    !(await isThere(join(directory, dirname(FIRST_RECIPE), 'lock.json')))
  return [
    ...(wanted.includes('"stillroom"')
      ? []
      : [
          'add stillroom to the dependencies in package.json, by the tarball that "npm pack" makes in a clone of it, not by ' +
            'its name alone: recipes import it, and the workflows run it',
        ]),
    ...(typeof prefix !== 'string' || prefix === ''
      ? []
      : [`move .github to the root of the repository, and add "-C ${prefix}" to each stillroom in it`]),
    ...(isNew ? ['stillroom lock recipe hello', 'stillroom build recipe hello'] : []),
    // a recipe of what is there already
    ...(isNew && (await isThere(join(directory, 'Dockerfile')))
      ? ['stillroom adopt dockerfile Dockerfile']
      : []),
  ]
}

async function addFile(path: string, text: string): Promise<InitFile['outcome']> {
  if (await isThere(path)) return 'kept'
  await write(path, text)
  return 'written'
}

async function addLines(path: string, text: string): Promise<InitFile['outcome']> {
  if (!(await isThere(path))) return addFile(path, text)
  const present = await writing(path, () => readFile(path, 'utf8'))
  const known = new Set(present.split('\n').map((line) => line.trim()))
  const missing = text.split('\n').filter((line) => line !== '' && !known.has(line))
  if (missing.length === 0) return 'kept'
  const gap = present === '' || present.endsWith('\n') ? '' : '\n'
  await write(path, `${present}${gap}${missing.join('\n')}\n`)
  return 'extended'
}

/** Whatever it is: a link to nowhere counts, too. */
async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw explained(error, path)
  }
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writing(path, () => makeDirectory(dirname(path)))
    await writeFileAtomic(path, text)
  } catch (error) {
    throw explained(error, path)
  }
}

function explained(error: unknown, path: string): unknown {
  if (systemCode(error) !== 'ENOTDIR') return error
  return new StillroomError(
    'USAGE',
    `cannot set up "${path}": a part of its path is a file, not a directory`,
    {
      hint: 'move that file away',
      cause: error,
    },
  )
}

function ask(ports: Repository, ...args: string[]): Promise<string | GitRefusal> {
  return askGit(gitRunner(ports), ['-C', ports.directory, ...args])
}

async function registerMergeDriver(ports: Repository): Promise<InitResult['mergeDriver']> {
  const prefix = await ask(ports, 'rev-parse', '--show-prefix')
  if (typeof prefix !== 'string') return { outcome: 'none', reason: prefix.said }
  if (typeof (await ask(ports, 'config', '--get-all', DRIVER)) === 'string') return { outcome: 'kept' }
  const refused = await ask(ports, 'config', '--local', DRIVER, driverCommand(prefix))
  if (typeof refused === 'string') return { outcome: 'registered' }
  throw new StillroomError('NOT_WRITABLE', `cannot register the merge driver with git: ${refused.said}`, {
    hint: "make the repository's .git/config writable for this user",
    cause: refused,
  })
}

const template = (name: string) => readFile(new URL(name, TEMPLATES), 'utf8')

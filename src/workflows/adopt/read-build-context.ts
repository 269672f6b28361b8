import { readFileSync, realpathSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import type { RepositoryPlace } from '../../adopt/draft/draft-state.ts'
import { StillroomError, systemCode } from '../../error.ts'
import { askGit, gitRunner } from '../../resolve/git/run-git.ts'
import type { Repository } from '../ports.ts'

/** Of a Dockerfile, and of a file of the build context. */
const LARGEST = { dockerfile: 256 * 1024, file: 4 * 1024 * 1024 }

/**
 * The text of a Dockerfile.
 *
 * @throws {StillroomError} DOCKERFILE_UNREADABLE
 */
export async function readDockerfileText(path: string, shown: string): Promise<string> {
  try {
    const bytes = await readFile(path)
    if (bytes.length > LARGEST.dockerfile)
      throw new StillroomError(
        'DOCKERFILE_UNREADABLE',
        `"${shown}" is larger than 256 KiB: it is hardly a Dockerfile`,
      )
    if (bytes.includes(0))
      throw new StillroomError('DOCKERFILE_UNREADABLE', `"${shown}" is not text: it has a NUL byte`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof StillroomError) throw error
    const reason = {
      ENOENT: 'there is no such file',
      EISDIR: 'it is a directory',
      EACCES: 'it may not be read',
    }
    const why = reason[(systemCode(error) ?? '') as keyof typeof reason] ?? String(error)
    throw new StillroomError('DOCKERFILE_UNREADABLE', `cannot read "${shown}": ${why}`, {
      hint: 'name the Dockerfile by its path: path/to/Dockerfile',
      cause: error,
    })
  }
}

/**
 * Says where directories of a build context are in the repository of a recipe: of none that lies elsewhere, or has the recipes alone.
 *
 * @param recipe the recipe's directory, which need not be there yet: `recipes/NAME` of the project
 */
export async function repositoryPlaces(
  ports: Repository,
  recipe: string,
  context: string,
): Promise<(source: string) => RepositoryPlace | undefined> {
  const rootOf = (directory: string) =>
    askGit(gitRunner(ports), ['-C', directory, 'rev-parse', '--show-toplevel'])
  const [root, own] = await Promise.all([rootOf(context), rootOf(ports.directory)])
  if (typeof root !== 'string' || root !== own) return () => undefined
  return (source) => {
    const directory = join(context, source)
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return undefined
    const path = posixPath(relative(recipe, directory))
    const below = posixPath(relative(directory, recipe))
    if (path === '' || below.split('/').length === 1) return undefined
    const project = posixPath(relative(directory, ports.directory))
    const exclude = below.startsWith('../')
      ? []
      : ['recipes', 'generated', 'history'].map((name) => (project === '' ? name : `${project}/${name}`))
    return { path, exclude }
  }
}

const posixPath = (path: string) => path.replaceAll(sep, '/')

/** Gives the text of files in a build context; of none outside of it, where a link may lead, and of no large one. */
export function buildContext(directory: string): (path: string) => string | undefined {
  const place = resolve(directory)
  return (path) => {
    if (path.includes('\0')) return undefined
    try {
      const root = realpathSync(place)
      const file = realpathSync(join(root, path))
      if (!file.startsWith(root + sep)) return undefined
      const found = statSync(file)
      return found.isFile() && found.size <= LARGEST.file ? readFileSync(file, 'utf8') : undefined
    } catch {
      // the caller says what it could not read
      return undefined
    }
  }
}

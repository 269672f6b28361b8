import { join } from 'node:path'
import { SIZE_LIMIT, secretIn } from '../../audit/credentials.ts'
import type { LockedStep } from '../../lock/schema.ts'
import { megabytes, plural } from '../../report/fact-lines.ts'
import { ObjectReader } from '../../resolve/git/object-reader.ts'
import { askGit, type GitRunner, gitRunner } from '../../resolve/git/run-git.ts'
import { isWithin, type PinnedTree } from '../../resolve/project/resolve-project.ts'
import { printable } from '../../verify/printable.ts'
import type { Cancellation, Environment, Reporting } from '../ports.ts'
import type { RecipeInputs } from './load-inputs.ts'

/** From how many bytes on it is said that a project is large: what is meant is seldom more than sources. */
const LARGE = 100e6
/** Files that are named. */
const NAMED = 10

/**
 * Warns of what the projects of a recipe would take into the image that hardly anybody wants there: keys, logins, secret
 * settings, and more than 100 MB. What is in an image cannot be taken back from those who have it.
 */
export async function warnOfProjects(
  ports: Environment & Cancellation & Reporting,
  { recipe, projects, directory }: Pick<RecipeInputs, 'recipe' | 'projects' | 'directory'>,
): Promise<void> {
  for (const [index, project] of projects) {
    const step = recipe.steps[index]
    if (step?.kind !== 'project') continue
    for (const text of await describeProject(
      gitRunner(ports),
      join(directory, step.path),
      step.path,
      project,
    ))
      ports.progress({ kind: 'note', text })
  }
}

/** Warns of more than 100 MB of a repository of others. */
export function warnOfRepositories({ progress }: Reporting, steps: readonly LockedStep[]): void {
  for (const step of steps)
    if (step.kind === 'git' && step.size > LARGE)
      progress({
        kind: 'note',
        text:
          `WARNING: ${step.url} brings ${megabytes(step.size)} into the image; with \`subdir\` it is a part of it, ` +
          'without `lfs` and `submodules` less of it',
      })
}

/** A file of a project, by its path below it. */
interface ProjectFile {
  path: string
  id: string
  size: number
}

/**
 * @param directory the project's
 * @returns warnings; none for most
 */
export async function describeProject(
  git: GitRunner,
  directory: string,
  project: string,
  { tree, part }: PinnedTree,
): Promise<string[]> {
  const all = await listFiles(git, directory, part === undefined ? tree : 'HEAD:./')
  const files = all.filter(({ path }) => !part?.exclude.some((one) => isWithin(path, one)))
  const secrets: string[] = []
  using reader = new ObjectReader(directory, git)
  for (const { path, id, size } of files) {
    const content = size <= SIZE_LIMIT ? await reader.read(id, 'blob') : Buffer.alloc(0)
    const what = secretIn(path, content)
    if (what !== undefined) secrets.push(`${printable(path)} (${what})`)
  }
  const warnings: string[] = []
  if (secrets.length > 0)
    warnings.push(
      `WARNING: project "${project}" takes ${plural(secrets.length, 'file')} into the image that everybody who has it can read:\n` +
        `${listed(secrets)}\n  leave out what is secret: git rm --cached FILE, name it in .gitignore, commit, and lock again; ` +
        'what was committed once is still in the history',
    )
  const total = files.reduce((sum, { size }) => sum + size, 0)
  if (total > LARGE) {
    const largest = files.toSorted((a, b) => b.size - a.size).slice(0, 5)
    warnings.push(
      `WARNING: project "${project}" takes ${megabytes(total)} into the image, of which the largest are:\n` +
        `${listed(largest.map(({ path, size }) => `${printable(path)} (${megabytes(size)})`))}\n  what tasks only read ` +
        'may lie in the shared folder; what others need, a file(...) step fetches by its sha256; to leave out more: ' +
        'git rm --cached FILE, name it in .gitignore, commit, and lock again',
    )
  }
  return warnings
}

async function listFiles(git: GitRunner, directory: string, tree: string): Promise<ProjectFile[]> {
  const list = await askGit(git, ['-C', directory, 'ls-tree', '-r', '-l', '-z', '--full-tree', tree])
  // whoever takes the tree says why it can't be read
  if (typeof list !== 'string') return []
  return [...list.matchAll(/(\d+) blob ([0-9a-f]+) +(\d+)\t([^\0]+)\0/g)]
    .filter(([, mode]) => mode !== '120000')
    .map(([, , id = '', size, path = '']) => ({ path, id, size: Number(size) }))
}

function listed(items: readonly string[]): string {
  const more = items.length > NAMED ? [`and ${items.length - NAMED} more`] : []
  return [...items.slice(0, NAMED), ...more].map((item) => `  ${item}`).join('\n')
}

import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Commit, CommitLog, PackageChange } from '../../lock/diff/schema.ts'
import { askGit, type GitRunner, gitRunner } from '../../resolve/git/run-git.ts'
import type { Repository } from '../ports.ts'

/** As many commits of a log as a reader takes in. */
const SHOWN = 20

/**
 * Adds what was committed between to each change of a commit, where the repository is at hand: the project's own for
 * its projects and for any commit that it has, else the directory that a `file:` address names. Nothing is fetched.
 */
export async function addCommitLogs(
  ports: Repository,
  recipe: string,
  changes: readonly PackageChange[],
): Promise<PackageChange[]> {
  const result: PackageChange[] = []
  for (const change of changes) {
    const [from, to] = [change.from?.version, change.to?.version]
    const moved = from !== to && typeof from === 'string' && typeof to === 'string'
    const log =
      moved && (change.ecosystem === 'git' || change.ecosystem === 'project')
        ? await findLog(ports, recipe, change, from, to)
        : null
    result.push({ ...change, log })
  }
  return result
}

async function findLog(
  ports: Repository,
  recipe: string,
  { ecosystem, name, to }: PackageChange,
  from: string,
  head: string,
): Promise<CommitLog | null> {
  const path = ecosystem === 'project' ? posix.join('recipes', recipe, name) : undefined
  for (const directory of [ports.directory, ...localRepository(to?.source ?? '')]) {
    if (!existsSync(directory)) continue
    const log = await readLog(gitRunner(ports), directory, from, head, path)
    if (log) return log
  }
  return null
}

function localRepository(url: string): string[] {
  return url.startsWith('file:///') ? [fileURLToPath(url)] : []
}

/** Undefined when the repository doesn't have both commits. */
async function readLog(
  git: GitRunner,
  directory: string,
  from: string,
  to: string,
  path: string | undefined,
): Promise<CommitLog | undefined> {
  const list = async (since: string, until: string) => {
    const output = await askGit(git, [
      ...['-C', directory, 'log', '-z', '--no-show-signature', '--format=%H %s', '--end-of-options'],
      ...[`${since}..${until}`, ...(path === undefined ? [] : ['--', path])],
    ])
    return typeof output === 'string' ? output.split('\0').filter(Boolean).map(parseCommit) : undefined
  }
  const [added, removed] = [await list(from, to), await list(to, from)]
  if (!added || !removed) return undefined
  const omitted = Math.max(0, added.length - SHOWN) + Math.max(0, removed.length - SHOWN)
  return { added: added.slice(0, SHOWN), removed: removed.slice(0, SHOWN), omitted }
}

function parseCommit(line: string): Commit {
  return { commit: line.slice(0, line.indexOf(' ')), subject: line.slice(line.indexOf(' ') + 1) }
}

import { lstat, readlink, realpath } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { askGit, gitRunner, runGit } from '../../resolve/git/run-git.ts'
import type { Repository } from '../ports.ts'

/** The top directory of the repository around a project; the project itself where there is none. */
export async function findRepository(ports: Repository): Promise<string> {
  const top = await askGit(gitRunner(ports), ['-C', ports.directory, 'rev-parse', '--show-toplevel'])
  return realpath(typeof top === 'string' ? top : ports.directory)
}

/** Symbolic links that a repository keeps and that lead, through whatever other links, to somewhere else. */
export async function linksOutOf(
  ports: Repository,
  repository: string,
  within: readonly string[],
): Promise<string[]> {
  const git = gitRunner(ports)
  const listed = await runGit(git, ['-C', repository, 'ls-files', '--stage', '-z']).catch(() => undefined)
  const links = `${listed ?? ''}`
    .split('\0')
    .flatMap((entry) => /^120000 [^\t]*\t(.*)$/s.exec(entry)?.[1] ?? [])
  const found = await Promise.all(
    links.map(async (link) => {
      const target = await follow(join(repository, link))
      return within.some((top) => target === top || target.startsWith(`${top.replace(/\/$/, '')}/`))
        ? []
        : [link]
    }),
  )
  return found.flat().sort()
}

const HOPS = 40

/** Where a path leads in the end, whether or not anything is there; `/` for what leads in a circle. */
async function follow(path: string): Promise<string> {
  let left = path.split('/')
  let place = '/'
  for (let hops = 0; left.length > 0; ) {
    const [part = '', ...rest] = left
    left = rest
    if (part === '' || part === '.') continue
    if (part === '..') {
      place = dirname(place)
      continue
    }
    const next = resolve(place, part)
    const entry = await lstat(next).catch(() => undefined)
    if (!entry?.isSymbolicLink()) {
      place = next
      continue
    }
    hops += 1
    if (hops > HOPS) return '/'
    const target = await readlink(next)
    if (target.startsWith('/')) place = '/'
    left = [...target.split('/'), ...left]
  }
  return place
}

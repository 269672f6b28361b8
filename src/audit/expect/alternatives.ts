import type { FileTree } from '../../image/file-tree.ts'
import type { AlternativeCall } from './maintainer-scripts.ts'

const DATABASE = 'var/lib/dpkg/alternatives'
const known = new WeakMap<FileTree, ReadonlyMap<string, string>>()

/**
 * Symlinks that update-alternatives makes, by path, and what they lead to: from a link to /etc/alternatives, and from
 * there to the best choice. A file of its database has "auto" or "manual", the master's link, name and link of each
 * slave, an empty line; then for each choice its path, priority, and a path for each slave.
 */
export function alternativeLinks(tree: FileTree): ReadonlyMap<string, string> {
  const cached = known.get(tree)
  if (cached !== undefined) return cached
  const links = new Map<string, string>()
  for (const name of tree.list(DATABASE)) {
    const [, link = '', ...lines] = (tree.read(`${DATABASE}/${name}`)?.toString('latin1') ?? '').split('\n')
    const end = lines.indexOf('')
    const slaves: [name: string, link: string][] = []
    for (let at = 0; at + 1 < end; at += 2) slaves.push([lines[at] ?? '', lines[at + 1] ?? ''])
    const size = slaves.length + 2
    const choices = []
    for (let at = end + 1; (lines[at] ?? '') !== ''; at += size) choices.push(lines.slice(at, at + size))
    const best = choices.sort((a, b) => Number(b[1]) - Number(a[1]))[0]
    const paths = [best?.[0] ?? '', ...(best?.slice(2) ?? [])]
    for (const [index, [each, place]] of [[name, link] as const, ...slaves].entries()) {
      const path = paths[index] ?? ''
      if (path === '') continue
      links.set(real(tree, place), `/etc/alternatives/${each}`)
      links.set(`etc/alternatives/${each}`, path)
    }
  }
  known.set(tree, links)
  return links
}

/** A path whose directories may be symlinks. */
function real(tree: FileTree, path: string): string {
  const slash = path.lastIndexOf('/')
  const parent = tree.find(path.slice(0, slash))
  return parent === undefined ? path.slice(1) : `${parent.path}${path.slice(slash)}`.replace(/^\//, '')
}

/** The file of its database that update-alternatives writes after these calls, which are of one alternative. */
export function alternativeFile(calls: readonly AlternativeCall[]): string {
  const slaves = new Map<string, string>()
  for (const call of calls) for (const { name, link } of call.slaves) slaves.set(name, link)
  const names = [...slaves.keys()].sort()
  const choices = new Map(calls.map((call) => [call.path, call]))
  const lines = [
    'auto',
    calls.at(-1)?.link ?? '',
    ...names.flatMap((name) => [name, slaves.get(name) ?? '']),
    '',
  ]
  for (const path of [...choices.keys()].sort()) {
    const call = choices.get(path)
    const targets = names.map((name) => call?.slaves.find((slave) => slave.name === name)?.path ?? '')
    lines.push(path, call?.priority ?? '', ...targets)
  }
  return [...lines, '', ''].join('\n')
}

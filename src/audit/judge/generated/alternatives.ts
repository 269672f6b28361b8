import type { FileTree } from '../../../image/file-tree.ts'

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

import type { FileTree } from '../../image/file-tree.ts'

const INFO = 'var/lib/dpkg/info'

/** Which packages wait for which trigger (deb-triggers(5)): the files below `/var/lib/dpkg/triggers`, by name. */
export function triggerFiles(tree: FileTree): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const file of tree.list(INFO)) {
    const [, name] = /^(.+)\.triggers$/.exec(file) ?? []
    for (const line of name ? (tree.read(`${INFO}/${file}`)?.toString('latin1') ?? '').split('\n') : []) {
      const [directive = '', trigger = ''] = line.replace(/#.*/, '').trim().split(/\s+/)
      if (!/^interest(-await|-noawait)?$/.test(directive) || trigger === '') continue
      const isFile = trigger.startsWith('/')
      const entry = `${isFile ? `${trigger} ` : ''}${name}${directive.endsWith('-noawait') ? '/noawait' : ''}`
      const key = isFile ? 'File' : trigger
      found.set(key, (found.get(key) ?? new Set()).add(entry))
    }
  }
  return found
}

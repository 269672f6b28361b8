import type { FileTree } from '../image/file-tree.ts'
import { resolvePath } from './tree-paths.ts'

/** A repository's own directories: of a linked work tree's the second is the main one's (gitrepository-layout). */
export interface GitDirectories {
  own: string
  common: string
}

/** Of `.git`: the directory itself, or the one that the file names; undefined when it leads nowhere. */
export function gitDirectories(tree: FileTree, path: string): GitDirectories | undefined {
  let own = path
  if (tree.find(path)?.inode.type === 'file') {
    const [, target] = /^gitdir: (.+?)\s*$/.exec(tree.read(path)?.toString('latin1') ?? '') ?? []
    if (target === undefined) return undefined
    own = resolvePath(path.slice(0, Math.max(0, path.lastIndexOf('/'))), target)
  }
  if (tree.find(`${own}/HEAD`) === undefined) return undefined
  const common = tree.read(`${own}/commondir`)?.toString('latin1').trim()
  return { own, common: common === undefined ? own : resolvePath(own, common) }
}

/** The commit of HEAD; undefined when its branch has none, or refs are kept in a way that isn't read (reftable). */
export function headCommit(tree: FileTree, { own, common }: GitDirectories): string | undefined {
  let name = 'HEAD'
  for (let links = 0; links < 5; links += 1) {
    const directory = /^refs\/(?!bisect\/|worktree\/|rewritten\/)/.test(name) ? common : own
    const text = tree.read(`${directory}/${name}`)?.toString('latin1').trim()
    if (text === undefined) return packedRef(tree, common, name)
    const [, next] = /^ref: (.+)$/.exec(text) ?? []
    if (next === undefined) return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined
    if (!next.startsWith('refs/') || next.split('/').includes('..')) return undefined
    name = next
  }
  return undefined
}

function packedRef(tree: FileTree, common: string, name: string): string | undefined {
  for (const line of tree.read(`${common}/packed-refs`)?.toString('latin1').split('\n') ?? []) {
    const [, value, ref] = /^([0-9a-f]{40}|[0-9a-f]{64}) (.+)$/.exec(line) ?? []
    if (ref === name) return value
  }
  return undefined
}

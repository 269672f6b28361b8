import type { Inode } from './layer-entry.ts'
import type { TreeNode } from './tree-node.ts'

/** A tree that tests may change. */
export interface MutableNode extends TreeNode {
  children: Map<string, MutableNode> | undefined
}

/** A tree like another, of files of its own; names of one file are again names of one. */
export function copyTree({ inode, children }: TreeNode, copied = new Map<Inode, Inode>()): MutableNode {
  const own = copied.get(inode) ?? { ...inode }
  if (inode.isShared) copied.set(inode, own)
  const entries = children && [...children].map(([name, node]) => [name, copyTree(node, copied)] as const)
  return { inode: own, children: entries && new Map(entries) }
}

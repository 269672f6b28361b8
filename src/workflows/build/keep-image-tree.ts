import { treeDigest } from '../../image/tree-digest.ts'
import type { TreeNode } from '../../image/tree-node.ts'
import type { LockedImage } from '../../lock/schema.ts'
import type { Artifacts, Reporting } from '../ports.ts'
import { hasLockedTree, keepLockedTree } from '../store/locked-tree.ts'

/**
 * Keeps the tree of an image that is the locked one, which audits go by; the image is read only when the store lacks it.
 *
 * @throws {StillroomError} those of reading the image
 */
export async function keepImageTree(
  ports: Artifacts & Reporting,
  locked: Pick<LockedImage, 'tree'>,
  read: () => Promise<{ root: TreeNode }>,
): Promise<void> {
  if (await hasLockedTree(ports, locked)) return
  ports.progress({ kind: 'status', text: 'reading the image, once' })
  const { root } = await read()
  if (treeDigest(root) === locked.tree) await keepLockedTree(ports, locked, root)
}

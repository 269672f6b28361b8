import { StillroomError } from '../../error.ts'
import { parseTree } from '../../image/parse-tree.ts'
import { treeParts } from '../../image/tree-digest.ts'
import type { TreeNode } from '../../image/tree-node.ts'
import type { LockedImage } from '../../lock/schema.ts'
import type { Artifacts } from '../ports.ts'

/** Whether the store has the locked tree of an image. */
export function hasLockedTree({ store }: Artifacts, image: Pick<LockedImage, 'tree'>): Promise<boolean> {
  return store.hasCompressed(sha256Of(image))
}

/**
 * The tree of the image that a lock names; undefined when the store does not have it. Its text was verified against
 * the tree digest.
 *
 * @throws {StillroomError} IMAGE_INVALID when the lock's tree digest is that of a text that is no tree
 */
export async function readLockedTree(
  ports: Artifacts,
  image: Pick<LockedImage, 'tree'>,
): Promise<TreeNode | undefined> {
  const text = await readTreeText(ports, image)
  return text && parseTree(text)
}

/** The text of {@link readLockedTree}. */
export function readTreeText({ store }: Artifacts, image: Pick<LockedImage, 'tree'>) {
  return store.readCompressed(sha256Of(image))
}

/** Keeps a tree whose digest is that of a lock; a store that can't be written to does without. */
export async function keepLockedTree(
  ports: Artifacts,
  image: Pick<LockedImage, 'tree'>,
  root: TreeNode,
): Promise<void> {
  if (await hasLockedTree(ports, image)) return
  try {
    await ports.store.putCompressed(treeParts(root))
  } catch (error) {
    const isUnwritable = error instanceof StillroomError && /^(NOT_WRITABLE|DISK_FULL)$/.test(error.code)
    if (!isUnwritable) throw error
  }
}

const sha256Of = ({ tree }: Pick<LockedImage, 'tree'>) => tree.slice('sha256:'.length)

import type { Engine } from '../../engine/connect.ts'
import { saveImage } from '../../engine/find-image.ts'
import { readImageTree } from '../../image/read-archive.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import type { LockedImage } from '../../lock/schema.ts'
import type { Artifacts } from '../ports.ts'
import { keepLockedTree } from '../store/locked-tree.ts'

/** Keeps the tree of an image that the engine has as the locked one, if it is that. */
export async function keepImageTree(
  ports: Artifacts,
  engine: Engine,
  tag: string,
  locked: Pick<LockedImage, 'tree'>,
): Promise<void> {
  const { root } = await readImageTree(await saveImage(engine, tag))
  if (treeDigest(root) === locked.tree) await keepLockedTree(ports, locked, root)
}

import type { ImageConfig } from '../formats/oci.ts'
import type { FileTree } from '../image/file-tree.ts'
import type { Inode } from '../image/layer-entry.ts'
import type { TreeNode } from '../image/tree-node.ts'
import type { Inventory } from '../inventory/inventory.ts'
import type { LockedPlatform, Lockfile } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'
import type { LockedContents } from './expect/locked-contents.ts'
import type { SifAdditions } from './expect/sif-additions.ts'

/** An image that is audited, as it was read. */
export interface ImageSubject {
  /** As it was asked for. */
  reference: string
  id: string
  config: ImageConfig
  /** Lowest first. */
  layers: readonly { diffID: string; size: number }[]
  tree: FileTree
  /** Its tree digest, when that was taken; of a SIF without what is known to be added. */
  digest?: string
  /** Set of a SIF, which has one layer and no config: what was added to the image in it. */
  sif?: SifAdditions
  /** How many of the layers were known from an earlier audit. */
  knownLayers?: number
  inventory: Inventory
  /** Files of layers that a layer above replaces or deletes, as far as their content was kept. */
  covered: readonly { path: string; inode: Inode }[]
}

/** What an image is compared with. */
export interface LockSubject {
  lockfile: Lockfile
  /** As it was named, or relative to the project. */
  path?: string
  platform: string
  locked: LockedPlatform
  recipe: Recipe
  contents: LockedContents
  /** How many layers from the bottom are those of the locked image. */
  layers: number
  /** The tree of the locked image, when it is at hand: it decides whether a path is as it should be. */
  tree?: TreeNode
}

/** How many layers from the bottom are those of the image that the lock names. */
export function countLockedLayers(
  layers: readonly { diffID: string }[],
  { image }: Pick<LockedPlatform, 'image'>,
): number {
  const expected = image?.diffIDs ?? []
  const other = layers.findIndex(({ diffID }, index) => diffID !== expected[index])
  return other === -1 ? layers.length : other
}

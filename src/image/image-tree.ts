import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import type { ImageConfig } from '../formats/oci.ts'
import { FileTree } from './file-tree.ts'
import type { Layer } from './layer-entry.ts'
import { mergeLayers, type TreeNode } from './merge-layers.ts'
import { type Files, requireFile, type SelectedImage, selectImage } from './select-image.ts'

/** An image as it was read: what its config says, and the files that a container of it would see. */
export interface ImageTree {
  /** Digest of the config: the image ID. */
  id: string
  /** `config.history` is how it was made, as its builder tells. */
  config: ImageConfig
  /** Digest of the manifest; undefined when the archive is a `docker save` of old, which has none. */
  manifest: string | undefined
  /** Lowest first: digest and bytes of the uncompressed archive, and digest of the blob it was read from. */
  layers: { diffID: string; size: number; digest: string }[]
  root: TreeNode
  /** {@link root}, to be looked into. */
  tree: FileTree
  /** Kept when all files of the tree have their digests; waited for already, but when `accounts` were given. */
  digested: Promise<unknown>
}

/** Engines stop at 127. */
const LAYER_LIMIT = 1000

/**
 * Finds the image among files, holds its layers against its config, and merges them.
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function readTree(files: Files, platform: string | undefined): Promise<ImageTree> {
  const image = await selectImage(files, platform)
  requireFew(image)
  const layers: ReadLayer[] = []
  for (const index of image.layers.keys()) layers.push(await readLayer(files, image, index))
  // of a layer that comes again the tree gets other inodes
  if (new Set(layers.map(({ digest }) => digest)).size < layers.length)
    await Promise.all(layers.map(({ digested }) => digested))
  return treeOf(image, layers)
}

/** A layer, and the digest of the blob that it was read from. */
export type ReadLayer = Layer & { digest: string }

/** An image of its layers, lowest first, whose inodes become the tree's. */
export function treeOf({ id, config, manifest }: SelectedImage, layers: readonly ReadLayer[]): ImageTree {
  const root = mergeLayers(layers.map(({ entries }) => entries))
  const told = layers.map(({ diffID, size, digest }) => ({ diffID, size, digest }))
  const digested = Promise.all(layers.map((layer) => layer.digested))
  // awaited later, which is never when something else fails before
  digested.catch(() => {})
  return { id, config, manifest, layers: told, root, tree: new FileTree(root), digested }
}

/** @throws {StillroomError} IMAGE_INVALID when there are more layers than any engine makes */
export function requireFew({ id, layers }: SelectedImage): void {
  if (layers.length > LAYER_LIMIT) throw imageInvalid(`Image ${id} has ${layers.length} layers`)
}

/**
 * One layer of an image, held against the config.
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function readLayer(
  files: Files,
  { id, config, layers }: SelectedImage,
  index: number,
): Promise<ReadLayer> {
  const { path, digest } = layers[index] as SelectedImage['layers'][number]
  const blob = await requireFile(files, path, digest)
  if (blob.layer === undefined) {
    throw (
      blob.problem ??
      imageInvalid(
        `Layer ${index + 1}, ${quotePath(path)}, is not a tar archive, plain or compressed by gzip or zstd`,
      )
    )
  }
  const { diffID } = blob.layer
  const expected = config.rootfs.diff_ids[index]
  if (diffID !== expected) {
    throw imageInvalid(
      `Layer ${index + 1} of image ${id}, ${quotePath(path)}, is not what its config says: expected ${expected}, actual ${diffID}`,
    )
  }
  return { ...blob.layer, digest: blob.digest }
}

import { FileTree } from './file-tree.ts'
import { imageInvalid, quotePath } from './image-invalid.ts'
import type { LayerEntry } from './layer-entry.ts'
import { mergeLayers, type TreeNode } from './merge-layers.ts'
import type { ImageConfig } from './schema.ts'
import { type Files, requireFile, selectImage } from './select-image.ts'

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
}

/** Engines stop at 127. */
const LAYER_LIMIT = 1000

/**
 * Finds the image among files, holds its layers against its config, and merges them.
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function readTree(files: Files, platform: string | undefined): Promise<ImageTree> {
  const { id, config, manifest, layers } = await selectImage(files, platform)
  if (layers.length > LAYER_LIMIT) throw imageInvalid(`Image ${id} has ${layers.length} layers`)
  const read: ImageTree['layers'] = []
  const entries: LayerEntry[][] = []
  for (const [i, { path, digest }] of layers.entries()) {
    const blob = await requireFile(files, path, digest)
    if (blob.layer === undefined) {
      throw (
        blob.problem ??
        imageInvalid(
          `Layer ${i + 1}, ${quotePath(path)}, is not a tar archive, plain or compressed by gzip or zstd`,
        )
      )
    }
    const { diffID, size } = blob.layer
    const expected = config.rootfs.diff_ids[i]
    if (diffID !== expected) {
      throw imageInvalid(
        `Layer ${i + 1} of image ${id}, ${quotePath(path)}, is not what its config says: expected ${expected}, actual ${diffID}`,
      )
    }
    read.push({ diffID, size, digest: blob.digest })
    entries.push(blob.layer.entries)
  }
  const root = mergeLayers(entries)
  return { id, config, manifest, layers: read, root, tree: new FileTree(root) }
}

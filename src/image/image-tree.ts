import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import type { ImageConfig } from '../formats/oci.ts'
import { joinPath, type PlaceInDirectory } from './columns.ts'
import { FileTree } from './file-tree.ts'
import type { ImageFile } from './image-file.ts'
import type { Layer, LayerEntries } from './layer-entries.ts'
import type { Inode } from './layer-entry.ts'
import { layerSource } from './layer-source.ts'
import { mergeLayers } from './merge-layers.ts'
import { documentsOfAnyAge } from './old-archive.ts'
import { Budget, type ReadOptions } from './read-options.ts'
import {
  DOCUMENT_LIMIT,
  type Documents,
  documentOf,
  type ImageDocument,
  missingFile,
  type SelectedImage,
  selectImage,
} from './select-image.ts'
import type { TreeNode } from './tree-node.ts'

/** An image as it was read: what its config says, and the files that a container of it would see. */
export interface ImageTree {
  /** Digest of the config: the image ID. */
  id: string
  /** `config.history` is how it was made, as its builder tells. */
  config: ImageConfig
  /** The config as it was read. */
  configBytes: Buffer
  /** Digest of the manifest; undefined when the archive is a `docker save` of old, which has none. */
  manifest: string | undefined
  /**
   * Lowest first: digest and bytes of the uncompressed archive, digest of the blob it was read from, and whether its members
   * come as one who walks through directories meets them, by the bytes of their names.
   */
  layers: { diffID: string; size: number; digest: string; walked: boolean }[]
  root: TreeNode
  /** {@link root}, to be looked into. */
  tree: FileTree
  /** Files whose content was kept, and that a layer above replaces or deletes: a container doesn't see them. */
  covered: CoveredFile[]
  /** The tree of the layers that were asked for as `inner`; undefined when it lacks one of them, or has no others. */
  inner?: TreeNode
  /** Set of a SIF, whose ID is the digest of its squashfs, and whose config says but the platform. */
  sif?: true
}

/** A file of a layer that is not in the merged tree. */
export interface CoveredFile {
  path: string
  inode: Inode
}

/** The files of an image, by path: its documents, and what its layers hold. */
export interface ImageFiles {
  document: Documents
  /** @throws {StillroomError} IMAGE_INVALID when there is no such file, or it is not a layer */
  layer(path: string): Promise<Layer>
}

/**
 * Finds the image among files, verifies its layers against its config, and merges them.
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function readTree(
  files: ImageFiles,
  { inner, ...wanted }: Pick<ReadOptions, 'platform' | 'name' | 'inner'>,
): Promise<ImageTree> {
  const image = await selectImage(files.document, wanted)
  const layers = await readLayers(files, image, 0, image.layers.length)
  const root = inner && innerTree(layers, inner)
  return { ...treeOf(image, layers), ...(root && { inner: root }) }
}

/** The tree of some layers of an image, by their diffIDs. */
export function innerTree(layers: readonly Layer[], diffIDs: readonly string[]): TreeNode | undefined {
  if (diffIDs.length === 0 || diffIDs.length > layers.length) return undefined
  if (layers.map(({ diffID }) => diffID).join() === diffIDs.join()) return undefined
  const byID = new Map(layers.map((layer) => [layer.diffID, layer]))
  const inner = diffIDs.map((diffID) => byID.get(diffID)?.entries)
  return inner.every((entries) => entries !== undefined) ? mergeLayers(inner) : undefined
}

/**
 * Some layers of an image, from an index to before another.
 *
 * @throws {StillroomError} IMAGE_INVALID when one is not what the config says
 */
export async function readLayers(
  files: Pick<ImageFiles, 'layer'>,
  { id, config, layers }: SelectedImage,
  first: number,
  end: number,
): Promise<Layer[]> {
  const read: Layer[] = []
  for (let index = first; index < end; index++) {
    const path = layers[index] as string
    // one that comes twice is read once
    const known = layers.indexOf(path, first)
    const layer = known < index ? (read[known - first] as Layer) : await files.layer(path)
    const expected = config.rootfs.diff_ids[index]
    if (layer.diffID !== expected)
      throw imageInvalid(
        `Layer ${index + 1} of image ${id}, ${quotePath(path)}, is not what its config says: expected ${expected}, actual ${layer.diffID}`,
      )
    read.push(layer)
  }
  return read
}

/** An image of its layers, lowest first. */
export function treeOf(
  { id, config, bytes, manifest }: Pick<SelectedImage, 'id' | 'config' | 'bytes' | 'manifest'>,
  layers: readonly Layer[],
): ImageTree {
  const root = mergeLayers(layers.map(({ entries }) => entries))
  const tree = new FileTree(root)
  const covered: CoveredFile[] = []
  const read = layers.map(({ diffID, size, digest, entries }, layer) => {
    const { walked, kept } = lookThrough(entries)
    if (layer < layers.length - 1)
      for (const [path, index] of kept) {
        const inode = { ...entries.inode(index), layer }
        if (tree.findLink(path)?.inode.sha256 !== inode.sha256) covered.push({ path, inode })
      }
    return { diffID, size, digest, walked }
  })
  return { id, config, configBytes: bytes, manifest, layers: read, root, tree, covered }
}

/**
 * Whether members come as in a walk: a directory before what is in it, and all of that before its next sibling, as if the slash were
 * the least of bytes. And the paths and numbers of the files whose content was kept.
 */
function lookThrough(entries: LayerEntries): { walked: boolean; kept: [path: string, index: number][] } {
  const kept: [path: string, index: number][] = []
  const inWalk = ({ directory, name }: PlaceInDirectory) => joinPath(directory, name).replaceAll('/', '\0')
  let walked = true
  let last: PlaceInDirectory = { directory: '', name: '' }
  for (const place of entries.places()) {
    const { index, directory, name } = place
    const comesAfter = directory === last.directory ? name >= last.name : inWalk(place) >= inWalk(last)
    walked &&= comesAfter
    last = place
    if (entries.isKept(index)) kept.push([joinPath(directory, name), index])
  }
  return { walked, kept }
}

/** Gives a file by its path in a layout, undefined when there is none; paths come from the image and may be hostile. */
export type OpenFile = (path: string) => Promise<ImageFile | undefined>

/**
 * Reads an image from the files of an OCI image layout, or of an unpacked `docker save`: those of the wanted platform
 * alone. Every one is verified against its digest.
 *
 * @throws {StillroomError} IMAGE_INVALID as `readImageTree`
 */
export function readImageLayout(open: OpenFile, options: ReadOptions = {}): Promise<ImageTree> {
  return readTree(layoutFiles(open, options), options)
}

/** The files of a layout, each read when it is asked for. */
export function layoutFiles(open: OpenFile, options: ReadOptions): ImageFiles {
  const budget = new Budget(options)
  const layers = layerSource(budget)
  const documents = new Map<string, Promise<ImageDocument | undefined>>()
  const readDocument = async (path: string) => {
    const file = await open(path)
    if (file === undefined) return undefined
    if (file.size > DOCUMENT_LIMIT) return { digest: await file.digest() }
    const parts: Buffer[] = []
    for await (const bytes of budget.counted(file.read())) parts.push(Buffer.from(bytes))
    return documentOf(path, Buffer.concat(parts), budget)
  }
  const readOnce = (path: string) => {
    const document = documents.get(path) ?? readDocument(path)
    documents.set(path, document)
    return document
  }
  const required = async (path: string) => {
    const file = await open(path)
    if (file === undefined) throw missingFile(path)
    return file
  }
  return {
    // layers of old archives are not compressed
    document: documentsOfAnyAge(readOnce, async (path) => (await required(path)).digest()),
    layer: async (path) => {
      const file = await required(path)
      return layers.layer({ ...file, read: () => budget.counted(file.read()) })
    },
  }
}

import { hash } from 'node:crypto'
import { checkShape, parseJson } from '../formats/json/parse-json.ts'
import { ImageConfig } from '../formats/oci.ts'
import { streamedFile } from './image-file.ts'
import { type ImageTree, innerTree, treeOf } from './image-tree.ts'
import { type Layer, LayerEntries } from './layer-entries.ts'
import { unpackLayer } from './layer-index.ts'
import { layerSource } from './layer-source.ts'
import { Budget, type ReadOptions } from './read-options.ts'

/** The layer that nothing is in: a tar archive's two blocks of zeros, as engines write it. */
const EMPTY = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef'

/** Layers by diffID. */
export type CachedLayers = ReadonlyMap<string, Layer>

/** Reads those of some layers that the cache has with all that is to be read of them. */
export async function cachedLayers(diffIDs: readonly string[], options: ReadOptions): Promise<CachedLayers> {
  const budget = new Budget(options)
  const layers = new Map<string, Layer>([
    [EMPTY, { digest: EMPTY, diffID: EMPTY, size: 1024, entries: new LayerEntries() }],
  ])
  for (const digest of new Set(diffIDs)) {
    options.signal?.throwIfAborted()
    const packed = layers.has(digest) ? undefined : await options.cache?.get(digest)
    const layer = packed && unpackLayer(packed, budget)
    if (layer?.diffID === digest) layers.set(digest, { ...layer, digest })
  }
  return layers
}

/** A layer's tar archive. */
export interface LayerArchive {
  diffID: string
  /** In bytes. */
  size: number
  read(): AsyncIterable<Uint8Array>
}

/**
 * Reads layers, so that the cache has them.
 *
 * @throws {StillroomError} IMAGE_INVALID when the bytes of one are no layer, or not those of its diffID
 */
export async function cacheLayers(layers: Iterable<LayerArchive>, options: ReadOptions): Promise<void> {
  const budget = new Budget(options)
  const source = layerSource(budget)
  for (const { diffID, size, read } of layers) {
    const path = `blobs/sha256/${diffID.replace('sha256:', '')}`
    await source.layer(streamedFile(path, size, budget.counted(read())))
  }
}

/**
 * An image whose layers are all in the cache: none of their bytes is read again.
 *
 * @param bytes its config; the image ID is their digest
 * @param read layers that were read from the cache, with these options, for this image
 * @returns undefined when the cache lacks a layer
 * @throws {StillroomError} IMAGE_INVALID when the bytes are no config
 */
export async function readCachedImage(
  bytes: Buffer,
  { inner, ...options }: ReadOptions,
  read: CachedLayers = new Map(),
): Promise<ImageTree | undefined> {
  const id = `sha256:${hash('sha256', bytes, 'hex')}`
  const config = checkShape(ImageConfig, parseJson(bytes, `config ${id}`), `config ${id}`)
  const diffIDs = config.rootfs.diff_ids
  const others = await cachedLayers(
    diffIDs.filter((diffID) => !read.has(diffID)),
    options,
  )
  const layers = diffIDs.map((diffID) => read.get(diffID) ?? others.get(diffID))
  if (!layers.every((layer) => layer !== undefined)) return undefined
  const root = inner && innerTree(layers, inner)
  return { ...treeOf({ id, config, bytes, manifest: undefined }, layers), ...(root && { inner: root }) }
}

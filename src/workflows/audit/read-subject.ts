import { type SifLock, sifAdditions } from '../../audit/expect/sif-additions.ts'
import type { ImageSubject } from '../../audit/subject.ts'
import { headWantedByAudit, wantedByAudit } from '../../audit/wanted-by-audit.ts'
import { type CachedLayers, cachedLayers } from '../../image/cached-image.ts'
import type { DiskLayerCache } from '../../image/layer-cache.ts'
import type { LocatedImage, OpenedImage } from '../../image/open-image.ts'
import type { ReadOptions } from '../../image/read-options.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import {
  digestsForInventory,
  md5WantedByInventory,
  readInventory,
  wantedByInventory,
} from '../../inventory/read-inventory.ts'

/** How an image is read for an audit. */
export interface Reading {
  /** Undefined to read every layer. */
  cache: DiskLayerCache | undefined
  /** Whether to take the md5 sums that package managers note. */
  md5: boolean
  /** What the image is compared with: of a SIF, that says what was added to it. */
  lock?: SifLock | undefined
}

const readOptions = ({ cache, md5 }: Reading): ReadOptions => ({
  keep: (path, size) => wantedByAudit(path, size) || wantedByInventory(path, size),
  head: headWantedByAudit,
  md5: md5 && md5WantedByInventory,
  ...(cache && { cache }),
})

/** An image as it was read, whose packages were not looked for. */
export type ReadImage = Omit<ImageSubject, 'inventory' | 'layers'> &
  Required<Pick<ImageSubject, 'digest'>> &
  Pick<OpenedImage, 'inner' | 'layers'>

/** @param inner layers of another image, whose tree is to be given where this one has them all */
export async function readSubject(
  located: LocatedImage,
  reading: Reading,
  inner: readonly string[] = [],
): Promise<ReadImage> {
  const read = await located.read({ ...readOptions(reading), inner })
  return { ...toSubject(read, reading), ...(read.inner && { inner: read.inner }) }
}

/** Those of some layers that the cache has, as {@link readSubject} reads them: an image of them may still be in the making. */
export const readKnownLayers = (
  diffIDs: readonly string[],
  reading: Reading,
  signal: AbortSignal,
): Promise<CachedLayers> => cachedLayers(diffIDs, { ...readOptions(reading), signal })

function toSubject(
  { reference, id, config, layers, tree, covered, sif: isSif }: OpenedImage,
  { cache, lock }: Reading,
): ReadImage {
  const knownLayers = layers.filter(({ digest }) => cache?.isKnown(digest)).length
  const sif = isSif && sifAdditions(tree.root, lock)
  const digest = treeDigest(sif ? sif.root : tree.root)
  return { reference, id, config, layers, tree, covered, digest, knownLayers, ...(sif && { sif }) }
}

/** What is installed in an image, which is read again when that takes digests that were not taken. */
export async function withInventory(
  located: LocatedImage,
  image: ReadImage,
  reading: Reading,
): Promise<ImageSubject & ReadImage> {
  const digests = digestsForInventory(image.tree, { md5: reading.md5 })
  const read =
    digests === undefined
      ? image
      : toSubject(await located.read({ ...readOptions(reading), ...digests }), reading)
  return { ...read, inventory: await readInventory(read.tree) }
}

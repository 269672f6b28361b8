import { joinPath } from './columns.ts'
import { type ImageTree, layoutFiles, type OpenFile, readLayers, treeOf } from './image-tree.ts'
import { type Layer, LayerEntries } from './layer-entries.ts'
import type { LayerEntry } from './layer-entry.ts'
import { chooses, type ReadOptions } from './read-options.ts'
import { type SelectedImage, selectImage } from './select-image.ts'
import { TouchedPaths } from './touched-paths.ts'

/** Bytes of changed files that are kept at once, so that they need not be read again. */
const KEPT_AT_ONCE = 32 * 1024 * 1024

/**
 * Reads two images to be compared: the layers above those that both begin with; and of these, which are read once, all
 * but the files that the others don't touch and `keep` doesn't ask for. The trees have what differs between the images
 * and may lack what does not. Every layer that is read is verified against its digest; those of images with the same
 * layers are not read.
 *
 * @throws {StillroomError} IMAGE_INVALID as `readImageLayout`
 */
export async function readPair(
  openA: OpenFile,
  openB: OpenFile,
  {
    names = [],
    ...options
  }: Omit<ReadOptions, 'cache' | 'name'> & { names?: readonly (string | undefined)[] } = {},
): Promise<{ a: ImageTree; b: ImageTree }> {
  const above = { ...options, keepFirst: { files: true, bytes: KEPT_AT_ONCE } }
  const files = { a: layoutFiles(openA, above), b: layoutFiles(openB, above) }
  const a = await selectImage(files.a.document, { ...options, name: names[0] })
  const b = await selectImage(files.b.document, { ...options, name: names[1] })
  const common = countCommon(a.config.rootfs.diff_ids, b.config.rootfs.diff_ids)
  const tops = {
    a: await readLayers(files.a, a, common, a.layers.length),
    b: await readLayers(files.b, b, common, b.layers.length),
  }
  const all = [...tops.a, ...tops.b]
  if (all.length === 0) return { a: treeOf(a, []), b: treeOf(b, []) }
  const below = await readTouched(openA, a, common, new TouchedPaths(all), options)
  return { a: treeOf(a, [...below, ...tops.a]), b: treeOf(b, [...below, ...tops.b]) }
}

function countCommon(a: readonly string[], b: readonly string[]): number {
  let count = 0
  while (count < a.length && a[count] === b[count]) count += 1
  return count
}

/** What may matter of the lowest layers. They are seldom read twice: when a file has another name that came first. */
async function readTouched(
  open: OpenFile,
  image: SelectedImage,
  count: number,
  touched: TouchedPaths,
  options: ReadOptions,
): Promise<Layer[]> {
  while (true) {
    const files = (path: string) => touched.has(path)
    const sha256 = (path: string, size: number) => touched.has(path) || chooses(options.keep, path, size)
    const keepFirst = { files, bytes: KEPT_AT_ONCE }
    const layers = await readLayers(layoutFiles(open, { ...options, sha256, keepFirst }), image, 0, count)
    if (!touched.addLinked(layers)) return layers.map(withoutRest(layers, sha256))
  }
}

/**
 * Leaves out of a layer what is the same in both trees whether it is there or not: files that are not wanted, have no
 * other names, and are not what a directory is there for.
 */
function withoutRest(layers: readonly Layer[], wanted: (path: string, size: number) => boolean) {
  const linked = new Set(layers.flatMap(({ entries }) => entries.links().map(([, link]) => link)))
  return (layer: Layer): Layer => {
    const directories = new Set([''])
    for (const { index, directory, name } of layer.entries.places())
      if (layer.entries.type(index) === 'directory') directories.add(joinPath(directory, name))
    const isNeeded = ({ path, inode, link }: LayerEntry) =>
      inode.type !== 'file' ||
      link !== undefined ||
      linked.has(path) ||
      wanted(path, inode.size) ||
      !directories.has(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
    const entries = new LayerEntries()
    for (const entry of layer.entries) if (isNeeded(entry)) entries.add(entry)
    return { ...layer, entries }
  }
}

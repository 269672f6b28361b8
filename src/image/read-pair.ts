import { type ImageTree, type ReadLayer, readLayer, requireFew, treeOf } from './image-tree.ts'
import { copyOf } from './known-layers.ts'
import type { LayerEntry } from './layer-entry.ts'
import { layoutFiles, type OpenFile } from './read-layout.ts'
import { chooses, type ReadOptions } from './read-options.ts'
import { type Files, type SelectedImage, selectImage } from './select-image.ts'
import { TouchedPaths } from './touched-paths.ts'

/** Contents of changed files that are kept at once, so that they need not be read again. */
const KEPT_AT_ONCE = 32 * 1024 * 1024

/**
 * Reads two images to be compared: the layers above those that both begin with; and of these, which are read once,
 * what the others touch, with all links and what `keep` asks for. The trees have what differs between the
 * images and may lack what does not. Every layer that is read is held against its digest; those of images with the
 * same layers are not read.
 *
 * @throws {StillroomError} IMAGE_INVALID as `readImageLayout`
 */
export async function readPair(
  openA: OpenFile,
  openB: OpenFile,
  options: ReadOptions = {},
): Promise<{ a: ImageTree; b: ImageTree }> {
  let room = KEPT_AT_ONCE
  const above: ReadOptions = {
    ...options,
    keep: (path, size) => {
      if (chooses(options.keep, path, size)) return true
      if (size > room) return false
      room -= size
      return true
    },
  }
  const files = { a: layoutFiles(openA, above), b: layoutFiles(openB, above) }
  const a = await selectImage(files.a, options.platform)
  const b = await selectImage(files.b, options.platform)
  requireFew(a)
  requireFew(b)
  const common = countCommon(a.config.rootfs.diff_ids, b.config.rootfs.diff_ids)
  const tops = { a: await readFrom(files.a, a, common), b: await readFrom(files.b, b, common) }
  const all = [...tops.a, ...tops.b]
  if (all.length === 0) return { a: treeOf(a, []), b: treeOf(b, []) }
  const below = await readTouched(openA, a, common, new TouchedPaths(all), options)
  return { a: treeOf(a, [...below.map(copyOf), ...tops.a]), b: treeOf(b, [...below, ...tops.b]) }
}

function countCommon(a: readonly string[], b: readonly string[]): number {
  let count = 0
  while (count < a.length && a[count] === b[count]) count += 1
  return count
}

async function readFrom(files: Files, image: SelectedImage, first: number): Promise<ReadLayer[]> {
  const read: ReadLayer[] = []
  for (let index = first; index < image.layers.length; index++)
    read.push(await readLayer(files, image, index))
  return read
}

/** The lowest layers, with what is touched of them. Seldom once more: when a file has another name that came first. */
async function readTouched(
  open: OpenFile,
  image: SelectedImage,
  count: number,
  touched: TouchedPaths,
  options: ReadOptions,
): Promise<ReadLayer[]> {
  const { known: _, ...rest } = options
  while (true) {
    let room = KEPT_AT_ONCE
    const keep = (path: string, size: number) => {
      if (chooses(options.keep, path, size)) return true
      if (!touched.has(path) || size > room) return false
      room -= size
      return true
    }
    const symlinks = new Set<string>()
    const retain =
      (shown: Set<string>) =>
      ({ path, inode: { type, size }, link }: LayerEntry) => {
        if (type === 'symlink') symlinks.add(path)
        const implies = impliesTouched(path, touched, shown)
        // a link that is not touched is left out later, and may not be when a directory is there for it
        if (implies && link !== undefined) touched.add(path)
        return (
          type === 'symlink' ||
          link !== undefined ||
          implies ||
          touched.has(path) ||
          (type === 'directory' && symlinks.has(path)) ||
          (type === 'file' && chooses(options.keep, path, size))
        )
      }
    const layers: ReadLayer[] = []
    for (let index = 0; index < count; index++) {
      const files = layoutFiles(open, { ...rest, keep, retain: retain(new Set()) })
      layers.push(await readLayer(files, image, index))
    }
    if (!touched.addLinked(layers)) return layers.map((layer) => ({ ...layer, entries: touched.of(layer) }))
  }
}

/** Whether a member is the first of its layer below a touched directory, which may be there for it alone. */
function impliesTouched(path: string, touched: TouchedPaths, shown: Set<string>): boolean {
  let implies = false
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const directory = path.slice(0, end)
    if (shown.has(directory)) break
    shown.add(directory)
    if (touched.has(directory)) implies = true
  }
  return implies
}

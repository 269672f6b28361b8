import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { BlobReader, digestOf } from './blob-reader.ts'
import type { RangeDigester } from './digester.ts'
import { type ImageTree, readTree, requireFew } from './image-tree.ts'
import { Budget, type ReadOptions } from './read-options.ts'
import { type Files, selectImage } from './select-image.ts'

/** A file of a layout on disk. */
export interface LayoutFile {
  size: number
  /** What it holds from a byte on; one piece may take the memory of the last. */
  read(from: number): AsyncIterable<Buffer>
  /** When somebody else can read it, too, and it is worth the way. */
  digester?: RangeDigester
}

/** Gives a file by its path in a layout, undefined when there is none; paths come from the image and may be hostile. */
export type OpenFile = (path: string) => Promise<LayoutFile | undefined>

/**
 * Reads an image from the files of an OCI image layout, or of an unpacked `docker save`: those of the wanted platform
 * alone. Every one is held against its digest.
 *
 * @throws {StillroomError} IMAGE_INVALID as `readImageTree`
 */
export function readImageLayout(open: OpenFile, options: ReadOptions = {}): Promise<ImageTree> {
  return readTree(layoutFiles(open, options), options.platform)
}

/**
 * Lets the digests of an image's layers be taken, where another can, before they are read.
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function digestLayers(open: OpenFile, platform?: string): Promise<void> {
  const image = await selectImage(layoutFiles(open, {}), platform)
  requireFew(image)
  for (const { path } of image.layers) {
    const file = await open(path)
    // awaited when the layer is read
    file?.digester?.whole().catch(() => {})
  }
}

/** The files of a layout, each read when it is asked for, and once. */
export function layoutFiles(open: OpenFile, options: ReadOptions): Files {
  const budget = new Budget(options)
  const read = new Map<string, ReturnType<Files>>()
  const readFile: Files = async (path) => {
    const digest = digestOf(path)
    const layer = digest === undefined ? undefined : options.known?.get(digest)
    if (layer !== undefined) return { digest: digest as string, layer }
    const file = await open(path)
    if (file === undefined) return undefined
    const reader = new BlobReader(path, file.size, budget, file.digester)
    if (reader.wantsBytes) await writeAll(reader, path, file, budget)
    const blob = await reader.end()
    budget.take('bytes of JSON', blob.json?.length ?? 0)
    if (blob.layer !== undefined) options.known?.add(blob.digest, blob.layer)
    return blob
  }
  return (path) => {
    const blob = read.get(path) ?? readFile(path)
    read.set(path, blob)
    return blob
  }
}

async function writeAll(reader: BlobReader, path: string, file: LayoutFile, budget: Budget): Promise<void> {
  let size = 0
  for (let skipped = 1; skipped > 0; size += skipped) {
    skipped = 0
    for await (const bytes of file.read(size)) {
      budget.received(bytes.length)
      size += bytes.length
      reader.write(bytes)
      const drained = reader.drained()
      if (drained !== undefined) await drained
      skipped = reader.skip()
      if (skipped > 0) break
    }
  }
  if (size !== file.size)
    throw imageInvalid(`${quotePath(path)} had ${file.size} bytes and now has ${size}: it is being written`)
}

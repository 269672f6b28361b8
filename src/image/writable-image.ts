import { uncompressed } from '../formats/decompress.ts'
import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { isTarHeader, isZeroBlock } from '../formats/tar/tar-header.ts'
import type { ImageFile } from './image-file.ts'
import { layoutFiles, type OpenFile } from './image-tree.ts'
import { Budget, type ReadOptions } from './read-options.ts'
import { missingFile, selectImage } from './select-image.ts'
import type { WritableImage, WritableLayer } from './write-archive.ts'

/**
 * An image as it can be written again, of the files of a layout or an archive. Compressed layers are unpacked to learn how
 * long they are; none is kept. Layers are verified when they are written.
 *
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function writableImage(
  open: OpenFile,
  options: Pick<ReadOptions, 'platform' | 'name' | 'signal'> = {},
): Promise<WritableImage & { id: string; names: ReadonlySet<string> }> {
  const { id, bytes, config, layers, names } = await selectImage(layoutFiles(open, options).document, options)
  const writable: WritableLayer[] = []
  for (const [index, path] of layers.entries()) {
    const file = await open(path)
    if (file === undefined) throw missingFile(path)
    writable.push(await writableLayer(file, config.rootfs.diff_ids[index] as string, options))
  }
  return { id, config: bytes, layers: writable, names }
}

async function writableLayer(file: ImageFile, diffID: string, options: ReadOptions): Promise<WritableLayer> {
  if (await isPlain(file)) return { diffID, size: file.size, read: () => file.read() }
  const read = () => {
    const budget = new Budget(options)
    return uncompressed(file.read(), {
      received: (bytes) => budget.received(bytes),
      unpacked: (bytes) => budget.unpacked(bytes),
      rest: () => {
        throw imageInvalid(`${quotePath(file.path)} has more after the end of what is compressed`)
      },
    })
  }
  let size = 0
  for await (const bytes of read()) size += bytes.length
  return { diffID, size, read }
}

/** Whether it begins as a tar archive does. */
async function isPlain(file: ImageFile): Promise<boolean> {
  let head = Buffer.alloc(0)
  for await (const bytes of file.read()) {
    head = Buffer.concat([head, bytes])
    if (head.length >= 512) break
  }
  return head.length >= 512 && (isTarHeader(head) || isZeroBlock(head))
}

import { imageInvalid, imageNotChosen, locateError } from '../formats/image-invalid.ts'
import { ImageConfig } from '../formats/oci.ts'
import { partAt, type ReadAt } from '../formats/read-at.ts'
import { isSif, readSif, rootPartition } from '../formats/sif/read-sif.ts'
import { SIF_HEADER } from '../formats/sif/sif-layout.ts'
import type { DigestThreads } from './digest-threads.ts'
import { diskFile, fileState, openRegular, unreadable } from './disk-file.ts'
import { type ImageTree, treeOf } from './image-tree.ts'
import { LayerReader } from './layer-reader.ts'
import { Budget, type ReadOptions } from './read-options.ts'

/** Whether a file on disk is a SIF. @throws {StillroomError} IMAGE_UNREADABLE */
export async function isSifFile(path: string): Promise<boolean> {
  const file = await openRegular(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SIF_HEADER), 0, SIF_HEADER, 0)
    return isSif(buffer.subarray(0, bytesRead))
  } catch (cause) {
    throw unreadable(path, cause)
  } finally {
    await file.close()
  }
}

/**
 * Reads a SIF: the files that a container of it sees, as an image of one layer, its squashfs. It has no config like that of
 * an OCI image, but for the platform; the digest of the squashfs stands for the image ID.
 *
 * @throws {StillroomError} IMAGE_INVALID, IMAGE_UNREADABLE
 */
export async function readSifTree(
  path: string,
  options: ReadOptions,
  threads?: DigestThreads,
): Promise<ImageTree> {
  // with its decompressors, which other images need not
  const { readSquashfs } = await import('../formats/squashfs/read-squashfs.ts')
  const file = await openRegular(path)
  try {
    const state = await fileState(file)
    const { size } = await file.stat()
    const read: ReadAt = async (offset, length) => {
      const { buffer, bytesRead } = await file
        .read(Buffer.allocUnsafeSlow(length), 0, length, offset)
        .catch((cause: unknown) => {
          throw unreadable(path, cause)
        })
      if (bytesRead !== length) throw unreadable(path, new Error('it is shorter than it was'))
      return buffer
    }
    const sif = await readSif(read, size)
    const root = rootPartition(sif)
    requirePlatform(sif.architecture, options.platform)
    if (options.name !== undefined)
      throw imageNotChosen(
        `A SIF has one image, without a name: not ${options.name}`,
        'leave out # and what follows it',
      )
    const squashfs = diskFile('squashfs', { path, state, from: root.offset, size: root.size }, threads)
    const budget = new Budget(options)
    budget.received(root.size)
    const reader = new LayerReader(budget)
    const limit = {
      unpacked: (bytes: number) => {
        budget.received(0)
        budget.unpacked(bytes)
      },
      remembered: (bytes: number) => budget.take('bytes of names and attributes', bytes),
    }
    const within = partAt(read, root.offset)
    await readSquashfs(within, root.size, reader, limit).catch((error: unknown) => {
      throw locateError(error, 'in the squashfs of the SIF')
    })
    const digest = await squashfs.digest()
    if ((await fileState(file)) !== state)
      throw unreadable(path, new Error('it was changed while it was read'))
    const config = ImageConfig.parse({
      os: 'linux',
      architecture: sif.architecture,
      rootfs: { type: 'layers', diff_ids: [digest] },
    })
    const image = {
      id: digest,
      config,
      bytes: Buffer.alloc(0),
      manifest: undefined,
      layers: [],
      names: new Set<string>(),
    }
    const layer = { digest, diffID: digest, size: root.size, entries: reader.entries }
    return { ...treeOf(image, [layer]), sif: true }
  } finally {
    await file.close()
  }
}

function requirePlatform(architecture: string, wanted: string | undefined): void {
  const actual = `linux/${architecture}`
  if (wanted === undefined || wanted === actual) return
  throw imageInvalid(`The SIF has no image for ${wanted}, but for ${actual}: --platform chooses one`)
}

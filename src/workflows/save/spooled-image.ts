import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Engine } from '../../engine/connect.ts'
import { engineError } from '../../engine/engine-error.ts'
import { saveImage } from '../../engine/find-image.ts'
import { imageInvalid } from '../../formats/image-invalid.ts'
import { openArchive } from '../../image/open-image.ts'
import { writableImage } from '../../image/writable-image.ts'
import { type ArchiveFile, archiveFiles, type WritableImage } from '../../image/write-archive.ts'
import { diskError } from '../../store/disk.ts'
import type { Cancellation } from '../ports.ts'

/** An image of an engine on disk, where it can be read in parts; gone when disposed of. */
export interface SpooledImage extends AsyncDisposable {
  /** What the engine saved: an archive in a form of its own. */
  path: string
}

/**
 * Copies an image out of an engine. The engine's own order and compression say nothing of where a layer is to stand in the
 * archive, nor how long it is, so it lies on disk before its archive is written.
 *
 * @param beside it gets a name of its own beside this file
 * @throws {StillroomError} DISK_FULL, NOT_WRITABLE; ENGINE_*
 */
export async function spoolImage(
  { signal }: Cancellation,
  engine: Engine,
  reference: string,
  beside: string,
): Promise<SpooledImage> {
  const path = `${beside}.${randomUUID()}.tmp`
  const dispose = () => rm(path, { force: true })
  try {
    await mkdir(dirname(path), { recursive: true })
    const saved = await saveImage(engine, reference)
    await pipeline(saved, createWriteStream(path, { flags: 'wx' }), { signal })
  } catch (error) {
    await dispose()
    throw signal.aborted ? signal.reason : diskError(engineError(`saving image ${reference}`, error), path)
  }
  return { path, [Symbol.asyncDispose]: dispose }
}

/**
 * An image on disk, as it can be written again.
 *
 * @throws {StillroomError} IMAGE_INVALID when the engine saved something else
 */
export async function spooledImage(
  { signal }: Cancellation,
  { path }: SpooledImage,
  id: string,
): Promise<WritableImage> {
  const open = await openArchive(path)
  if (open === undefined) throw imageInvalid('The engine saved an archive that is not sound')
  const image = await writableImage(open, { signal })
  if (image.id !== id) throw imageInvalid(`The engine saved image ${image.id} when asked for ${id}`)
  return image
}

/** The files of the archive that `save` writes of an image. @throws {StillroomError} as {@link spooledImage} */
export async function savedFiles(
  ports: Cancellation,
  spooled: SpooledImage,
  id: string,
  recipe: string,
): Promise<ArchiveFile[]> {
  return archiveFiles(await spooledImage(ports, spooled, id), savedName(recipe))
}

/** What an archive calls the image: where it comes from does not show. */
export const savedName = (recipe: string) => `stillroom/${recipe}:latest`

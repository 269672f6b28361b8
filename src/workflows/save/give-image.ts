import type { Engine } from '../../engine/connect.ts'
import { type EngineImage, findImage } from '../../engine/find-image.ts'
import { loadImage } from '../../engine/load-image.ts'
import { StillroomError } from '../../error.ts'
import {
  type ArchiveFile,
  archiveFiles,
  type WritableImage,
  writeArchive,
} from '../../image/write-archive.ts'
import type { Cache, Cancellation } from '../ports.ts'
import { rememberImage } from '../project/known-images.ts'

/**
 * Gives an engine an image, verified as it goes by.
 *
 * @param name what the engine calls it
 * @param present digests of layers that the engine has, and is not given again
 * @throws {StillroomError} IMAGE_INVALID; ENGINE_*, also when the engine has another image by that name then; DISK_FULL
 */
export async function giveImage(
  ports: Cache & Cancellation,
  engine: Engine,
  image: WritableImage,
  { id, name, present = [] }: { id: string; name: string; present?: readonly string[] },
): Promise<EngineImage> {
  const wanted = archiveFiles(image, name).filter(
    ({ content }) => content instanceof Uint8Array || !present.includes(content.diffID),
  )
  // the containerd store would keep layers, and name the image, as they come
  const files = engine.store === 'graph' ? wanted.map(asPacked) : wanted
  await loadImage(engine, writeArchive(files), ports.signal)
  const loaded = await findImage(engine, name)
  const diffIDs = image.layers.map(({ diffID }) => diffID).join()
  const isOther = engine.store === 'graph' ? loaded?.reference !== id : loaded?.diffIDs.join() !== diffIDs
  if (loaded === undefined || isOther)
    throw new StillroomError(
      'ENGINE_FAILED',
      `the Docker Engine was given image ${id}, and has ${loaded?.reference ?? 'none'}`,
    )
  await rememberImage(ports.cache, { id, reference: loaded.reference })
  return loaded
}

/** A third of the bytes to be written to the engine's disk, and to be read there again. */
function asPacked(file: ArchiveFile): ArchiveFile {
  if (file.content instanceof Uint8Array || file.content.packed === undefined) return file
  const { packed } = file.content
  return { ...file, size: packed.size, content: packed }
}

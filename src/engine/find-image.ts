import type { Engine } from './connect.ts'
import { engineError } from './engine-error.ts'

/** An image as the engine lists it. */
export interface EngineImage {
  /** What the engine calls it: the image ID, or on the containerd store the manifest's digest. */
  reference: string
  diffIDs: string[]
  /** Bytes as the engine counts them. */
  size: number
}

/** Asks the engine for an image; undefined when it has none by that name. */
export async function findImage({ docker }: Engine, name: string): Promise<EngineImage | undefined> {
  try {
    const image = await docker.getImage(name).inspect()
    return { reference: image.Id, diffIDs: image.RootFS.Layers ?? [], size: image.Size }
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined
    throw engineError(`asking for image ${name}`, error)
  }
}

/** The image as `docker save` gives it: a tar. */
export async function saveImage({ docker }: Engine, reference: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    return (await docker.getImage(reference).get()) as unknown as AsyncIterable<Uint8Array>
  } catch (error) {
    throw engineError(`saving image ${reference}`, error)
  }
}

/** Gives an image one more name, which no other has from then on. */
export async function tagImage({ docker }: Engine, reference: string, name: string): Promise<void> {
  const [repo, tag = 'latest'] = name.split(':') as [string, string?]
  try {
    await docker.getImage(reference).tag({ repo, tag })
  } catch (error) {
    throw engineError(`naming image ${reference} ${name}`, error)
  }
}

/** Takes a name off an image, and the image away when it has no other; that there is none is no error. */
export async function removeImage({ docker }: Engine, name: string): Promise<void> {
  try {
    await docker.getImage(name).remove()
  } catch (error) {
    // 409: a container of someone else uses it
    const { statusCode } = error as { statusCode?: number }
    if (statusCode !== 404 && statusCode !== 409) throw engineError(`removing image ${name}`, error)
  }
}

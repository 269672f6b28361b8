import type { Engine } from './connect.ts'
import { engineAnswer, unlessStatus } from './engine-error.ts'
import { engineDisk } from './engine-space.ts'
import { type StoredLayers, storedImage, storedLayers } from './layer-store.ts'

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
  const asked = docker.getImage(name).inspect().catch(unlessStatus(404))
  const image = await engineAnswer(`asking for image ${name}`, asked)
  return image && { reference: image.Id, diffIDs: image.RootFS.Layers ?? [], size: image.Size }
}

/**
 * Layers of an image that an engine need not be given: the lowest ones, as far as another image of it has the same. The
 * containerd store is taken to have none, as it keeps layers in the form that they came in.
 */
export async function presentLayers(
  { docker, store }: Engine,
  diffIDs: readonly string[],
): Promise<readonly string[]> {
  if (store !== 'graph') return []
  const list = await engineAnswer('listing images', docker.listImages())
  let count = 0
  for (const { Id } of list) {
    const asked = docker.getImage(Id).inspect().catch(unlessStatus(404))
    const layers = (await engineAnswer(`asking for image ${Id}`, asked))?.RootFS.Layers ?? []
    const differs = diffIDs.findIndex((diffID, index) => layers[index] !== diffID)
    count = Math.max(count, differs < 0 ? diffIDs.length : differs)
  }
  const others = diffIDs.slice(count)
  return diffIDs.slice(0, count).filter((diffID) => !others.includes(diffID))
}

/** How an image was made, oldest step first; none when the engine has no such image any more. */
export async function imageHistory({ docker }: Engine, name: string): Promise<HistoryStep[]> {
  const asked = docker.getImage(name).history().catch(unlessStatus(404))
  const steps = ((await engineAnswer(`asking for the history of image ${name}`, asked)) ?? []) as {
    Created: number
    CreatedBy: string
    Comment: string
  }[]
  return steps
    .map(({ Created, CreatedBy, Comment }) => ({ created: Created, createdBy: CreatedBy, comment: Comment }))
    .reverse()
}

/** One step of an image's history. */
export interface HistoryStep {
  /** Seconds since 1970. */
  created: number
  createdBy: string
  comment: string
}

/**
 * The image as `docker save` gives it: a tar. Without a tag or digest the name means `latest`. Where this process may read the engine's
 * layers, they are read where they are.
 */
export async function saveImage(engine: Engine, reference: string): Promise<AsyncIterable<Uint8Array>> {
  // by a name without a tag the engine saves all images of that name
  const isWhole = /^(sha256:)?[0-9a-f]{1,64}$|@|:[^/]*$/.test(reference)
  const name = isWhole ? reference : `${reference}:latest`
  const [found, root] = await Promise.all([findImage(engine, name), engineDisk(engine)])
  const stored = found && root !== undefined && (await storedImage(root, found.reference))
  if (stored) return stored
  const asked = engineAnswer(`saving image ${reference}`, engine.docker.getImage(name).get())
  return (await asked) as unknown as AsyncIterable<Uint8Array>
}

/**
 * Some layers of an image, where this process may read the engine's layers where they are.
 *
 * @param id the image ID
 * @returns undefined where it may not
 */
export async function readStoredLayers(
  engine: Engine,
  id: string,
  diffIDs: readonly string[],
): Promise<StoredLayers | undefined> {
  const root = await engineDisk(engine)
  return root === undefined ? undefined : storedLayers(root, id, new Set(diffIDs))
}

/** Gives an image one more name, which no other has from then on. */
export async function tagImage({ docker }: Engine, reference: string, name: string): Promise<void> {
  const [repo, tag = 'latest'] = name.split(':') as [string, string?]
  await engineAnswer(`naming image ${reference} ${name}`, docker.getImage(reference).tag({ repo, tag }))
}

/** Takes a name off an image, and the image away when it has no other; that there is none is no error. */
export async function removeImage({ docker }: Engine, name: string): Promise<void> {
  // 409: a container of someone else uses it
  const removed = docker.getImage(name).remove().catch(unlessStatus(404, 409))
  await engineAnswer(`removing image ${name}`, removed)
}

import { join } from 'node:path'
import type { Engine } from '../../engine/connect.ts'
import { type EngineImage, presentLayers } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import {
  type FetchedImage,
  type FetchOptions,
  fetchPublished,
  type Published,
} from '../../image/fetch-published.ts'
import { describeTransfer, type TransferProgress } from '../../image/transfer.ts'
import type { LockedImage } from '../../lock/schema.ts'
import { openRegistries } from '../../sources/registry/open-registries.ts'
import { sweepAbandoned } from '../../store/disk.ts'
import { giveImage } from '../save/give-image.ts'
import type { Session } from '../session.ts'

/**
 * Takes the locked image from where its lockfile says that it was published. Nothing of it reaches the engine before all of it is
 * verified by digests; an engine with a graph driver holds the layers against the config as it unpacks them, and has nothing of an
 * image that differs. When it is not to be had there, or is another one, one line says why.
 *
 * @param name what the engine calls the image
 * @returns undefined when it is to be built
 * @throws {StillroomError} ENGINE_*, DISK_FULL
 */
export async function takePublished(
  session: Session,
  engine: Engine,
  image: LockedImage | null,
  name: string,
): Promise<(EngineImage & { id: string }) | undefined> {
  const published = image?.published
  if (!published) return undefined
  const built = (error: unknown) => {
    if (!(error instanceof StillroomError) || session.signal.aborted) throw error
    // the last line is what the last source said
    const reason = error.message.split('\n').at(-1)?.trim() ?? ''
    const text = `not taken from ${published.reference}, but built: ${reason}`
    session.progress({ kind: 'note', text: text.slice(0, 400) })
    return undefined
  }
  const present = await presentLayers(engine, image.diffIDs)
  const how = { present, onlyPacked: engine.store === 'graph' }
  await using fetched = await fetchFrom(session, { ...image, published }, how).catch(built)
  if (fetched === undefined) return undefined
  session.progress({ kind: 'status', text: 'loading it into the engine' })
  const given = giveImage(session, engine, fetched, { id: image.id, name, present })
  const loaded = await given.catch((error) => {
    // a layer is another than the config says, or the engine has lost meanwhile what it had
    if (error instanceof StillroomError && error.code === 'ENGINE_FAILED') return built(error)
    throw error
  })
  return loaded && { ...loaded, id: image.id }
}

/** Where it cannot be had soon, it is built: what does not answer is asked again once. */
const TIMING = { retries: 1 }

async function fetchFrom(
  session: Session,
  image: Published,
  how: Pick<FetchOptions, 'present' | 'onlyPacked'>,
): Promise<FetchedImage> {
  const { signal, progress, cache } = session
  const directory = join(cache, 'spool')
  await sweepAbandoned(directory)
  const registries = openRegistries({ ...session, timing: TIMING }, await session.sources())
  const repositories = await registries.repositories(image.published.reference)
  const onProgress = (state: TransferProgress) => progress({ kind: 'status', text: describeTransfer(state) })
  return fetchPublished(repositories, image, { ...how, directory, signal, timing: TIMING, onProgress })
}

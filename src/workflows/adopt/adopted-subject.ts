import type { ImageSubject } from '../../audit/subject.ts'
import { commitContainer } from '../../engine/commit-container.ts'
import { connectEngine } from '../../engine/connect.ts'
import { removeImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import { isPath, type LocatedImage, locateImage } from '../../image/open-image.ts'
import { readSubject, withInventory } from '../audit/read-subject.ts'
import { registryImages } from '../registry-images.ts'
import type { Session } from '../session.ts'

/** Reading for an audit of its own, of every layer. */
const READING = { cache: undefined, md5: true }
/** Of all that is adopted: recipes are of no other. */
export const PLATFORM = 'linux/amd64'

/** An image to adopt, as it was read, and a way to read it again. */
export interface Subject {
  original: ImageSubject
  located: LocatedImage
  close(): Promise<void>
}

/** Reads an image, or the one that is made of a container of that name, for as long as it is needed. */
export async function openSubject(session: Session, what: string): Promise<Subject> {
  try {
    return await readLocated(session, what)
  } catch (error) {
    if (!(error instanceof StillroomError) || error.code !== 'IMAGE_MISSING' || isPath(what)) throw error
    const engine = await connectEngine(session)
    const image = await commitContainer(engine, what)
    if (image === undefined) throw error
    const remove = () => removeImage(engine, image)
    try {
      const subject = await readLocated(session, image)
      const original = { ...subject.original, reference: what }
      return { ...subject, original, close: () => subject.close().finally(remove) }
    } catch (worse) {
      await remove()
      throw worse
    }
  }
}

async function readLocated(session: Session, what: string): Promise<Subject> {
  const located = await locateImage(session, what, { registry: registryImages(session), platform: PLATFORM })
  try {
    return { original: await readImage(located), located, close: () => located.close() }
  } catch (error) {
    await located.close()
    throw error
  }
}

/** @throws {StillroomError} those of reading images */
export async function readImage(located: LocatedImage): Promise<ImageSubject> {
  return withInventory(located, await readSubject(located, READING), READING)
}

import { type ExplainedImages, explainImages, type ImageSource } from './explain-images.ts'
import { openImage } from './open-image.ts'
import type { Session } from './session.ts'

/**
 * Says by what two images differ, file by file, and why.
 *
 * @param a a name or ID of the engine's, a `docker save` archive, or an OCI image layout; and so is `b`
 * @throws {StillroomError} those of reading images
 */
export async function diffImages(session: Session, a: string, b: string): Promise<ExplainedImages> {
  const source = (what: string) => ({
    reference: what,
    read: (options?: Parameters<ImageSource['read']>[0]) => {
      session.progress({
        kind: 'status',
        text: options?.keep ? `what differs in ${what}` : `reading ${what}`,
      })
      return openImage(session, what, options)
    },
  })
  session.progress({ kind: 'stage', title: 'compare' })
  return explainImages(source(a), source(b))
}

import type { ExplainedImages } from './explain-images.ts'
import { explainImages } from './explain-images.ts'
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
    read: (keep?: (path: string) => boolean) => {
      session.progress({ kind: 'status', text: keep ? `what differs in ${what}` : `reading ${what}` })
      return openImage(session, what, keep ? { keep } : {})
    },
  })
  session.progress({ kind: 'stage', title: 'compare' })
  return explainImages(source(a), source(b))
}

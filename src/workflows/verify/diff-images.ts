import { setFlagsFromString } from 'node:v8'
import { openImage, openPair } from '../../image/open-image.ts'
import { type ExplainedImages, explainImages, type ImageSource } from '../../verify/explain-images.ts'
import type { Cancellation, Reporting } from '../ports.ts'

/**
 * Says by what two images differ, file by file, and why.
 *
 * @param a a name or ID of the engine's, a `docker save` archive, or an OCI image layout; and so is `b`
 * @throws {StillroomError} those of reading images
 */
export async function diffImages(
  ports: Cancellation & Reporting,
  a: string,
  b: string,
): Promise<ExplainedImages> {
  const source = (what: string) => ({
    reference: what,
    read: (options?: Parameters<ImageSource['read']>[0]) => {
      ports.progress({
        kind: 'status',
        text: options?.keep ? `what differs in ${what}` : `reading ${what}`,
      })
      return openImage(ports, what, options)
    },
  })
  ports.progress({ kind: 'stage', title: 'compare' })
  // nearly all that reading makes is garbage at once: new space that stays small keeps the process small
  setFlagsFromString('--semi-space-growth-factor=1')
  const sources = [source(a), source(b)] as const
  return explainImages(...sources, async (options) => {
    const pair = await openPair(ports, [a, b], { ...(options.keep && { keep: options.keep }) })
    if (pair !== undefined) return { ...pair, whole: false }
    return { a: await sources[0].read(options), b: await sources[1].read(options), whole: true }
  })
}

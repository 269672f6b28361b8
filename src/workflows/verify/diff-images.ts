import { setFlagsFromString } from 'node:v8'
import { StillroomError } from '../../error.ts'
import { openImage, openPair } from '../../image/open-image.ts'
import {
  type ExplainedImages,
  explainImages,
  explainLocked,
  type ImageSource,
} from '../../verify/explain-images.ts'
import type { Artifacts, Cancellation, Environment, Project, Reporting, Upstreams } from '../ports.ts'
import { registryImages } from '../registry-images.ts'

/**
 * Says by what two images differ, file by file, and why.
 *
 * @param a a name or ID of the engine's, a `docker save` archive, an OCI image layout, or `docker://` and a name in a
 *   registry, and so is `b`; or a lockfile, for the image that it names, by its locked tree
 * @param platform the one to take of images of several
 * @throws {StillroomError} USAGE for a lockfile in place of `b`; those of reading images; LOCK_*; IMAGE_MISSING when the locked tree is not at hand
 */
export async function diffImages(
  ports: Cancellation & Reporting & Artifacts & Project & Upstreams & Environment,
  a: string,
  b: string,
  platform?: string,
): Promise<ExplainedImages> {
  const chosen = platform === undefined ? {} : { platform }
  const registry = registryImages(ports)
  const source = (what: string) => ({
    reference: what,
    read: (options?: Parameters<ImageSource['read']>[0]) => {
      ports.progress({
        kind: 'status',
        text: options?.keep ? `what differs in ${what}` : `reading ${what}`,
      })
      return openImage(ports, what, { registry, ...options, ...chosen })
    },
  })
  if (b.endsWith('.json')) {
    const hint = `stillroom diff images ${b} ${a}`
    throw new StillroomError('USAGE', 'a lockfile stands for the first of two images, not the second', {
      hint,
    })
  }
  ports.progress({ kind: 'stage', title: 'compare' })
  // nearly all that reading makes is garbage at once: new space that stays small keeps the process small
  setFlagsFromString('--semi-space-growth-factor=1')
  const sources = [source(a), source(b)] as const
  if (a.endsWith('.json')) {
    const { lockedReference } = await import('./locked-reference.ts')
    return explainLocked(await lockedReference(ports, a), sources[1])
  }
  return explainImages(...sources, async (options) => {
    const pair = await openPair(ports, [a, b], { ...chosen, ...(options.keep && { keep: options.keep }) })
    if (pair !== undefined) return { ...pair, whole: false }
    return { a: await sources[0].read(options), b: await sources[1].read(options), whole: true }
  })
}

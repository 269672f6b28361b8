import { setTimeout } from 'node:timers/promises'
import { connectEngine } from '../../engine/connect.ts'
import { findImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import { openImage } from '../../image/open-image.ts'
import type { ImageSource } from '../../verify/explain-images.ts'
import type { VerifyReference, VerifyVerdict } from '../../verify/verify-report.ts'
import { knownImageID } from '../build/known-images.ts'
import type { Cache, Cancellation, Fetching } from '../ports.ts'
import type { StageClock } from '../stage-clock.ts'
import { buildAgain, keptName, type VerifyPlan } from './verify-build.ts'

/** Milliseconds of the coarsest time that a common format keeps: zip's (APPNOTE 4.4.6). Builds closer than that may hide it. */
const COARSEST_TIME = 2000

/** What a new image is held against. */
export interface Reference {
  named: VerifyReference
  /** Of another build: how to read it. */
  source?: ImageSource
  end: (verdict: VerifyVerdict) => Promise<void>
}

/**
 * The image that the lockfile names; when it names none, a first build made for this.
 *
 * @throws {StillroomError} IMAGE_MISSING when the lockfile names none and none is to be built
 */
export async function findReference(
  ports: Cache & Fetching,
  plan: VerifyPlan,
  clock: StageClock,
  lockedOnly: boolean,
): Promise<Reference> {
  const { locked, loaded } = plan
  if (locked.image !== null) {
    const { id, tree } = locked.image
    return { named: { kind: 'lock', id, tree }, end: async () => {} }
  }
  if (lockedOnly) {
    const message = `the lockfile of recipe "${loaded.name}" names no image to hold the varied build against`
    throw new StillroomError('IMAGE_MISSING', message, {
      hint: `build it first: stillroom build recipe ${loaded.name}`,
    })
  }
  const first = await buildAgain(ports, plan, clock, 'verify-first', true)
  await setTimeout(COARSEST_TIME, undefined, { signal: ports.signal })
  const { id, reference } = first.summary
  return { named: { kind: 'build', id, name: reference }, source: first.source, end: first.end }
}

/** How to read the expected image; undefined when the engine has none. */
export async function referenceSource(
  ports: Cancellation & Cache,
  { loaded }: VerifyPlan,
  { named, source }: Reference,
): Promise<ImageSource | undefined> {
  if (source !== undefined) return source
  const engine = await connectEngine(ports)
  for (const name of [keptName(loaded.name), `stillroom/${loaded.name}`]) {
    const image = await findImage(engine, name)
    if (image === undefined) continue
    const id = engine.store === 'graph' ? image.reference : await knownImageID(ports.cache, image.reference)
    if (id !== named.id) continue
    return {
      reference: name,
      read: (options) => openImage(ports, name, { engine, ...options }),
    }
  }
  return undefined
}

import { setTimeout } from 'node:timers/promises'
import { stagesFrom } from '../../dockerfile/render-dockerfile.ts'
import { stepName } from '../../dockerfile/step-name.ts'
import { describeBuilder } from '../../engine/build-image.ts'
import { connectEngine } from '../../engine/connect.ts'
import { findImage, removeImage, tagImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import { openImage } from '../../image/open-image.ts'
import type { ImageSource } from '../../verify/explain-images.ts'
import type { ComparedImage } from '../../verify/explained-difference.ts'
import type { SharedSteps } from '../../verify/rebuilt-steps.ts'
import type { AppliedVariation, VerifyReference, VerifyVerdict } from '../../verify/verify-report.ts'
import { buildLocked } from '../build/build-locked.ts'
import type { Cache, Cancellation, Fetching, Project } from '../ports.ts'
import { imageName, ownName, plainName } from '../project/image-name.ts'
import { isKnownAs } from '../project/known-images.ts'
import type { LockedRecipe } from '../project/load-inputs.ts'
import type { StageClock } from '../stage-clock.ts'

export interface VerifyPlan extends LockedRecipe {
  from: string | undefined
  /** What was rebuilt for another recipe just now: the builder has it. */
  shared: SharedSteps | undefined
  builder: string | undefined
  keep: boolean
}

/** An image that was built to be compared. */
export interface NewImage {
  summary: ComparedImage
  source: ImageSource
  variations: AppliedVariation[]
  /** Clears up: what is as expected is not kept a second time, what is not stays to be looked at. */
  end: (verdict: VerifyVerdict) => Promise<void>
}

/** Name of the image that `--keep` keeps, beside that of the recipe's image. */
const keptName = (name: string) => `${name}:verified`

/**
 * Fetches what the store lacks and builds: from nothing, from the step on that the plan says, or on what was rebuilt just now.
 *
 * @param tag what the image is called beside the recipe's: `stillroom/NAME:TAG`
 * @param cached whether the builder may use what it has
 * @throws {StillroomError} those of fetching and of building
 */
export async function buildAgain(
  ports: Cache & Fetching & Project,
  plan: VerifyPlan,
  clock: StageClock,
  tag: string,
  cached = false,
): Promise<NewImage> {
  const { recipe: recipeName } = plan.lock
  const { from, shared, builder, keep } = plan
  const engine = await connectEngine(ports)
  const { name: called } = await imageName(ports, engine, recipeName, plan.locked.image)
  const name = `${called}:${tag}`
  const how = {
    tag: name,
    noCache: !cached && from === undefined && shared === undefined,
    again: cached ? [] : stagesToBuild(plan),
    builder,
  }
  const { id, reference, diffIDs } = await buildLocked(ports, engine, plan, how, (stage) =>
    clock.stage(stage),
  )
  return {
    summary: { reference: name, id, diffIDs },
    source: { reference: name, read: (options) => openImage(ports, name, { engine, ...options }) },
    variations:
      builder === undefined ? [] : [{ variation: 'builder', value: await describeBuilder(builder) }],
    end: async (verdict) => {
      if (verdict !== 'identical') return
      if (keep && !cached) await tagImage(engine, reference, keptName(called))
      await removeImage(engine, name)
    },
  }
}

/** Of a build that may use what the builder has: the stages that are to be built all the same. */
function stagesToBuild(plan: VerifyPlan): string[] {
  const { from, shared, loaded, locked } = plan
  if (from !== undefined) return requireStages(plan, from)
  const next = shared && loaded.recipe.steps[shared.steps]
  return next ? stagesFrom(loaded.recipe, locked, stepName(shared.steps, next.kind)) : []
}

/** @throws {StillroomError} USAGE when there is no such step */
function requireStages({ loaded: { recipe, name }, locked }: VerifyPlan, from: string): string[] {
  const stages = stagesFrom(recipe, locked, from)
  if (stages.length > 0) return stages
  const steps = recipe.steps.map((step, index) => stepName(index, step.kind))
  throw new StillroomError('USAGE', `recipe "${name}" has no step "${from}"`, {
    hint: `its steps are ${steps.join(', ')}`,
  })
}

/** Milliseconds of the coarsest time that a common format keeps: zip's (APPNOTE 4.4.6). Builds closer than that may hide it. */
const COARSEST_TIME = 2000

/** What a new image is compared with. */
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
  ports: Cache & Fetching & Project,
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
    const message = `the lockfile of recipe "${loaded.name}" names no image to compare the varied build with`
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
  ports: Cancellation & Cache & Project,
  { loaded: { name: recipe } }: VerifyPlan,
  { named, source }: Reference,
): Promise<ImageSource | undefined> {
  if (source !== undefined) return source
  const engine = await connectEngine(ports)
  const [plain, own] = [plainName(recipe), await ownName(ports, recipe)]
  for (const name of [keptName(own), keptName(plain), plain, own]) {
    const image = await findImage(engine, name)
    if (image === undefined || !(await isKnownAs(ports.cache, engine, image, named.id))) continue
    return {
      reference: name,
      read: (options) => openImage(ports, name, { engine, ...options }),
    }
  }
  return undefined
}

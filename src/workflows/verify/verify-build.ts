import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import type { ContextFiles } from '../../dockerfile/render-context.ts'
import { stepName } from '../../dockerfile/step-name.ts'
import { buildImage, describeBuilder } from '../../engine/build-image.ts'
import { connectEngine } from '../../engine/connect.ts'
import { removeImage, tagImage } from '../../engine/find-image.ts'
import { StillroomError } from '../../error.ts'
import { openImage } from '../../image/open-image.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { ImageSource } from '../../verify/explain-images.ts'
import type { ComparedImage } from '../../verify/explained-difference.ts'
import type { AppliedVariation, VerifyVerdict } from '../../verify/verify-report.ts'
import { requireLoaded } from '../build/build-and-compare.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import { rememberImage } from '../build/known-images.ts'
import { stageContext } from '../build/stage-context.ts'
import type { Cache, Fetching } from '../ports.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import type { StageClock } from '../stage-clock.ts'

export interface VerifyPlan {
  loaded: LoadedRecipe
  locked: LockedPlatform
  /** `generated/NAME` as it should be. */
  context: ContextFiles
  from: string | undefined
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

/** Name of the image that `--keep` keeps. */
export const keptName = (recipe: string) => `stillroom/${recipe}:verified`

/**
 * Fetches what the store lacks and builds: from nothing, or from the step on that the plan says.
 *
 * @param tag what the image is called: `stillroom/NAME:TAG`
 * @param cached whether the builder may use what it has
 * @throws {StillroomError} those of fetching and of building
 */
export async function buildAgain(
  ports: Cache & Fetching,
  plan: VerifyPlan,
  clock: StageClock,
  tag: string,
  cached = false,
): Promise<NewImage> {
  const { loaded, locked, context, from, builder, keep } = plan
  const { recipe, name: recipeName, directory } = loaded
  const { signal, progress } = ports
  const again = cached || from === undefined ? [] : stagesFrom(plan, from)
  const engine = await connectEngine(ports)
  clock.stage('fetch')
  const artifacts = contextArtifacts(locked)
  await fetchInputs(ports, artifacts, locked)
  const staged = await stageContext(ports, context, artifacts, directory, locked.epoch)
  clock.stage('build')
  const name = `stillroom/${recipeName}:${tag}`
  const built = await buildImage({
    context: staged,
    platform: recipe.platform,
    epoch: locked.epoch,
    tag: name,
    noCache: !cached && from === undefined,
    again,
    builder,
    signal,
    onProgress: (event) => event.kind === 'step' && progress({ kind: 'status', text: event.name }),
  })
  const { reference, diffIDs } = await requireLoaded(engine, name, built)
  await rememberImage(ports.cache, { id: built.id, reference })
  return {
    summary: { reference: name, id: built.id, diffIDs },
    source: {
      reference: name,
      read: (options) => openImage(ports, name, { engine, ...options }),
    },
    variations:
      builder === undefined ? [] : [{ variation: 'builder', value: await describeBuilder(builder) }],
    end: async (verdict) => {
      if (verdict !== 'identical') return
      if (keep && !cached) await tagImage(engine, reference, keptName(recipeName))
      await removeImage(engine, name)
    },
  }
}

/**
 * Stages of the Dockerfile from a step on, and the last one, which has no name: else BuildKit would take its layers
 * from before when all but the times of files is the same.
 */
function stagesFrom({ loaded: { recipe, name } }: VerifyPlan, from: string): string[] {
  const stages = recipe.steps.map((step, index) => stepName(index, step.kind))
  const start = stages.indexOf(from)
  if (start >= 0) return [...stages.slice(start), '']
  throw new StillroomError('USAGE', `recipe "${name}" has no step "${from}"`, {
    hint: `its steps are ${stages.join(', ')}`,
  })
}

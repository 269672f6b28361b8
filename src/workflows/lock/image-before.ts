import { stageAfter } from '../../dockerfile/render-dockerfile.ts'
import { stepName } from '../../dockerfile/step-name.ts'
import { connectEngine, type Engine } from '../../engine/connect.ts'
import { type KeptContainer, keepContainer, withContainer } from '../../engine/container.ts'
import { removeImage } from '../../engine/find-image.ts'
import type { LockedPlatform, LockedStep } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { buildInputs } from '../build/build-locked.ts'
import type { Cache, Fetching, Project } from '../ports.ts'
import { renderGenerated } from '../project/generated.ts'
import type { LoadedRecipe } from '../project/load-recipe.ts'
import type { OpenSandbox } from './carry-out-plan.ts'
import { type Present, takeBefore } from './locked-before.ts'

const resolveTag = ({ name }: LoadedRecipe, kind: LockedStep['kind']) =>
  `stillroom-resolve/${name}:${kind}-${process.pid}`

/** Runs `use` with what starts containers of the image of a recipe's first steps; the image is gone afterwards. */
export async function withImageBefore<T>(
  ports: Fetching & Cache & Project,
  loaded: LoadedRecipe,
  before: LockedPlatform,
  present: Present | undefined,
  use: (open: OpenSandbox) => Promise<T>,
): Promise<T> {
  const { signal, progress } = ports
  const engine = await connectEngine({ signal, progress })
  const tag = resolveTag(loaded, 'pip')
  try {
    const image = await imageBefore(ports, engine, loaded, before, present, tag)
    return await use((network, resolve) =>
      withContainer(engine, { image, network, user: '0', signal }, resolve),
    )
  } finally {
    await removeImage(engine, tag)
  }
}

/** A container without network of the image of a recipe's first steps; with it goes the image. */
export async function openImageBefore(
  ports: Fetching & Cache & Project,
  loaded: LoadedRecipe,
  before: LockedPlatform,
  present: Present | undefined,
): Promise<KeptContainer> {
  const { signal, progress } = ports
  const engine = await connectEngine({ signal, progress })
  const tag = resolveTag(loaded, 'apt')
  try {
    const last = before.steps.at(-1)
    const why = last && `, as ${stepName(before.steps.length - 1, last.kind)} may have changed how apt plans`
    const image = await imageBefore(ports, engine, loaded, before, present, tag, why)
    const container = await keepContainer(engine, { image, network: 'none', user: '0', signal })
    return {
      use: container.use,
      [Symbol.asyncDispose]: async () => {
        await container[Symbol.asyncDispose]()
        await removeImage(engine, tag)
      },
    }
  } catch (error) {
    await removeImage(engine, tag)
    throw error
  }
}

/** The image as it is before a step, to resolve the step in: of layers that are there, or built. */
async function imageBefore(
  ports: Fetching & Cache & Project,
  engine: Engine,
  loaded: LoadedRecipe,
  before: LockedPlatform,
  present: Present | undefined,
  tag: string,
  why = '',
): Promise<string> {
  const taken = await takeBefore(ports, engine, loaded, before, present, tag)
  if (taken !== undefined) return taken
  const { name, recipe } = loaded
  const partial: Recipe = { ...recipe, steps: recipe.steps.slice(0, before.steps.length) }
  const last = partial.steps.at(-1)
  const target = stageAfter(partial)
  // under the recipe's own name, a builder would throw away what it was sent for the recipe's other steps
  const contextName = last ? name : `base-${recipe.base.kind === 'debian' ? recipe.base.suite : name}`
  const context = await renderGenerated(name, partial, before)
  const { reference } = await buildInputs(
    ports,
    { loaded, locked: before, context },
    { tag, target, contextName },
    (stage) => ports.progress({ kind: 'stage', title: STAGES[stage] + (stage === 'build' ? why : '') }),
  )
  return reference
}

const STAGES = { fetch: 'fetching artifacts', build: 'building what comes before' }

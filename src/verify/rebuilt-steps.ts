import { createHash } from 'node:crypto'
import { contextArtifacts } from '../dockerfile/context-artifacts.ts'
import type { ContextFiles } from '../dockerfile/render-context.ts'
import { layerStage, layerStages } from '../dockerfile/render-dockerfile.ts'
import { stepName } from '../dockerfile/step-name.ts'
import type { LockedPlatform } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'

/** A locked recipe and its build context. */
export interface LockedContext {
  recipe: Recipe
  locked: LockedPlatform
  context: ContextFiles
}

/** The base and the first steps of a recipe, which were rebuilt for another one. */
export interface SharedSteps {
  /** The other recipe. */
  recipe: string
  /** How many steps; 0 for the base alone. */
  steps: number
}

/**
 * What was rebuilt to the digests of a lockfile, so that it need not be rebuilt once more for other recipes that have the same: the same
 * instructions on the same inputs, with the same digests locked for what comes out.
 *
 * @example
 * ```ts
 * const rebuilt = new RebuiltSteps()
 * rebuilt.add('one', one) // was rebuilt from nothing, and is identical
 * rebuilt.sharedWith(other) // { recipe: 'one', steps: 1 }
 * ```
 */
export class RebuiltSteps {
  readonly #recipes = new Map<string, string>()

  /** Notes that a recipe was rebuilt, and is as locked. */
  add(name: string, built: LockedContext): void {
    for (const key of stepKeys(built)) if (!this.#recipes.has(key)) this.#recipes.set(key, name)
  }

  /** The most steps of a recipe that were rebuilt for another one; undefined when not even the base was. */
  sharedWith(wanted: LockedContext): SharedSteps | undefined {
    const keys = stepKeys(wanted)
    const steps = keys.findLastIndex((key) => this.#recipes.has(key))
    const recipe = this.#recipes.get(keys[steps] ?? '')
    return recipe === undefined ? undefined : { recipe, steps }
  }
}

/**
 * Of a recipe's base, with the user and the directories, and of each of its steps: a digest of all that the image is made from so far, and
 * of what its layers are to be. None of an image that is one layer, stands on another recipe's, or was never built.
 */
export function stepKeys({ recipe, locked, context }: LockedContext): string[] {
  const layers = layerStages(recipe, locked)
  const dockerfile = context.get('Dockerfile')
  if (layers === undefined || locked.image === null || locked.base.kind === 'recipe') return []
  if (dockerfile === undefined) throw new Error('a build context has no Dockerfile')
  const { diffIDs } = locked.image
  const inputs = inputsOf(locked, context)
  const first = layers[0] === 'account' ? layerStage('account') : 'base'
  const ends = [first, ...recipe.steps.map(({ kind }, index) => layerStage(stepName(index, kind)))]
  const stages = ['base', ...layers.map(layerStage)]
  return ends.map((stage) => {
    const text = throughStage(dockerfile, stage)
    const parts = [
      recipe.platform,
      text,
      inputs.filter(([path]) => isTaken(path, text)),
      diffIDs.slice(0, stages.indexOf(stage) + 1),
    ]
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  })
}

/** Every file of a build context by its path, with what tells what it holds. */
function inputsOf(locked: LockedPlatform, context: ContextFiles): [path: string, content: unknown][] {
  const { files, seed, projects } = contextArtifacts(locked)
  return [
    ...context,
    ...[...files, ...seed].map(({ artifact, destination }): [string, unknown] => [
      destination,
      artifact.sha256,
    ]),
    ...projects.map(({ destination, ...project }): [string, unknown] => [destination, project]),
  ].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The instructions of a Dockerfile from its first argument to the end of a stage. */
function throughStage(dockerfile: string, stage: string): string {
  const from = dockerfile.indexOf('\nARG ')
  const start = dockerfile.indexOf(` AS ${stage}\n`)
  if (start < 0) throw new Error(`the Dockerfile has no stage ${stage}`)
  const end = dockerfile.indexOf('\n\n', start)
  return dockerfile.slice(from, end < 0 ? undefined : end)
}

/** Whether a file of the context is taken by some instructions: mounted, or in a directory that is, or added. */
function isTaken(path: string, instructions: string): boolean {
  for (const [, source = ''] of instructions.matchAll(/(?:\bsource=|^ADD )([^,\s*]+)/gm))
    if (path === source || path.startsWith(source.endsWith('/') ? source : `${source}/`)) return true
  return false
}

import { createHash } from 'node:crypto'
import type { Recipe } from '../recipe/schema.ts'
import { canonicalJson, type Json } from './canonical-json.ts'
import { recordedRecipe } from './recorded-recipe.ts'
import type { LockedImage, LockedPlatform, LockedRecipe } from './schema.ts'

/** Another recipe that a lock takes files from, as that was locked. */
export interface OtherRecipe {
  name: string
  recipe: Recipe
  /** It finds those that it takes files from itself among the same `recipes`. */
  locked: LockedPlatform
}

/**
 * The other recipes of a lock, each once, after those that it takes files from itself.
 *
 * @throws {StillroomError} LOCK_INVALID when what was recorded of one is no recipe
 */
export function otherRecipes({ base, steps, recipes = {} }: Taking): OtherRecipe[] {
  return reachedNames({ base, steps, recipes }).map((name) => {
    const { inputs, ...platform } = recipes[name] as LockedRecipe
    return {
      name,
      recipe: recordedRecipe({ recipe: name, inputs }),
      locked: { ...platform, recipes },
    }
  })
}

/** What is locked of a recipe, and of each other one that files are taken from. */
export function withOthers(locked: LockedPlatform): LockedPlatform[] {
  return [locked, ...otherRecipes(locked).map((other) => other.locked)]
}

type Taking = Pick<LockedPlatform, 'base' | 'steps' | 'recipes'>

/** Names of all recipes that files are taken from, also by one another, as far as they are there: each once, after those that it needs. */
function reachedNames({ base, steps, recipes = {} }: Taking): string[] {
  const found = new Set<string>()
  const visit = (names: readonly string[], above: readonly string[]) => {
    for (const name of names) {
      const other = recipes[name]
      if (other === undefined || found.has(name) || above.includes(name)) continue
      visit(sourceNames(other), [...above, name])
      found.add(name)
    }
  }
  visit(sourceNames({ base, steps }), [])
  return [...found]
}

interface Written {
  base: Recipe['base'] | LockedPlatform['base']
  steps: Recipe['steps'] | LockedPlatform['steps']
}

/** Names of the recipes that a recipe or a lock stands on or takes files from. */
export function sourceNames({ base, steps }: Written): string[] {
  const below = base.kind !== 'recipe' ? [] : 'recipe' in base ? [base.recipe] : [base.name]
  return [...new Set([...below, ...copiedNames({ steps })])].sort()
}

/** Names of the recipes that steps take files from. */
export function copiedNames({ steps }: Pick<Written, 'steps'>): string[] {
  const names = steps.flatMap((step) => {
    if (step.kind !== 'copy') return []
    return 'recipe' in step ? step.recipe : step.from.name
  })
  return [...new Set(names)].sort()
}

/** The recipe that the one at hand stands on in the end, which stands on no other; undefined of one that does so itself. */
export function rootRecipe(locked: LockedPlatform): OtherRecipe | undefined {
  const others = new Map(otherRecipes(locked).map((other) => [other.name, other]))
  let found: OtherRecipe | undefined
  for (let { base } = locked; base.kind === 'recipe'; { base } = found.locked) {
    found = others.get(base.recipe)
    if (found === undefined) break
  }
  return found
}

/** A lock as others take files from it. Those that it takes files from itself are among `recipes`. */
export interface TakenLock extends Omit<LockedRecipe, 'image'> {
  recipes?: LockedPlatform['recipes'] | undefined
  image: Pick<LockedImage, 'id' | 'tree'> | null
}

/**
 * What a lock says of one that files are taken from: image and tree for people, and one digest over all that decides them. It
 * is another one whenever that lock is another; what is noted of an image besides, as where it was published, is no part of it.
 */
export function lockIdentity({ inputs, epoch, base, steps, recipes = {}, image }: TakenLock): Json {
  const others = reachedNames({ base, steps, recipes }).map((name) => [name, recipes[name]])
  const text = canonicalJson([inputs.checksum, epoch, base, steps, others] as unknown as Json)
  return {
    image: image?.id ?? null,
    tree: image?.tree ?? null,
    pins: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  }
}

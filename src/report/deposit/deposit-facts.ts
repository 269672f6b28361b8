import { otherRecipes } from '../../lock/other-recipes.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Author, Recipe } from '../../recipe/schema.ts'

/** What the documents of a deposit tell. */
export interface DepositFacts {
  /** The recipe's name. */
  name: string
  recipe: Recipe
  locked: LockedPlatform
  /** The image ID. */
  image: string
  /** In the order in which they are listed; README and sums are no part of it. */
  files: DepositFile[]
  /** What the image is made of that an archive of software knows, too. */
  sources: SourceId[]
}

/** One file of a deposit. */
export interface DepositFile {
  name: string
  /** In bytes. */
  size: number
  sha256: string
  /** One sentence without a full stop. */
  about: string
  mediaType: string
  /** What it is, when it is the image itself. */
  image?: 'docker' | 'sif'
}

/** Software Heritage's identifier of a source (SWHID version 1). */
export interface SourceId {
  /** `swh:1:rev:...` or `swh:1:dir:...` */
  swhid: string
  /** Where it came from: an address, or the path of a project beside the recipe. */
  origin: string
}

/** What it is called in one line. */
export const titleOf = ({ name, recipe }: Pick<DepositFacts, 'name' | 'recipe'>): string =>
  recipe.description === '' ? `Container image ${name}` : recipe.description

/** The day that the image is of: SOURCE_DATE_EPOCH. ISO 8601. */
export const dayOf = ({ epoch }: Pick<LockedPlatform, 'epoch'>): string =>
  new Date(epoch * 1000).toISOString().slice(0, 10)

/** Commits of git steps and trees of projects, also of recipes that files are taken from; of repositories that name objects by SHA-1, as Software Heritage does. */
export function sourceIds({ recipe, locked }: Pick<DepositFacts, 'recipe' | 'locked'>): SourceId[] {
  const found = [{ recipe, locked }, ...otherRecipes(locked)].flatMap(idsOfSteps)
  return found.filter(({ swhid }) => /:[0-9a-f]{40}$/.test(swhid))
}

function idsOfSteps({ recipe, locked }: Pick<DepositFacts, 'recipe' | 'locked'>): SourceId[] {
  return locked.steps.flatMap((step, index): SourceId[] => {
    const wanted = recipe.steps[index]
    if (step.kind === 'git') return [{ swhid: `swh:1:rev:${step.commit}`, origin: step.url }]
    if (step.kind === 'project' && wanted?.kind === 'project') {
      // no directory has the tree of a part
      const swhid = step.part === undefined ? `swh:1:dir:${step.tree}` : `swh:1:rev:${step.commit}`
      return [{ swhid, origin: wanted.path }]
    }
    return []
  })
}

/** A name as `Family, Given`, in parts; undefined of a name that is written otherwise, as that of a group. */
export function personName({ name }: Author): { family: string; given: string } | undefined {
  const [, family, given] = /^([^,]+), ([^,]+)$/.exec(name) ?? []
  return family === undefined || given === undefined ? undefined : { family, given }
}

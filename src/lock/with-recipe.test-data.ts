import { Recipe } from '../recipe/schema.ts'
import { lockInputs } from './lock-inputs.ts'
import { lockIdentity } from './other-recipes.ts'
import type { LockedPlatform, LockedRecipe, Lockfile } from './schema.ts'
import { imageBase, smallLock, smallRecipe } from './small-lock.test-data.ts'

/** A recipe that takes files from the small one. */
export const takingRecipe: Recipe = Recipe.parse({
  base: { kind: 'debian', suite: 'bookworm' },
  steps: [
    { kind: 'apt', packages: ['python3'] },
    { kind: 'copy', from: { kind: 'recipe', name: 'small' }, path: '/opt/tool', to: '/srv/tool' },
  ],
})

/** Its lock. */
export const takingLock: Lockfile = takingLockOf(takenLock())

/** The small lock as others have it. */
export function takenLock(): LockedRecipe {
  const { image, ...pins } = structuredClone(smallLock.platforms['linux/amd64']) as LockedPlatform
  if (image === null) throw new Error('the small lock has no image')
  const { id, tree, size, diffIDs } = image
  return { inputs: smallLock.inputs, ...pins, image: { id, tree, size, diffIDs } }
}

/** The lock of {@link takingRecipe}, with another lock of the small recipe. */
export function takingLockOf(small: LockedRecipe): Lockfile {
  const platform = smallLock.platforms['linux/amd64'] as LockedPlatform
  const [apt] = platform.steps
  if (apt === undefined) throw new Error(`the small lock of ${smallRecipe.steps.length} steps has none`)
  return {
    ...smallLock,
    recipe: 'taking',
    inputs: lockInputs(takingRecipe, {}, undefined, { small: lockIdentity(small) }),
    platforms: {
      'linux/amd64': {
        ...platform,
        steps: [apt, { kind: 'copy', recipe: 'small', path: '/opt/tool' }],
        recipes: { small },
      },
    },
  }
}

/** A recipe that stands on the small one. */
export const standingRecipe: Recipe = Recipe.parse({
  base: { kind: 'recipe', name: 'small' },
  steps: [{ kind: 'run', command: ['true'] }],
})

/** Its lock. */
export function standingLock(): Lockfile {
  const small = takenLock()
  return {
    ...smallLock,
    recipe: 'standing',
    inputs: lockInputs(standingRecipe, {}, undefined, { small: lockIdentity(small) }),
    platforms: {
      'linux/amd64': {
        epoch: small.epoch,
        base: {
          kind: 'recipe',
          recipe: 'small',
          created: new Date(small.epoch * 1000).toISOString(),
          configuration: imageBase.configuration,
          account: imageBase.account,
          indexes: small.base.indexes,
          inventory: imageBase.inventory,
        },
        steps: [{ kind: 'run' }],
        recipes: { small },
        image: null,
      },
    },
  }
}

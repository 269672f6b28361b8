import { describe, expect, it } from 'vitest'
import { lockInputs } from './lock-inputs.ts'
import { normalizeLock } from './normalize-lock.ts'
import { lockIdentity, otherRecipes } from './other-recipes.ts'
import { parseLock } from './parse-lock.ts'
import type { LockedPlatform, Lockfile } from './schema.ts'
import { serializeLock } from './serialize-lock.ts'
import { smallRecipe } from './small-lock.test-data.ts'
import { standingLock, standingRecipe, takenLock, takingLock, takingLockOf } from './with-recipe.test-data.ts'

const normalized = normalizeLock(takingLock)
const sealed = takingLockOf(normalized.platforms['linux/amd64']?.recipes?.small ?? takenLock())
const reparse = (lock: Lockfile) => parseLock(serializeLock(lock), 'lock.json')

function changed(change: (locked: LockedPlatform) => void): Lockfile {
  const lock = structuredClone(sealed)
  change(lock.platforms['linux/amd64'] as LockedPlatform)
  return lock
}

describe('a lock that takes files from another one', () => {
  it('is read back as it was written, with the recipe of the other', () => {
    const lock = reparse(sealed)
    const [other] = otherRecipes(lock.platforms['linux/amd64'] as LockedPlatform)
    expect(other).toMatchObject({ name: 'small', recipe: { steps: smallRecipe.steps } })
  })

  it.each<[string, RegExp, (locked: LockedPlatform) => void]>([
    [
      'a pin of the other',
      /recipes\["small"\]: is not the lock that inputs name/,
      ({ recipes }) => Object.assign(recipes?.small ?? {}, { epoch: 1 }),
    ],
    [
      'the image of the other',
      /is not the lock that inputs name/,
      ({ recipes }) => Object.assign(recipes?.small?.image ?? {}, { tree: `sha256:${'0'.repeat(64)}` }),
    ],
    ['no other', /recipes: "small" is missing/, (locked) => void delete locked.recipes],
    [
      'one too many',
      /recipes: "more" is used by nothing/,
      ({ recipes = {} }) => Object.assign(recipes, { more: recipes.small }),
    ],
    [
      'a circle',
      /circle: small -> small/,
      ({ recipes }) => recipes?.small?.steps.splice(5, 1, { kind: 'copy', recipe: 'small', path: '/a' }),
    ],
  ])('is refused with %s', (_, reason, change) => {
    expect(() => reparse(changed(change))).toThrow(reason)
  })

  it('has the other one as its base, too, and no base that its inputs do not name', () => {
    const lock = normalizeLock(standingLock())
    const small = lock.platforms['linux/amd64']?.recipes?.small ?? takenLock()
    const inputs = lockInputs(standingRecipe, {}, undefined, { small: lockIdentity(small) })
    expect(reparse({ ...lock, inputs }).platforms['linux/amd64']?.base).toMatchObject({ kind: 'recipe' })
    const other = lockInputs({ ...standingRecipe, base: { kind: 'recipe', name: 'x' } }, {}, undefined, {
      small: lockIdentity(small),
    })
    expect(() => reparse({ ...lock, inputs: other })).toThrow(/base.recipe: expected "x"/)
  })

  it('says that the other is another one when a pin of it is, but not when it was published', () => {
    const small = takenLock()
    expect(lockIdentity({ ...small, epoch: 1 })).not.toEqual(lockIdentity(small))
    const published = { reference: 'registry.example.org/small:1', manifest: `sha256:${'6'.repeat(64)}` }
    expect(lockIdentity({ ...small, image: { ...small.image, published } as never })).toEqual(
      lockIdentity(small),
    )
  })
})

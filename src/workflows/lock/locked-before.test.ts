import { expect, test } from 'vitest'
import type { LockedPlatform } from '../../lock/schema.ts'
import { smallLock } from '../../lock/small-lock.test-data.ts'
import { Recipe } from '../../recipe/schema.ts'
import { layersBefore } from './locked-before.ts'

const digest = (n: number) => `sha256:${String(n).repeat(64)}`
const platform = smallLock.platforms['linux/amd64'] as LockedPlatform
const [apt, pip] = platform.steps as [LockedPlatform['steps'][0], LockedPlatform['steps'][0]]
const recipe = Recipe.parse({
  base: { kind: 'debian', suite: 'bookworm' },
  user: { name: 'me', uid: 1000, home: '/home/me' },
  steps: [
    { kind: 'apt', packages: ['jq'] },
    { kind: 'pip', requirements: ['six'] },
    { kind: 'run', command: ['true'] },
  ],
})
const locked: LockedPlatform = {
  ...platform,
  steps: [apt, pip, { kind: 'run' }],
  image: {
    id: digest(9),
    tree: digest(8),
    size: 1,
    diffIDs: [1, 2, 3, 4, 5, 6].map(digest),
  } as LockedPlatform['image'],
}
const before = { ...locked, steps: [apt], image: null }
const changed = (...fields: string[]) => ({ locked, changed: new Set(fields) })

test('the layers of base, directories and steps before one are those of the locked image', () => {
  const ofApt = [1, 2, 3].map(digest)
  expect(layersBefore(recipe, before, changed())).toEqual(ofApt)
  expect(layersBefore(recipe, before, changed('steps[1]', 'steps[2]', 'files["solver"]'))).toEqual(ofApt)
  expect(layersBefore({ ...recipe, user: undefined }, before, changed())).toEqual([1, 2].map(digest))
  expect(layersBefore(recipe, { ...before, steps: [] }, changed())).toEqual([1, 2].map(digest))
})

test('wheels in layers of their own count', () => {
  const files = pip.kind === 'pip' ? pip.files.map((file) => ({ ...file, layer: 1 })) : []
  const steps = [apt, { ...pip, files } as typeof pip]
  const present = {
    locked: { ...locked, steps: [...steps, { kind: 'run' as const }] },
    changed: new Set<string>(),
  }
  expect(layersBefore(recipe, { ...before, steps }, present)).toEqual([1, 2, 3, 4, 5].map(digest))
})

test.each([
  ['an earlier step', before, changed('steps[0]')],
  ['the base', before, changed('base')],
  ["stillroom's own programs", before, changed('programs')],
  ['a field that nobody knows', before, changed('colour')],
  ['what was locked of a step', { ...before, steps: [{ kind: 'run' as const }] }, changed()],
  ['the time of its files', { ...before, epoch: 1 }, changed()],
])('are to be built where %s changed', (_what, now, present) => {
  expect(layersBefore(recipe, now, present)).toBeUndefined()
})

test('are to be built where there is no image, or one layer alone', () => {
  const present = changed()
  expect(layersBefore(recipe, before, { ...present, locked: { ...locked, image: null } })).toBeUndefined()
  expect(layersBefore({ ...recipe, layout: 'flat' }, before, present)).toBeUndefined()
})

import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { allSteps, allStepsLocked } from '../dockerfile/all-steps.test-data.ts'
import { renderContext } from '../dockerfile/render-context.ts'
import { layerStages } from '../dockerfile/render-dockerfile.ts'
import type { LockedPlatform } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'
import { type LockedContext, RebuiltSteps, stepKeys } from './rebuilt-steps.ts'

const PROGRAMS = [...readdirSync(new URL('../dockerfile/build-scripts', import.meta.url)), 'left-out.txt']
const sha = (n: number) => `sha256:${String(n).padStart(64, '0')}`
const image = (count: number): LockedPlatform['image'] => {
  const diffIDs = Array.from({ length: count }, (_, index) => sha(index))
  return { id: sha(100), size: 1, diffIDs, tree: sha(101) }
}
const LAYERS = 1 + (layerStages(allSteps, allStepsLocked)?.length ?? 0)

/** A recipe with every kind of step, a context of it, and an image. */
function made({
  recipe = {},
  locked = {},
  programs = {},
}: {
  recipe?: Partial<Recipe>
  locked?: Partial<LockedPlatform>
  programs?: Record<string, string>
} = {}): LockedContext {
  const changed = { ...allSteps, ...recipe }
  const pins = { ...allStepsLocked, image: image(LAYERS), ...locked }
  const companions = { ...Object.fromEntries(PROGRAMS.map((name) => [name, '#\n'])), ...programs }
  return { recipe: changed, locked: pins, context: renderContext('any', changed, pins, companions, {}) }
}

function shared(other: LockedContext) {
  const rebuilt = new RebuiltSteps()
  rebuilt.add('first', made())
  return rebuilt.sharedWith(other)?.steps
}

const steps = allSteps.steps.length
const lockedSteps = allStepsLocked.steps

test('nothing is shared with what was not rebuilt', () => {
  expect(new RebuiltSteps().sharedWith(made())).toBeUndefined()
})

test('all that is the same is shared, with the recipe that it was rebuilt for first', () => {
  const rebuilt = new RebuiltSteps()
  rebuilt.add('first', made())
  rebuilt.add('second', made())
  expect(rebuilt.sharedWith(made())).toEqual({ recipe: 'first', steps })
  // what an image says of itself is in no layer
  expect(rebuilt.sharedWith(made({ recipe: { cmd: ['sh'], labels: {} } }))).toEqual({
    recipe: 'first',
    steps,
  })
})

test('a key of each end of a step, and of the base', () => {
  const keys = stepKeys(made())
  expect(keys).toHaveLength(1 + steps)
  expect(new Set(keys).size).toBe(1 + steps)
})

const [apt, pip, git, file] = lockedSteps
if (apt?.kind !== 'apt' || pip?.kind !== 'pip' || git?.kind !== 'git' || file?.kind !== 'file')
  throw new Error('the steps are others')
const pins = (index: number, pin: LockedPlatform['steps'][number]) => ({
  locked: { steps: lockedSteps.with(index, pin) },
})
const [firstDeb, ...debs] = apt.packages
const otherDeb = firstDeb && { ...firstDeb, sha256: 'f'.repeat(64) }
const ids = (index: number) => ({
  locked: { image: { ...image(LAYERS), diffIDs: image(LAYERS)?.diffIDs.with(index, sha(9)) ?? [] } as never },
})

test.each<[string, number | undefined, Parameters<typeof made>[0]]>([
  [
    'a package of the first step',
    0,
    pins(0, { ...apt, packages: [...(otherDeb ? [otherDeb] : []), ...debs] }),
  ],
  ['a commit', 2, pins(2, { ...git, sha256: 'f'.repeat(64) })],
  ['a download', 3, pins(3, { ...file, sha256: 'f'.repeat(64) })],
  [
    'the command of the last step',
    steps - 1,
    { recipe: { steps: allSteps.steps.with(-1, { kind: 'run', command: 'true' }) } },
  ],
  [
    'a step less',
    steps - 1,
    {
      recipe: { steps: allSteps.steps.slice(0, -1) },
      locked: { steps: lockedSteps.slice(0, -1), image: image(LAYERS - 1) },
    },
  ],
  ['a program of the second step', 1, { programs: { 'pip.sh': '# other\n' } }],
  ['a program of all steps', undefined, { programs: { 'layer.sh': '# other\n' } }],
  ['the date', undefined, { locked: { epoch: allStepsLocked.epoch + 1 } }],
  [
    'the user',
    undefined,
    { recipe: { user: { name: 'other', uid: 1001, home: '/home/fenics', shell: '/bin/bash' } } },
  ],
  ['the locked digest of the base', undefined, ids(0)],
  ['the locked digest of the first step', 0, ids(2)],
  ['the locked digest of the last step', steps - 1, ids(-1)],
  ['an image that was never built', undefined, { locked: { image: null } }],
  ['an image of one layer', undefined, { recipe: { layout: 'flat' } }],
])('where %s is another, what is before it is shared', (_, expected, change) => {
  expect(shared(made(change))).toBe(expected)
})

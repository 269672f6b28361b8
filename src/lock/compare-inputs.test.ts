import { describe, expect, it } from 'vitest'
import { type Recipe, Recipe as RecipeSchema } from '../recipe/schema.ts'
import { compareInputs } from './compare-inputs.ts'
import { lockInputs } from './lock-inputs.ts'
import { smallLock } from './small-lock.test-data.ts'

function recipe(fields: object = {}): Recipe {
  return RecipeSchema.parse({ base: { kind: 'debian', suite: 'bookworm' }, ...fields })
}

describe('lockInputs()', () => {
  it('leaves out empty fields and those that do not decide the image', () => {
    const inputs = lockInputs(
      recipe({ description: 'x', checks: [{ name: 'a', command: ['b'] }], tasks: { t: { command: ['c'] } } }),
    )
    expect(inputs).toEqual(lockInputs(recipe()))
    expect(Object.keys(inputs.fields)).toEqual(['platform', 'base', 'layout'])
  })

  it('gives the same checksum whatever the order of keys', () => {
    expect(lockInputs(recipe({ env: { A: '1', B: '2' } }), { x: '1', y: '2' }).checksum).toBe(
      lockInputs(recipe({ env: { B: '2', A: '1' } }), { y: '2', x: '1' }).checksum,
    )
  })

  it('keeps a checksum from one version of stillroom to the next', () => {
    expect(smallLock.inputs.checksum).toMatchInlineSnapshot(
      `"sha256:a544865e3c91dc1974b1e7715bda17d804500b59b456383a175eace98c761cf3"`,
    )
  })
})

describe('compareInputs()', () => {
  it('finds nothing between equal inputs', () => {
    expect(compareInputs(lockInputs(recipe()), lockInputs(recipe()))).toEqual([])
  })

  it('lists each field that differs, in order', () => {
    const run = { kind: 'run', command: 'true' }
    const before = lockInputs(recipe({ steps: Array(11).fill(run), cmd: ['sh'] }), { a: '1' })
    const after = lockInputs(recipe({ steps: [run, { ...run, command: 'false' }], env: { A: '1' } }), {
      a: '2',
    })
    const changes = compareInputs(before, after)
    expect(changes.map(({ field }) => field)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `steps[${i + 1}]`),
      'env',
      'cmd',
      'files["a"]',
    ])
    expect(changes.at(-2)).toEqual({ field: 'cmd', expected: ['sh'], actual: undefined })
    expect(changes.at(-1)).toEqual({ field: 'files["a"]', expected: '1', actual: '2' })
  })
})

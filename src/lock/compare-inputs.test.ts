import { describe, expect, it } from 'vitest'
import { StillroomError } from '../error.ts'
import { type Recipe, Recipe as RecipeSchema } from '../recipe/schema.ts'
import { compareInputs, requireFresh } from './compare-inputs.ts'
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
      `"sha256:69557c9b3d75fabf41060da62aef66999f21cdc86571875891304be5fc35063f"`,
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

describe('requireFresh()', () => {
  it('passes a lock made from the recipe', () => {
    expect(() => requireFresh(smallLock, smallLock.inputs)).not.toThrow()
  })

  it('lists each field with expected and actual', () => {
    const error = (() => {
      try {
        requireFresh(smallLock, lockInputs(recipe()))
      } catch (thrown) {
        return thrown as StillroomError
      }
    })()
    expect(error).toBeInstanceOf(StillroomError)
    expect(error).toMatchObject({ code: 'LOCK_STALE', hint: 'Run: stillroom lock recipe small' })
    expect(error?.message).toContain('  cmd: expected ["python3"], actual nothing')
    expect(error?.message).toContain('  env: expected {"LANG": "C.UTF-8"}, actual nothing')
  })
})

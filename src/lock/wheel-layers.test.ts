import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { MOST_WHEEL_LAYERS, type PythonFile } from './schema.ts'
import { assignLayers, withoutLayers } from './wheel-layers.ts'

const file = (name: string, size: number, more: Partial<PythonFile> = {}): PythonFile => ({
  name,
  version: '1',
  file: `${name}-1-py3-none-any.whl`,
  size,
  sha256: 'a'.repeat(64),
  ...more,
})
const sdist = (name: string, size: number) => file(name, size, { file: `${name}-1.tar.gz` })
const layersOf = (files: readonly PythonFile[]) =>
  Object.fromEntries(files.map(({ name, layer }) => [name, layer]))

describe('assignLayers() anew', () => {
  it('gives each large wheel a layer to itself, and all others one together', () => {
    const files = [file('a', 5e6), file('big', 4e7), file('bigger', 5e8), file('c', 4e6), sdist('d', 9e7)]
    expect(layersOf(assignLayers(files, undefined))).toEqual({ a: 3, big: 1, bigger: 2, c: 3, d: undefined })
  })

  it('leaves a few small wheels in the layer of the step', () => {
    const files = [file('a', 5e6), file('b', 2e6)]
    expect(assignLayers(files, undefined)).toEqual(files)
    expect(assignLayers(files, [file('a', 5e6)])).toEqual(files)
  })

  it('has no more layers than it may, the largest first', () => {
    const files = Array.from({ length: 30 }, (_, i) => file(`n${String(i).padStart(2, '0')}`, 4e7 + i))
    const layers = assignLayers(files, undefined)
    expect(layers.slice(0, 15).map(({ layer }) => layer)).toEqual(Array(15).fill(MOST_WHEEL_LAYERS))
    expect(layers.slice(15).map(({ layer }) => layer)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1))
  })
})

describe('assignLayers() after a lock', () => {
  const before = assignLayers([file('a', 9e6), file('big', 4e7)], undefined)

  it('leaves what stays where it is, in any version, and puts what is added above it', () => {
    const files = [file('a', 1e3, { version: '2' }), file('big', 4e7), file('new', 9e6)]
    expect(layersOf(assignLayers(files, before))).toEqual({ a: 2, big: 1, new: undefined })
  })

  it('gives what is added and large a layer to itself', () => {
    expect(layersOf(assignLayers([file('huge', 9e7), ...before], before))).toEqual({ a: 2, big: 1, huge: 3 })
  })

  it('takes a project out of its layer that comes as a source distribution now', () => {
    expect(layersOf(assignLayers([sdist('a', 9e6), file('big', 4e7)], before))).toEqual({
      a: undefined,
      big: 1,
    })
  })

  it('is the same again when nothing changes, and says nothing of what is no wheel', () => {
    const some = fc.uniqueArray(
      fc.record({
        name: fc.stringMatching(/^[a-z]{1,2}$/),
        size: fc.constantFrom(1e3, 3e6, 9e6, 4e7, 5e8),
        wheel: fc.boolean(),
      }),
      { selector: ({ name }) => name, maxLength: 40 },
    )
    const made = some.map((all) => all.map(({ name, size, wheel }) => (wheel ? file : sdist)(name, size)))
    fc.assert(
      fc.property(made, made, (first, second) => {
        const old = assignLayers(first, undefined)
        const next = assignLayers(second, old)
        expect(assignLayers(first, old)).toEqual(old)
        expect(withoutLayers(next)).toEqual(second)
        for (const { file: written, layer } of next) {
          if (layer === undefined) continue
          expect(written).toMatch(/\.whl$/)
          expect(layer).toBeLessThanOrEqual(MOST_WHEEL_LAYERS)
        }
        const known = new Map(old.map(({ name, layer }) => [name, layer]))
        if (old.some(({ layer }) => layer !== undefined))
          for (const { name, file: written, layer } of next)
            if (known.get(name) !== undefined && written.endsWith('.whl')) expect(layer).toBe(known.get(name))
      }),
      { numRuns: rounds(100, 2000) },
    )
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ImageFile } from '../../audit/own-files.ts'
import { type ImagePart, partTree } from './part-tree.ts'
import { squarify } from './squarify.ts'

const steps = [{ kind: 'run' as const }]
const name = fc.constantFrom('a', 'b', 'usr', 'lib', '__proto__', 'é', '</script>', ' ')
const anyFile: fc.Arbitrary<ImageFile> = fc.record(
  {
    path: fc.array(name, { minLength: 1, maxLength: 6 }).map((names) => names.join('/')),
    size: fc.nat(1_000_000),
    owner: fc.constantFrom('deb/a', 'pypi/a', 'run-1', 'toString'),
    step: fc.constantFrom('base', 'run-1', 'constructor'),
    made: fc.constantFrom('byte code', 'settings'),
  },
  { requiredKeys: ['path', 'size'] },
)
/** Of a tree no path is there twice, nor is a file a directory. */
const anyFiles = fc
  .uniqueArray(anyFile, { selector: ({ path }) => path, maxLength: 60 })
  .map((files) => files.filter(({ path }) => !files.some((other) => other.path.startsWith(`${path}/`))))

function checkSums({ bytes, files, parts }: ImagePart): void {
  if (parts === undefined) return
  expect(parts.length).toBeGreaterThan(0)
  expect(parts.reduce((sum, part) => sum + part.bytes, 0)).toBe(bytes)
  expect(parts.reduce((sum, part) => sum + part.files, 0)).toBe(files)
  expect(parts.map((part) => part.bytes)).toEqual(parts.map((part) => part.bytes).sort((a, b) => b - a))
  expect(new Set(parts.map((part) => part.name)).size).toBe(parts.length)
  for (const part of parts) checkSums(part)
}

const sizeOf = (files: readonly ImageFile[]) => files.reduce((sum, { size }) => sum + size, 0)
const leaves = (part: ImagePart): ImagePart[] => part.parts?.flatMap(leaves) ?? [part]

test('every byte is in the parts once, at every level, whatever is summed up', () => {
  fc.assert(
    fc.property(anyFiles, fc.integer({ min: 0, max: 5000 }), (files, limit) => {
      const { parts, least } = partTree(files, { steps }, limit)
      const whole = { name: '', bytes: sizeOf(files), files: files.length, parts }
      if (files.length > 0) checkSums(whole)
      const found = leaves(whole).filter((part) => part.name !== '' || part.parts === undefined)
      if (least === 0)
        expect(found.map(({ bytes }) => bytes).sort()).toEqual(files.map(({ size }) => size).sort())
      // below it there is but what the first level takes
      else if (least <= (parts[0]?.bytes ?? 0))
        expect(JSON.stringify(parts).length).toBeLessThanOrEqual(limit)
    }),
  )
})

test('the order of the files does not matter', () => {
  fc.assert(
    fc.property(
      anyFiles.chain((files) =>
        fc.tuple(fc.constant(files), fc.shuffledSubarray(files, { minLength: files.length })),
      ),
      ([files, shuffled]) => {
        expect(partTree(shuffled, { steps })).toEqual(partTree(files, { steps }))
      },
    ),
  )
})

test('goes by step, package, and directories; a directory with nothing but another is one with it', () => {
  const files: ImageFile[] = [
    { path: 'usr/lib/x/a.so', size: 5, owner: 'deb/x', step: 'base' },
    { path: 'usr/lib/x/y/z/b.so', size: 3, owner: 'deb/x', step: 'base' },
    { path: 'usr/lib/x/__pycache__/a.pyc', size: 2, owner: 'deb/x', step: 'base', made: 'byte code' },
    { path: 'opt/r', size: 4, owner: 'run-1', step: 'run-1' },
    { path: 'opt/u', size: 1 },
  ]
  const shown = (part: ImagePart): unknown =>
    part.parts ? { [part.name]: part.parts.map(shown) } : part.name
  expect(partTree(files, { steps }).parts.map(shown)).toEqual([
    { base: [{ 'deb/x': ['/usr/lib/x/a.so', { '/usr/lib/x/y/z/': ['b.so'] }] }] },
    { 'run-1': ['/opt/r'] },
    { generated: [{ 'byte code': [{ 'deb/x': ['/usr/lib/x/__pycache__/a.pyc'] }] }] },
    { unknown: ['/opt/u'] },
  ])
})

test('of directories in directories, the first 64 are shown', () => {
  const files = Array.from({ length: 1900 }, (_, n) => ({ path: `${'a/'.repeat(n)}f`, size: 1 }))
  const { parts } = partTree(files, { steps }, 1e8)
  checkSums({ name: '', bytes: 1900, files: 1900, parts })
  const depth = (part: ImagePart): number => 1 + Math.max(0, ...(part.parts ?? []).map(depth))
  expect(depth(parts[0] as ImagePart)).toBeLessThan(70)
  // what lies deeper keeps its whole path
  expect(JSON.stringify(parts)).toContain(`a/${'a/'.repeat(1000)}f"`)
})

test('a treemap fills its place, each part by its share, and none lies on another', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1e9 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: 1, max: 2000 }),
      (sizes, width, height) => {
        const sorted = sizes.sort((a, b) => b - a)
        const total = sorted.reduce((sum, size) => sum + size, 0)
        const places = squarify(sorted, { x: 0, y: 0, width, height })
        expect(places).toHaveLength(sorted.length)
        for (const [index, place] of places.entries()) {
          const area = total === 0 ? 0 : ((sorted[index] ?? 0) / total) * width * height
          expect(Math.abs(place.width * place.height - area)).toBeLessThan(1e-3 + area * 1e-6)
          expect(place.x + place.width).toBeLessThan(width + 1e-3)
          expect(place.y + place.height).toBeLessThan(height + 1e-3)
          for (const other of places.slice(0, index)) {
            const across = Math.min(place.x + place.width, other.x + other.width) - Math.max(place.x, other.x)
            const down = Math.min(place.y + place.height, other.y + other.height) - Math.max(place.y, other.y)
            expect(Math.min(across, down)).toBeLessThan(1e-3)
          }
        }
      },
    ),
    { numRuns: 50 },
  )
})

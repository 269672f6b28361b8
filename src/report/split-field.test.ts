import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitField, staleLines } from './split-field.ts'

test.each([
  [['a', 'b'], ['b', 'c', 'd'], [['f', '"a"', '"c", "d"']]],
  [['a'], ['a', 'b'], [['f', 'nothing', '"b"']]],
  [['a', 'b'], ['b', 'a'], [['f', '["a","b"]', '["b","a"]']]],
  [['a', 'a'], ['a'], [['f', '["a","a"]', '["a"]']]],
  [null, ['a'], [['f', 'nothing', '["a"]']]],
  ['x', 2, [['f', '"x"', '2']]],
  [
    { packages: ['a'], recommends: false, same: 1 },
    { packages: ['b'], recommends: true, same: 1, more: {} },
    [
      ['f.packages', '"a"', '"b"'],
      ['f.recommends', 'false', 'true'],
      ['f.more', 'nothing', '{}'],
    ],
  ],
])('splitField() of %j to %j', (from, to, parts) => {
  expect(splitField({ field: 'f', from, to })).toEqual(
    parts.map(([field, a, b]) => ({ field, from: a, to: b })),
  )
})

test('splitField() tells every difference, and the other way round the same', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const [from, to] = [a, b].map((value) => JSON.parse(JSON.stringify(value)))
      fc.pre(JSON.stringify(from) !== JSON.stringify(to))
      const turned = splitField({ field: 'f', from: to, to: from }).map((part) => ({
        ...part,
        from: part.to,
        to: part.from,
      }))
      const parts = splitField({ field: 'f', from, to })
      const order = (list: typeof parts) =>
        list.map((part) => JSON.stringify(part, ['field', 'from', 'to'])).sort()
      expect(order(turned)).toEqual(order(parts))
    }),
  )
})

test('staleLines() says what was locked and what is now', () => {
  const step = { kind: 'apt', packages: ['python3'] }
  const changes = [
    { field: 'steps[0]', expected: step, actual: { ...step, packages: ['python3', 'jq'] } },
    { field: 'base', expected: undefined, actual: 'x' },
  ]
  expect(staleLines(changes)).toEqual([
    'steps[0].packages: locked nothing, now "jq"',
    'base: locked nothing, now "x"',
  ])
})

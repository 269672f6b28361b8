import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { draw, groupsOf } from './survey/draw.ts'
import { count, type Trial, toMarkdown, untried } from './survey/survey-result.ts'

describe('the survey', () => {
  test('draws the same names by the same seed, whatever the order of the list, each at most once', () => {
    const lists = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(lists, fc.nat(), (names, seed) => {
        const all = draw(names, names.length, seed)
        expect([...all].sort()).toEqual([...names].sort())
        expect(draw([...names].reverse(), names.length, seed)).toEqual(all)
        expect(draw(names, 1, seed)).toEqual(all.slice(0, 1))
        expect(groupsOf(all, 4).flat()).toEqual(all)
      }),
    )
    expect(draw([...'abcdefgh'], 8, 1)).not.toEqual(draw([...'abcdefgh'], 8, 2))
  })

  test('counts each package by the smallest recipe in which it was tried', () => {
    const whole: Trial = { packages: ['a', 'b'], identical: true, clean: true, seconds: 1 }
    const other: Trial = {
      packages: ['c'],
      identical: false,
      clean: true,
      causes: ['timestamp (1): /x|y'],
      seconds: 1,
    }
    const found: Trial = {
      packages: ['d'],
      identical: true,
      clean: false,
      findings: ['file-mode (1): /z'],
      seconds: 1,
    }
    const failed = { command: 'lock recipe', code: 'APT_UNSATISFIABLE', message: 'no' }
    const unbuilt: Trial = {
      packages: ['f'],
      failed: { ...failed, command: 'build recipe' },
      clean: true,
      seconds: 1,
    }
    const trials = [whole, other, found, { packages: ['e'], failed, seconds: 1 }, unbuilt]
    expect(count(trials)).toEqual({ packages: 6, installable: 5, identical: 3, clean: 3 })
    const survey = { of: 'packages', seed: 1, date: '2026-11-28', variations: ['clock'], seconds: 60, trials }
    expect(untried(['g', 'e', 'b', 'h'], survey)).toEqual(['g', 'h'])
    expect(toMarkdown([survey, { ...survey, of: 'wheels', trials: [whole] }])).toMatchInlineSnapshot(`
      "| survey | seed | tried | installable | identical | clean | minutes | date |
      | --- | --- | --- | --- | --- | --- | --- | --- |
      | packages | 1 | 6 | 5 | 3 (60.0 %) | 3 (60.0 %) | 1 | 2026-11-28 |
      | wheels | 1 | 2 | 2 | 2 (100.0 %) | 2 (100.0 %) | 1 | 2026-11-28 |

      | survey | exception | what |
      | --- | --- | --- |
      | packages | c | not identical: timestamp (1): /x\\|y |
      | packages | d | audit: file-mode (1): /z |
      | packages | e | lock recipe: APT_UNSATISFIABLE: no |
      | packages | f | build recipe: APT_UNSATISFIABLE: no |
      "
    `)
  })
})

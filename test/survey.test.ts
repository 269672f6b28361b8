import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { draw, groupsOf } from './survey/draw.ts'
import { summarize, type Trial, toMarkdown } from './survey/survey-result.ts'

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
    const about = { of: 'packages', seed: 1, date: '2026-11-28', variations: ['clock'], seconds: 60 }
    const unbuilt: Trial = {
      packages: ['f'],
      failed: { ...failed, command: 'build recipe' },
      clean: true,
      seconds: 1,
    }
    const survey = summarize(about, [whole, other, found, { packages: ['e'], failed, seconds: 1 }, unbuilt])
    expect(survey).toMatchObject({ packages: 6, installable: 5, identical: 3, clean: 3 })
    expect(survey.exceptions.map(({ packages }) => packages.join())).toEqual(['c', 'd', 'e', 'f'])
    expect(toMarkdown(survey)).toMatchInlineSnapshot(`
      "## packages, seed 1, 2026-11-28

      6 packages, 5 of them installable, in 1 minutes; second build with another clock.

      - identical: 3 (60.0 %)
      - clean audit: 3 (60.0 %)

      | exception | what |
      | --- | --- |
      | c | not identical: timestamp (1): /x\\|y |
      | d | audit: file-mode (1): /z |
      | e | lock recipe: APT_UNSATISFIABLE: no |
      | f | build recipe: APT_UNSATISFIABLE: no |
      "
    `)
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { RULES, rulesFor } from './rules.ts'

const PAGE = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8')
const sections = new Map(
  PAGE.split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section] as const),
)

describe('RULES', () => {
  test.each(Object.entries(RULES))(
    '%s has a section that says its severity, and whether it needs a lock',
    (id, rule) => {
      const expected = `_${rule.severity}${rule.needsLock ? ', lock' : ''}._`
      expect(sections.get(id)).toContain(expected)
    },
  )

  test('docs/rules.md has no section on a rule that there is not', () => {
    const ids = [...sections.keys()].filter((title) => /^[a-z-]+$/.test(title))
    expect(ids.sort()).toEqual(Object.keys(RULES).sort())
  })

  test('rulesFor() leaves out what needs a lock', () => {
    expect(rulesFor(false)).not.toContain('package-extra')
    expect(rulesFor(false)).toContain('credential')
    expect(rulesFor(true)).toEqual(Object.keys(RULES))
  })
})

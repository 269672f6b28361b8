import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CAUSE_IDS, CAUSES } from './cause.ts'

test('docs/causes.md has every cause, in order, with what to do', () => {
  const text = readFileSync(new URL('../../docs/causes.md', import.meta.url), 'utf8')
  const sections = text.split(/^## /m).slice(1)
  expect(sections.map((section) => section.split('\n', 1)[0])).toEqual(CAUSE_IDS)
  for (const [index, id] of CAUSE_IDS.entries()) {
    const plain = (words: string) => words.replaceAll(/[`\\]/g, '').toLowerCase()
    expect(plain(sections[index] ?? '')).toContain(plain(CAUSES[id].title))
    expect(plain(sections[index] ?? '')).toContain(plain(`What to do: ${CAUSES[id].advice}.`))
  }
})

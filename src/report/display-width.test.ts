import { expect, test } from 'vitest'
import { cutToWidth, displayWidth } from './display-width.ts'

test('a line takes the columns that terminals give its characters', () => {
  const widths = {
    '': 0,
    'fetch 1/2': 9,
    é: 1,
    'e\u0301': 1,
    '\u200b': 0,
    'å·–…': 4,
    解決中: 6,
    ｆｕｌｌ: 8,
    ひらカタ: 8,
    한국: 4,
    '👩‍👩‍👧‍👦': 2,
    '🇳🇴': 2,
    '\u{20000}': 2,
  }
  for (const [text, width] of Object.entries(widths)) expect(displayWidth(text), text).toBe(width)
})

test('a line is cut where there is no more room, between whole characters', () => {
  const cut = [9, 8, 4, 3, 1, 0].map((columns) => cutToWidth('fetch 1/2', columns))
  expect(cut).toEqual(['fetch 1/2', 'fetch...', 'f...', 'fet', 'f', ''])
  expect(cutToWidth('解決中です', 8)).toBe('解決...')
  expect(cutToWidth('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301e\u0301')
})

import { expect, it } from 'vitest'
import { parseRetryAfter } from './parse-retry-after.ts'

it('parseRetryAfter() reads seconds and dates, and nothing else', () => {
  const now = Date.parse('2024-01-01T00:00:00Z')
  expect(parseRetryAfter('120', now)).toBe(120_000)
  expect(parseRetryAfter('Mon, 01 Jan 2024 00:01:00 GMT', now)).toBe(60_000)
  expect(parseRetryAfter('Mon, 01 Jan 2001 00:00:00 GMT', now)).toBe(0)
  expect(parseRetryAfter('soon', now)).toBeUndefined()
  expect(parseRetryAfter(undefined, now)).toBeUndefined()
})

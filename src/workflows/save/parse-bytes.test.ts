import { describe, expect, it } from 'vitest'
import { parseBytes } from './parse-bytes.ts'

describe('parseBytes()', () => {
  it.each([
    ['512', 512],
    ['100B', 100],
    ['25MB', 25_000_000],
    ['25mb', 25_000_000],
    ['25M', 25 * 1024 ** 2],
    ['25MiB', 25 * 1024 ** 2],
    ['2GiB', 2 * 1024 ** 3],
    ['2GB', 2_000_000_000],
    ['1K', 1024],
  ])('reads %s', (text, bytes) => {
    expect(parseBytes('--split', text)).toBe(bytes)
  })

  it.each(['', '0', '0MB', '-1', 'MB', '1.5GB', '10 MB', '10iB', '10XB', '9999999TB'])(
    'rejects "%s"',
    (text) => {
      expect(() => parseBytes('--split', text)).toThrow(`expected one such as 25MB, actual "${text}"`)
    },
  )
})

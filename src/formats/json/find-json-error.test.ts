import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findJsonError } from './find-json-error.ts'

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('findJsonError()', () => {
  it('agrees with JSON.parse() on what is JSON', () => {
    const piece = fc.constantFrom(
      ...'{}[],:" \n\\',
      'true',
      'null',
      '-',
      '0',
      '1',
      '.5',
      'e3',
      '"a"',
      '\\u00e9',
      '\u007f',
      '\u2028',
      'é',
    )
    const any = fc.oneof(
      fc.json(),
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(any, (text) => (findJsonError(text) === undefined) === isJson(text)),
      { numRuns: 5000 },
    )
  })

  it('agrees on JSON that was cut short', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, end) => {
        const text = json.slice(0, end % (json.length + 1))
        return (findJsonError(text) === undefined) === isJson(text)
      }),
    )
  })

  it.each([
    ['{"a": 1,}', 1, 9],
    ['[1 2]', 1, 4],
    ['[\n  "a\n"]', 2, 3],
    ['{"a":\n 01}', 2, 2],
    ['', 1, 1],
    ['{}\n\n x', 3, 2],
  ])('finds the place in %j', (text, line, column) => {
    expect(findJsonError(text)).toMatchObject({ line, column })
  })
})

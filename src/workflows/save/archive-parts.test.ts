import { describe, expect, it } from 'vitest'
import { parseSums, sumsText } from './archive-parts.ts'

const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string]

describe('sumsText()', () => {
  it('is a line of sha256sum for an archive', () => {
    const whole = { sha256: A, size: 3 }
    const text = sumsText('/x/hello.tar', whole, [{ path: '/x/hello.tar', ...whole }])
    expect(text).toBe(`${A}  hello.tar\n`)
    expect(parseSums(text)).toEqual(new Map([['hello.tar', A]]))
  })

  it('has the sum of all parts as a comment, which parseSums() reads', () => {
    const files = [
      { path: '/x/hello.tar.001', sha256: B, size: 2 },
      { path: '/x/hello.tar.002', sha256: C, size: 1 },
    ]
    const text = sumsText('/x/hello.tar', { sha256: A, size: 3 }, files)
    expect(text).toBe(`${B}  hello.tar.001\n${C}  hello.tar.002\n# ${A}  hello.tar when joined\n`)
    expect(Object.fromEntries(parseSums(text))).toEqual({
      'hello.tar': A,
      'hello.tar.001': B,
      'hello.tar.002': C,
    })
  })
})

import { posix } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resolvePath } from './tree-paths.ts'

describe('resolvePath()', () => {
  it('is what a program in the directory would open, below the root', () => {
    const part = fc.constantFrom('', '.', '..', '...', 'a', '.b', 'c.d', 'e..', ' ', '\\')
    const directory = fc.array(fc.constantFrom('a', '.b', 'c.d', 'e..')).map((parts) => parts.join('/'))
    fc.assert(
      fc.property(
        directory,
        fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/')),
        (from, path) => {
          expect(resolvePath(from, path)).toBe(posix.resolve('/', from, path).slice(1))
        },
      ),
    )
  })
})

import { describe, expect, test } from 'vitest'
import { ReachablePackages } from './reachable-packages.ts'

const NOTHING = { installed: '', requested: [], recommends: false }

/** An index of paragraphs; each begins with the name of its package. */
const list = (...paragraphs: string[]) =>
  Buffer.from(paragraphs.map((text) => `Package: ${text}\nVersion: 1\n\n`).join(''))

const names = (lists: readonly Uint8Array[]) =>
  lists.map((part) =>
    [
      ...Buffer.from(part)
        .toString()
        .matchAll(/^Package: (.*)$/gm),
    ].map(([, name]) => name),
  )

describe('lists()', () => {
  test('has what is requested and what that depends on, with every alternative, as it is written', () => {
    const index = list(
      'other',
      'tool\nDepends: lib (>= 1:2.0~rc1) | lib-old [amd64],\n data:any\nPre-Depends: early',
      'lib\ndepends: deep',
      'lib-old',
      'data',
      'early',
      'deep',
      'tool-doc\nDepends: tool',
    )
    const [part] = new ReachablePackages([index]).lists({ ...NOTHING, requested: ['tool'] })
    expect(names([part as Uint8Array])).toEqual([['tool', 'lib', 'lib-old', 'data', 'early', 'deep']])
    expect(Buffer.from(part as Uint8Array).toString()).toContain(
      'Package: tool\nDepends: lib (>= 1:2.0~rc1) | lib-old [amd64],\n data:any\nPre-Depends: early\nVersion: 1\n\n',
    )
  })

  test('has everyone who provides what is needed, and what they need', () => {
    const index = list(
      'tool\nDepends: mta',
      'exim\nProvides: mta (= 4), other-name\nDepends: exim-base',
      'postfix\nProvides: mta',
      'exim-base',
      'web\nProvides: httpd',
    )
    const reachable = new ReachablePackages([index])
    const found = reachable.lists({ ...NOTHING, requested: ['tool'] })
    expect(names(found)).toEqual([['tool', 'exim', 'postfix', 'exim-base']])
  })

  test('has every version of what is installed, and what they and the installed ones need', () => {
    const main = list('shell\nDepends: lib2', 'lib1', 'lib2', 'other')
    const security = list('shell\nDepends: lib3', 'lib3', 'other')
    const installed = 'Package: shell\nStatus: install ok installed\nDepends: lib1\n'
    const reachable = new ReachablePackages([main, security])
    expect(names(reachable.lists({ ...NOTHING, installed }))).toEqual([
      ['shell', 'lib1', 'lib2'],
      ['shell', 'lib3'],
    ])
  })

  test('has what is recommended when apt installs that; what is suggested, never', () => {
    const index = list('tool\nRecommends: nice\nSuggests: other', 'nice', 'other')
    const reachable = new ReachablePackages([index])
    const requested = ['tool']
    expect(names(reachable.lists({ ...NOTHING, requested }))).toEqual([['tool']])
    expect(names(reachable.lists({ ...NOTHING, requested, recommends: true }))).toEqual([['tool', 'nice']])
  })

  test('has the paragraphs that name its packages first, as apt goes by that where it has no better reason', () => {
    const index = list(
      'game\nSuggests: postfix',
      'emulator\nDepends: exim:any',
      'exim\nProvides: mta',
      'postfix\nProvides: mta',
      'tool\nDepends: mta',
      'other\nSuggests: postfix',
    )
    const found = new ReachablePackages([index]).lists({ ...NOTHING, requested: ['tool'] })
    expect(names(found)).toEqual([['game', 'exim', 'postfix', 'tool']])
  })

  test('has paragraphs that a line of whitespace parts once, together', () => {
    const index = Buffer.from(
      'Package: a\nDepends: c\n \nPackage: b\nDepends: c\n\nPackage: c\n\nPackage: d\n',
    )
    const found = new ReachablePackages([index]).lists({ ...NOTHING, requested: ['b', 'a'] })
    expect(names(found)).toEqual([['a', 'b', 'c']])
  })

  test('is empty for lists that have nothing of it', () => {
    const reachable = new ReachablePackages([list('a'), list('b'), Buffer.alloc(0)])
    expect(names(reachable.lists({ ...NOTHING, requested: ['b', 'nobody'] }))).toEqual([[], ['b'], []])
  })
})

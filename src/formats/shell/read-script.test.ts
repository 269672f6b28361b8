import { describe, expect, it, test } from 'vitest'
import { readScript } from './read-script.ts'

const commands = (script: string, variables: Record<string, string | undefined> = {}) =>
  readScript(script, new Map(Object.entries(variables))).commands.map(({ words }) =>
    words.map(({ value, text }) => value ?? `<${text}>`).join(' '),
  )

describe('readScript()', () => {
  it.each([
    ['lists', 'a && b; c || d\ne & f', ['a', 'b', 'c', 'd', 'e', 'f']],
    [
      'branches, loops and functions',
      'if a; then b; else c; fi; for x in 1; do d $x; done; f() { e; }; ( g )',
      ['a', 'b', 'c', 'd <$x>', 'e', 'g'],
    ],
    ['substitutions', 'a "$(b)" `c` <(d)', ['a <"$(b)"> <`c`> <<(d)>', 'b', 'c', 'd']],
    ['quotes', `a "b c" 'd $e' f\\ g $'h\\ti'`, ['a b c d $e f g h\ti']],
    ['a continued line', 'a \\\n b', ['a b']],
    ['no comment', 'a # b', ['a']],
    ['no text of a here-document', 'cat <<E\napt-get install x\nE\nb', ['cat', 'b']],
    ['what a script sets', 'V=1; a $V ${V}x "${W:-2}" ${V:+3}', ['', 'a 1 1x 2 3']],
    ['not what a branch sets', 'V=1; if a; then V=2; fi; b $V', ['', 'a', '', 'b <$V>']],
    ['words of a variable', 'P="a b"; c $P "$P"', ['', 'c a b a b']],
    ['no file pattern', 'rm *.x ~/y', ['rm <*.x> <~/y>']],
  ])('reads %s', (_, script, expected) => expect(commands(script)).toEqual(expected))

  it('has variables that are given, and knows which are not known', () =>
    expect(commands('a $X $Y $Z', { X: '1', Y: undefined })).toEqual(['a 1 <$Y> <$Z>']))

  it('says whose output a command reads', () => {
    const { commands: read } = readScript('a | b | c; d "$(e | f)"')
    const name = (number: number) => read[number]?.words[0]?.value
    expect(
      read.map(({ words, pipedFrom, substitutes }) => [
        words[0]?.value,
        pipedFrom.map(name),
        substitutes.map(name),
      ]),
    ).toEqual([
      ['a', [], []],
      ['b', ['a'], []],
      ['c', ['a', 'b'], []],
      ['d', [], ['e', 'f']],
      ['e', [], []],
      ['f', ['e'], []],
    ])
  })
})

test.each(['if x', 'a )', 'a "b', '$(', 'for', 'a <<'])(
  'readScript(%j) says that it is no script',
  (script) => expect(readScript(script).problem).toBeDefined(),
)

test('readScript() of deep nesting ends', () => {
  expect(readScript('('.repeat(5000)).problem).toBeDefined()
  expect(readScript(`${'$('.repeat(3000)}a`).problem).toBeDefined()
  expect(readScript(`${'if a; then '.repeat(2000)}`).problem).toBeDefined()
})

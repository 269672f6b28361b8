import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { readDockerfile } from './read-dockerfile.ts'
import { expandWord, readPairs, splitWords } from './words.ts'

const only = (text: string) => {
  const [first, ...more] = readDockerfile(text).instructions
  if (first === undefined || more.length > 0) throw new Error(`${more.length + 1} instructions`)
  return first
}

describe('readDockerfile()', () => {
  it('joins continued lines, without comments and empty lines between', () => {
    const run = only('# about curl\nRUN --mount=type=cache,target=/x a \\\n  # inner\n\n  && b  \n')
    expect(run.body.text).toBe('a   && b')
    expect(run.flags).toEqual([{ name: 'mount', value: 'type=cache,target=/x', at: { line: 2, column: 5 } }])
    expect(run.comments).toEqual(['about curl', 'inner'])
    expect(run.body.positionAt(run.body.text.indexOf('b'))).toEqual({ line: 5, column: 6 })
  })

  it('takes a backtick for the escape character when the directive says so', () => {
    const { escaping, instructions } = readDockerfile('# escape=`\nFROM a\nRUN x `\n  y C:\\\nRUN z')
    expect(escaping).toBe('`')
    expect(instructions.map(({ body }) => body.text)).toEqual(['a', 'x   y C:\\', 'z'])
  })

  it('has here-documents apart, and behind the script', () => {
    const run = only("RUN cat <<-'A' <<B > /x\n\ttab\n\tA\nlast $x\nB\n")
    expect(run.body.text).toBe("cat <<-'A' <<B > /x")
    expect(run.heredocs).toEqual([
      { name: 'A', quoted: true, content: 'tab\n', length: 5 },
      { name: 'B', quoted: false, content: 'last $x\n', length: 8 },
    ])
    expect(run.script.text).toBe("cat <<-'A' <<B > /x\n\ttab\n\tA\nlast $x\nB")
    expect(run.script.positionAt(run.script.text.indexOf('last'))).toEqual({ line: 4, column: 1 })
  })

  it.each([
    ['RUN ["a", "b c"]', ['a', 'b c']],
    ["RUN ['a']", undefined],
    ['RUN [ -f x ]', undefined],
    ['RUN ["a"', undefined],
  ])('reads the JSON form of %s', (text, json) => expect(only(text).json).toEqual(json))

  it('takes a carriage return before a line feed for part of the line break', () =>
    expect(readDockerfile('FROM a\r\nRUN x \\\r\n y\r\n').instructions.map(({ body }) => body.text)).toEqual([
      'a',
      'x  y',
    ]))

  it('refuses more instructions than anybody writes, with the place of the first', () =>
    expect(() => readDockerfile(`FROM a\n${'ENV A=b\n'.repeat(2000)}`)).toThrow('line 2001'))

  it('knows the trigger of an ONBUILD', () => {
    const { keyword, isTrigger, body } = only('ONBUILD RUN make')
    expect([keyword, isTrigger, body.text]).toEqual(['RUN', true, 'make'])
  })

  it('reads what has no here-document where the parser looks for one', () => {
    const [run] = readDockerfile('RUN a\\\n\\# x\n\nb\n').instructions
    expect(run).toMatchObject({ keyword: 'RUN', heredocs: [] })
    expect(() => readDockerfile('FROM a\nRUN a\\\n\\# x\n\nb <<E\n')).toThrow('line 2: its here-documents')
  })

  it('takes a carriage return in a line for no end of it', () => {
    const { instructions } = readDockerfile('RUN a\rb\nUSER c\r\n')
    expect(instructions.map(({ at, body }) => [at.line, body.text])).toEqual([
      [1, 'a\rb'],
      [2, 'c'],
    ])
  })

  it('reads any text: places are within it', () => {
    const piece = fc.constantFrom(
      'FROM ',
      'RUN ',
      'COPY ',
      '<<EOF',
      '\n',
      '\\\n',
      '# x\n',
      '"',
      "'",
      '--a=b ',
      ' ',
      '[',
      ']',
      'EOF',
      '$',
      '`',
      '\t',
      '<<-"a b"',
      'ONBUILD ',
    )
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 20 }),
        (pieces) => {
          const text = pieces.join('')
          const lines = text.split('\n')
          for (const { at, script, body } of readDockerfile(text).instructions)
            for (const place of [at, body.positionAt(0), script.positionAt(script.text.length)]) {
              expect(place.line).toBeLessThanOrEqual(lines.length)
              expect(place.column).toBeLessThanOrEqual((lines[place.line - 1]?.length ?? 0) + 1)
            }
        },
      ),
      { numRuns: 500 },
    )
  })
})

const SET = new Map([
  ['A', 'one'],
  ['EMPTY', ''],
  ['LATER', undefined],
])
test.each([
  ['$A-${A}', 'one-one'],
  ["'$A'", '$A'],
  ['"$A b"', 'one b'],
  ['\\$A', '$A'],
  ['${EMPTY:-x}${EMPTY-x}', 'x'],
  ['${NONE:-$A}', 'one'],
  ['${A:+yes}${NONE:+no}', 'yes'],
  ['$NONE', ''],
  ['$LATER', undefined],
  ['${A%x}', undefined],
  ['$', '$'],
])('expandWord(%j) is %j', (word, value) => expect(expandWord(word, '\\', SET)).toBe(value))

test('splitWords() keeps quoted and escaped white space', () =>
  expect(splitWords('a "b c" d\\ e \'f g\'', '\\', SET).map(({ value }) => value)).toEqual([
    'a',
    'b c',
    'd e',
    'f g',
  ]))

test.each([
  ['ENV A=b C="d e" F=g\\ h', { A: 'b', C: 'd e', F: 'g h' }],
  ['ENV A b c', { A: 'b c' }],
  ['LABEL "a.b"="c=d"', { 'a.b': 'c=d' }],
])('readPairs() of %s', (text, pairs) =>
  expect(
    Object.fromEntries(readPairs(only(text).body, '\\', SET).map(({ name, value }) => [name, value])),
  ).toEqual(pairs),
)

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ControlOptions, parseControl } from './deb822.ts'

const read = (text: string, options?: ControlOptions) =>
  [...parseControl(text, options)].map((stanza) => Object.fromEntries(stanza))

test('parseControl() parts paragraphs at empty and blank lines', () => {
  expect(read('A: 1\n\n\nB: 2\n \t\nC: 3')).toEqual([{ a: '1' }, { b: '2' }, { c: '3' }])
})

test('parseControl() joins continuation lines and skips comments', () => {
  expect(read('SHA256:\n aa 1 x\n bb 2 y\n# no\nSize:  7 \n')).toEqual([
    { sha256: '\naa 1 x\nbb 2 y', size: '7' },
  ])
})

test('parseControl() keeps only the wanted fields, whatever their spelling', () => {
  expect(
    read('PACKAGE: dash\nDescription: x\n more\nversion: 1\n', { fields: new Set(['package', 'version']) }),
  ).toEqual([{ package: 'dash', version: '1' }])
})

test('parseControl() gives a paragraph without wanted fields as an empty one', () => {
  expect(read('A: 1\n\nB: 2\n', { fields: new Set(['b']) })).toEqual([{}, { b: '2' }])
})

test('parseControl() reads UTF-8 and names such as "__proto__"', () => {
  for (const data of ['__proto__: é\n', Buffer.from('__proto__: é\n')])
    expect([...parseControl(data)][0]?.get('__proto__')).toBe('é')
})

// apt: `apt-get update --print-uris` of 2.6 takes the last URIs; dpkg-query of 1.21 rejects each of these lines but `#b`
test('parseControl() reads comments and repeated fields as apt or as dpkg does', () => {
  const text = 'A: 1\n#b: 2\n# c\nA: 3\n more\nno field\nD: 4\n'
  expect(read(text)).toEqual([{ a: '3\nmore', d: '4' }])
  expect(read(text, { dialect: 'dpkg' })).toEqual([
    { a: '1', '#b': '2', '': '\n# c\nA: 3\nmore\nno field', d: '4' },
  ])
  const lost = ' lost\n\nA: 1\n'
  expect(read(lost)).toEqual([{ a: '1' }])
  expect(read(lost, { dialect: 'dpkg' })).toEqual([{ '': '\nlost' }, { a: '1' }])
  expect(read(lost, { dialect: 'dpkg', fields: new Set(['a']) })).toEqual([{}, { a: '1' }])
})

test('parseControl() reads lines that end in CR LF, from the start of a text', () => {
  expect(read('\r\n\nName: x\r\nLicense: a\r\n\tb\r\n\r\ntext', { dialect: 'dpkg' })).toEqual([
    { name: 'x', license: 'a\nb' },
    { '': '\ntext' },
  ])
})

test('parseControl() gives back what was written', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
  const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)
  const stanza = fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true })
  fc.assert(
    fc.property(fc.array(stanza), fc.constantFrom('apt', 'dpkg'), (stanzas, dialect) => {
      const text = stanzas
        .map((fields) =>
          Object.entries(fields)
            .map(([key, content]) => `${key}: ${content}\n`)
            .join(''),
        )
        .join('\n')
      expect(read(text, { dialect })).toEqual(stanzas)
      expect([...parseControl(Buffer.from(text), { dialect })]).toEqual([...parseControl(text, { dialect })])
    }),
  )
})

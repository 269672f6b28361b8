import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseControl } from './deb822.ts'

const read = (text: string, fields?: string[]) =>
  [...parseControl(text, fields === undefined ? undefined : new Set(fields))].map((stanza) =>
    Object.fromEntries(stanza),
  )

test('parseControl() parts paragraphs at empty and blank lines', () => {
  expect(read('A: 1\n\n\nB: 2\n \t\nC: 3')).toEqual([{ a: '1' }, { b: '2' }, { c: '3' }])
})

test('parseControl() joins continuation lines and skips comments', () => {
  expect(read('SHA256:\n aa 1 x\n bb 2 y\n# no\nSize:  7 \n')).toEqual([
    { sha256: '\naa 1 x\nbb 2 y', size: '7' },
  ])
})

test('parseControl() keeps only the wanted fields, whatever their spelling', () => {
  expect(read('PACKAGE: dash\nDescription: x\n more\nversion: 1\n', ['package', 'version'])).toEqual([
    { package: 'dash', version: '1' },
  ])
})

test('parseControl() gives a paragraph without wanted fields as an empty one', () => {
  expect(read('A: 1\n\nB: 2\n', ['b'])).toEqual([{}, { b: '2' }])
})

test('parseControl() reads UTF-8 and names such as "__proto__"', () => {
  expect([...parseControl('__proto__: é\n')][0]?.get('__proto__')).toBe('é')
})

test('parseControl() gives back what was written', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
  const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)
  const stanza = fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true })
  fc.assert(
    fc.property(fc.array(stanza), (stanzas) => {
      const text = stanzas
        .map((fields) =>
          Object.entries(fields)
            .map(([key, content]) => `${key}: ${content}\n`)
            .join(''),
        )
        .join('\n')
      expect(read(text)).toEqual(stanzas)
    }),
  )
})

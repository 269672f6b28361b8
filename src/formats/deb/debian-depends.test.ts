import { expect, test } from 'vitest'
import { appliesTo, parseDepends } from './debian-depends.ts'

test('parseDepends() reads groups, alternatives, versions and qualifiers', () => {
  expect(parseDepends('debconf (>= 0.5) | debconf-2.0, python3:any (<< 3.12~),\n libc6')).toEqual([
    [{ name: 'debconf', version: { operator: '>=', version: '0.5' } }, { name: 'debconf-2.0' }],
    [{ name: 'python3', qualifier: 'any', version: { operator: '<<', version: '3.12~' } }],
    [{ name: 'libc6' }],
  ])
})

test('parseDepends() reads restrictions, profiles, tight and old spellings', () => {
  expect(parseDepends('a(=1:2-3) [amd64 !i386] <!nocheck> <stage1>, b (> 1), ')).toEqual([
    [{ name: 'a', version: { operator: '=', version: '1:2-3' }, architectures: ['amd64', '!i386'] }],
    [{ name: 'b', version: { operator: '>=', version: '1' } }],
  ])
})

test('parseDepends() reads an empty field as nothing', () => {
  expect(parseDepends(' ')).toEqual([])
})

test.each(['a b', 'a (1)', 'a (>= 1', '(>= 1)', 'a | | b'])('parseDepends() rejects %j', (field) => {
  expect(() => parseDepends(field)).toThrow(SyntaxError)
})

test.each([
  ['a', true],
  ['a [amd64]', true],
  ['a [any]', true],
  ['a [i386]', false],
  ['a [!amd64]', false],
  ['a [!i386]', true],
])('appliesTo(%j, "amd64") is %s', (field, expected) => {
  expect(
    parseDepends(field)
      .flat()
      .map((one) => appliesTo(one, 'amd64')),
  ).toEqual([expected])
})

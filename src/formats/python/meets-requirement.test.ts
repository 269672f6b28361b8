import { expect, test } from 'vitest'
import { meetsRequirement } from './meets-requirement.ts'

test.each([
  ['2.0', 'a', true],
  ['2.0', 'a[x,y]', true],
  ['2.0', 'a[x]==2.0', true],
  ['2.0.0', 'a == 2.0', true],
  ['2.0+cpu', 'a==2.0', true],
  ['2.0.1', 'a==2.0.*', true],
  ['2.0a1', 'a>=1.0', true],
  ['2.1', 'a>=1, <2.5', true],
  ['2.5', 'a>=1, <2.5', false],
  ['2.0', 'a!=2.0', false],
  ['1.0', 'a~=1.4', false],
  ['1.5', 'a~=1.4', true],
  ['2.0.0', 'a===2.0', false],
  ['2004d', 'a==2004d', true],
  ['2004d', 'a===2004D', true],
  ['2004d', 'a!=2004d', false],
  ['2004d', 'a>=1.0', false],
  ['2004d', 'a<=1.0', true],
  ['2.0', 'a<2004d', false],
])('%s meets %s: %s', (version, requirement, expected) => {
  expect(meetsRequirement(version, requirement)).toBe(expected)
})

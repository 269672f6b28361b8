import { expect, test } from 'vitest'
import { countingRules, newerPython, type OfferedFile, RECIPE } from './newer-python.ts'

const python = { version: '3.11.2', libc: { kind: 'glibc' as const, version: '2.36' }, pip: '23.0.1' }
const wheel = (version: string, more: Partial<OfferedFile> = {}): OfferedFile => ({
  file: `x-${version}-py3-none-any.whl`,
  version,
  ...more,
})
const source = (version: string): OfferedFile => ({ file: `x-${version}.tar.gz`, version })

/** What is advised for version 1.0, and why not the newest. */
function advice(
  offered: OfferedFile[],
  requirements: string[] = [],
  { owner = RECIPE, isSource = false, version = '1.0', on = python as typeof python | null } = {},
) {
  const known = on ?? undefined
  const rules = countingRules('x', requirements, owner, known)
  const { newer, excluded } = newerPython({ name: 'x', version, isSource }, offered, rules, known)
  return [newer[0]?.newest, excluded[0] && `${excluded[0].newest}: ${excluded[0].reason}`]
}

test('the newest is advised, by PEP 440', () => {
  expect(advice([wheel('1.0'), wheel('1.9'), wheel('1.10')])).toEqual(['1.10', undefined])
  expect(advice([wheel('1.0'), wheel('0.9')])).toEqual([undefined, undefined])
  expect(advice([wheel('1.0.0')])).toEqual([undefined, undefined])
})

test.each([
  [['x==1.0'], undefined, '3.0: the recipe says x==1.0'],
  [['x<2'], '1.5', '3.0: the recipe says x<2'],
  [['x', 'x!=3.0'], '2.0', '3.0: the recipe says x!=3.0'],
  [['x~=1.0 ; python_version >= "3.8"'], '1.5', '3.0: the recipe says x~=1.0'],
  [['x<2 ; python_version < "3.8"'], '3.0', undefined],
  [['x<2 ; platform_release < "3.8"'], '1.5', '3.0: the recipe says x<2'],
  [['y<2', 'X [extra] < 3'], '2.0', '3.0: the recipe says X [extra] < 3'],
  [['x===1.0'], undefined, '3.0: the recipe says x===1.0'],
  [[`x --hash=sha256:${'a'.repeat(64)}`], undefined, '3.0: the recipe states hashes of other files'],
])('the recipe rules out what %j excludes', (requirements, newest, excluded) => {
  const offered = [wheel('1.0'), wheel('1.5'), wheel('2.0'), wheel('3.0')]
  expect(advice(offered, requirements)).toEqual([newest, excluded])
})

test('what else is locked has a say', () => {
  const offered = [wheel('1.5'), wheel('3.0')]
  expect(advice(offered, ['x (<2,>=1.0)'], { owner: 'y 1.0' })).toEqual([
    '1.5',
    '3.0: y 1.0 says x (<2,>=1.0)',
  ])
})

test('no file is advised that the Python of the image does not take', () => {
  const refused = '3.0: it requires Python >=3.12, the image has 3.11.2'
  expect(advice([wheel('2.0'), wheel('3.0', { requiresPython: '>=3.12' })])).toEqual(['2.0', refused])
  const other = { ...wheel('3.0'), file: 'x-3.0-cp312-cp312-manylinux_2_17_x86_64.whl' }
  const unfit = '3.0: it has no file that fits the image'
  expect(advice([wheel('2.0'), other])).toEqual(['2.0', unfit])
  expect(advice([wheel('2.0'), source('3.0')])).toEqual(['2.0', unfit])
  expect(advice([source('2.0'), wheel('3.0')], [], { isSource: true })).toEqual(['2.0', unfit])
  const unknown = "3.0: the lock does not tell the image's Python"
  expect(advice([wheel('3.0')], [], { on: null })).toEqual([undefined, unknown])
})

test('what was withdrawn and pre-releases are not named, unless pip would take one', () => {
  const offered = [wheel('1.0'), wheel('2.0', { yanked: true }), wheel('3.0rc1'), wheel('nonsense')]
  expect(advice(offered)).toEqual([undefined, undefined])
  expect(advice(offered, ['x>=1.0'])).toEqual([undefined, undefined])
  expect(advice(offered, ['x>=1.0b1'])).toEqual(['3.0rc1', undefined])
  // there is no other that fits
  expect(advice([wheel('1.0b1'), wheel('1.0b2')], [], { version: '1.0b1' })).toEqual(['1.0b2', undefined])
  expect(advice([wheel('0.9'), wheel('1.0b2')], [], { version: '1.0b1' })).toEqual([undefined, undefined])
})

test('of requirements with an extra, those count whose extra is asked for', () => {
  const rules = (extras: string[]) => countingRules('x', ['x<2; extra == "fast"'], 'y 1', python, extras)
  expect(rules([])).toEqual([])
  expect(rules(['fast'])).toEqual([{ owner: 'y 1', requirement: 'x<2' }])
})

import { describe, expect, test } from 'vitest'
import { PipStep } from '../../recipe/schema.ts'
import { LockedPip } from '../schema.ts'
import { compareConstraints, compareIndexes, compareRequirements } from './pip-pins.ts'

const step = (requirements: string[], more: object = {}) =>
  PipStep.parse({ kind: 'pip', requirements, ...more })
const file = (name: string, version: string, more: object = {}) => ({
  name,
  version,
  file: `${name}-${version}-py3-none-any.whl`,
  size: 1,
  sha256: '0'.repeat(64),
  ...more,
})
const pinned = (files: object[], provided: object[] = []) =>
  LockedPip.parse({ kind: 'pip', pip: '23.0.1', files, build: {}, provided })
const URL_OF_X = 'https://example.org/x-1.0-py3-none-any.whl'

describe('compareRequirements()', () => {
  test('takes a version and a file name for what they are by PEP 440', () => {
    const cab = file('cab', '2026.01.05', { file: 'Cab-2026.1.5-py3-none-any.whl' })
    const sd = file('sd', '1.0b0', { file: 'sd-1.0-beta.tar.gz' })
    expect(compareRequirements(step(['cab==2026.1.5', 'sd===1.0b0']), pinned([cab, sd]))).toEqual([])
    const other = file('cab', '2026.01.05', { file: 'cab-2026.1.6-py3-none-any.whl' })
    expect(compareRequirements(step(['cab']), pinned([other]))).toMatchObject([
      { field: 'files["cab"].file' },
    ])
  })

  test.each([
    ['the same address', [`x @ URL#sha256=${'0'.repeat(64)}`], [file('x', '1.0', { url: URL_OF_X })], [], 0],
    ['no address', ['x @ URL'], [file('x', '1.0')], [], 1],
    ['another address', ['x @ URL'], [file('x', '1.0', { url: 'https://example.com/x.whl' })], [], 1],
    ['what is there', ['x @ URL'], [], [{ name: 'x', version: '1.0' }], 0],
    ['a marker that does not count', ['x @ URL ; os_name == "nt"'], [], [], 0],
  ])('holds an address: %s', (_, requirements, files, provided, count) => {
    const asked = requirements.map((text) => text.replace('URL', URL_OF_X))
    expect(compareRequirements(step(asked), pinned(files, provided))).toHaveLength(count)
  })

  test.each([
    [['x<2 ; python_version < "3.9"', 'x>=2 ; python_version >= "3.9"'], '1.0', 0],
    [['x<2 ; python_version < "3.9"', 'x>=2 ; python_version >= "3.9"'], '2.0', 0],
    [['x<2 ; python_version < "3.9"'], '2.0', 1],
    [['x<2', 'x>=1 ; python_version < "3.9"'], '2.0', 1],
  ])('of %j one that may count is met by %s: %i contradictions', (requirements, version, count) => {
    expect(compareRequirements(step(requirements), pinned([file('x', version)]))).toHaveLength(count)
  })
})

test('compareConstraints() holds what is installed to them, and asks for nothing', () => {
  const limited = step(['x'], { constraints: ['x<2', 'y<2'] })
  expect(compareConstraints(limited, pinned([file('x', '1.0')]))).toEqual([])
  expect(compareConstraints(limited, pinned([file('x', '2.0')]))).toMatchObject([{ wanted: 'x<2' }])
})

test('compareIndexes() holds each project to the index that is named for it', () => {
  const index = 'https://index.example.org/cpu'
  const asked = step(['x', 'y'], { indexes: { x: index } })
  expect(compareIndexes(asked, pinned([file('x', '1.0', { index }), file('y', '1.0')]))).toEqual([])
  expect(compareIndexes(asked, pinned([file('x', '1.0'), file('y', '1.0', { index })]))).toMatchObject([
    { field: 'files["x"].index', locked: undefined, wanted: index },
    { field: 'files["y"].index', locked: index, wanted: undefined },
  ])
})

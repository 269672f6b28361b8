import { describe, expect, test } from 'vitest'
import type { Distribution } from './list-distributions.ts'
import { readOrigins } from './read-origins.ts'

const SITE = '/usr/local/lib/python3.11/dist-packages'
const SHA256 = '0123456789abcdef'.repeat(4)
const installed = (name: string, more: Partial<Distribution> = {}): Distribution => ({
  name,
  version: '1.0',
  location: SITE,
  isWheel: true,
  direct: null,
  addresses: [],
  ...more,
})
const note = (fields: object) => JSON.stringify({ url: 'https://example.org/x-1.0.tar.gz', ...fields })
const read = (added: Distribution[], { pip = '23.0.1', asked = [] as string[] } = {}) =>
  readOrigins(pip, added, added, asked)

describe('readOrigins()', () => {
  test.each([
    // pip 20.3 and 23.0, of a requirement with a hash
    [{ archive_info: { hash: `sha256=${SHA256}` } }, SHA256],
    // pip 25.1
    [{ archive_info: { hash: `sha256=${SHA256}`, hashes: { sha256: SHA256 } } }, SHA256],
    [{ archive_info: {} }, undefined],
  ])('takes the address that pip notes: %j', (fields, sha256) => {
    const origin = { url: 'https://example.org/x-1.0.tar.gz', ...(sha256 ? { sha256 } : {}) }
    expect(read([installed('x', { direct: note(fields) }), installed('y')])).toEqual(new Map([['x', origin]]))
  })

  test.each([
    ['a git repository', { vcs_info: { vcs: 'git', commit_id: '0' } }, /git repository/],
    ['a directory of an archive', { archive_info: {}, subdirectory: 'src' }, /directory "src"/],
    ['a directory', { url: 'file:///tmp/x', dir_info: {} }, /address file/],
    ['a login', { url: 'https://a:b@example.org/x.whl', archive_info: {} }, /must not contain a login/],
    ['another scheme', { url: 'ftp://example.org/x.whl', archive_info: {} }, /must be an address/],
  ])('refuses %s, and says who requires it', (_, fields, reason) => {
    const added = [
      installed('x', { direct: note(fields) }),
      installed('y', { addresses: ['x @ git+https://example.org/x'] }),
    ]
    expect(() => read(added)).toThrow(expect.objectContaining({ code: 'PIP_SOURCE_REFUSED' }))
    expect(() => read(added)).toThrow(reason)
    expect(() => read(added)).toThrow('required by y')
  })

  test('refuses a note that it cannot read', () => {
    expect(() => read([installed('x', { direct: '{' })])).toThrow(/cannot be read/)
  })

  test('goes by the requirement where pip ran a setup.py, which leaves no note', () => {
    const x = installed('x', { isWheel: false })
    const y = installed('y', { addresses: ['X @ https://example.org/x-1.0.zip#sha256=00'] })
    expect(read([x, y])).toEqual(new Map([['x', { url: 'https://example.org/x-1.0.zip' }]]))
    expect(read([x], { asked: ['x @ https://example.org/x-1.0.zip'] })).toHaveProperty('size', 1)
  })

  test('never takes from an index what may have come from an address', () => {
    const address = 'x @ https://example.org/x-1.0.zip ; extra == "all"'
    const y = installed('y', { addresses: [address] })
    expect(() => read([installed('x', { isWheel: false }), y])).toThrow(/does not note/)
    expect(() => read([installed('x'), y], { pip: '19.1' })).toThrow(/does not note/)
    // a pip that notes addresses did not take it from one
    expect(read([installed('x'), y])).toEqual(new Map())
  })

  test('refuses what pip keeps though it is required by address: it is from elsewhere', () => {
    const url = 'https://example.org/x-1.0.tar.gz'
    const y = installed('y', { addresses: [`x @ ${url}#sha256=00`] })
    const origins = (x: Distribution, by = y) => readOrigins('23.0.1', [by], [x, by], [])
    expect(() => origins(installed('x'))).toThrow(
      `x: y requires it from ${url}#sha256=00, and x 1.0 is there from an index or a package of the system`,
    )
    const other = note({ url: 'https://example.com/x.whl', archive_info: {} })
    expect(() => origins(installed('x', { direct: other }))).toThrow(
      'is there from https://example.com/x.whl',
    )
    expect(origins(installed('x', { direct: note({ archive_info: {} }) }))).toEqual(new Map())
    const optional = installed('y', { addresses: [`x @ ${url} ; extra == "all"`] })
    expect(origins(installed('x'), optional)).toEqual(new Map())
    // what was there before was judged when it came
    expect(readOrigins('23.0.1', [], [installed('x'), y], [])).toEqual(new Map())
    expect(() => readOrigins('23.0.1', [], [installed('x')], [`x @ ${url}`])).toThrow(
      'the recipe requires it',
    )
  })
})

import { expect, test } from 'vitest'
import { bareAddress, parseRequirement, withoutHashes } from './requirement.ts'

const HASH = 'ab'.repeat(32)

test.each([
  ['numpy', { name: 'numpy' }],
  ['Zope.Interface', { name: 'zope-interface' }],
  ['a[x, y_z] >= 1, < 2', { name: 'a', extras: ['x', 'y_z'], specifiers: '>=1,<2' }],
  ['a (>=1,<2)', { name: 'a', specifiers: '>=1,<2' }],
  ['a==1!2.0+cpu.1', { name: 'a', specifiers: '==1!2.0+cpu.1' }],
  ["a; python_version < '3.9'", { name: 'a', marker: "python_version < '3.9'" }],
  ['a==2.*;(os_name=="nt")', { name: 'a', specifiers: '==2.*', marker: '(os_name=="nt")' }],
  ['a @ https://example.org/a-1.0.zip', { name: 'a', url: 'https://example.org/a-1.0.zip' }],
  [
    'a[x]@https://example.org/a.whl#sha256=00 ; extra == "b"',
    { name: 'a', extras: ['x'], url: 'https://example.org/a.whl#sha256=00', marker: 'extra == "b"' },
  ],
  ['a @ git+https://example.org/a@main', { name: 'a', url: 'git+https://example.org/a@main' }],
  [`a==1 --hash=sha256:${HASH}`, { name: 'a', specifiers: '==1', hashes: [HASH] }],
  [
    `a==1 ; os_name == "nt" --hash=sha256:${HASH} --hash=md5:00`,
    { name: 'a', specifiers: '==1', marker: 'os_name == "nt"', hashes: [HASH] },
  ],
])('parseRequirement() reads %j', (text, expected) => {
  expect(parseRequirement(text)).toEqual({ extras: [], specifiers: '', hashes: [], ...expected })
})

test.each(['', '-r a', '--pre', './a', 'a b', 'a=1', 'a==', 'a;', 'a @', 'a [x', 'a; os $(x)'])(
  'parseRequirement() takes %j for none',
  (text) => {
    expect(parseRequirement(text)).toBeUndefined()
  },
)

test.each([`a${' '.repeat(20_000)}!`, `a;${' '.repeat(5000)}$`, `a>=1${' ,'.repeat(5000)}`])(
  'parseRequirement() refuses blanks without end in a moment',
  (text) => {
    const started = performance.now()
    expect(parseRequirement(text)).toBeUndefined()
    expect(performance.now() - started).toBeLessThan(2000)
  },
)

test('withoutHashes() leaves what pip takes on its command line', () => {
  expect(withoutHashes(`a==1 ; os_name == "nt" --hash=sha256:${HASH} --hash=sha256:${HASH}`)).toBe(
    'a==1 ; os_name == "nt"',
  )
})

test('bareAddress() drops what the fragment says', () => {
  expect(bareAddress('https://example.org/a.zip#sha256=00')).toBe('https://example.org/a.zip')
})

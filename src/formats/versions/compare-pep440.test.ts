import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { comparePep440, isPep440 } from './compare-pep440.ts'

/** Real versions of some projects of the index, each older than the next by Python's `packaging`. */
const REAL = readFileSync(new URL('python-versions.test-data.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')

const number = fc.constantFrom('0', '1', '2', '01', '10', '12345678901234567', '12345678901234568', '2024')
const release = fc.array(number, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
const separator = fc.constantFrom('', '.', '-', '_')
const suffix = (...names: string[]) =>
  fc
    .tuple(separator, fc.constantFrom(...names), separator, fc.option(number))
    .map(([before, name, between, value]) => `${before}${name}${value === null ? '' : between + value}`)
const local = fc
  .array(
    fc.constantFrom(
      '0',
      '1',
      '10',
      'a',
      'B',
      'abc',
      '1e5',
      '0x1f',
      '1e400',
      '00',
      'ubuntu',
      '99999999999999999999',
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((parts) => `+${parts.join('.')}`)
const maybe = (part: fc.Arbitrary<string>) => fc.option(part).map((value) => value ?? '')
/** Every part of PEP 440 in every spelling, and now and then what is no version at all. */
const version = fc
  .tuple(
    maybe(fc.constantFrom('1!', '0!', '2!', 'v', 'V')),
    release,
    maybe(suffix('a', 'b', 'c', 'rc', 'alpha', 'BETA', 'pre', 'preview')),
    maybe(
      fc.oneof(
        suffix('post', 'rev', 'R'),
        number.map((value) => `-${value}`),
      ),
    ),
    maybe(suffix('dev', 'DEV')),
    maybe(local),
    maybe(fc.constantFrom('', '', '', '', '', '.', 'x', '+', '!')),
  )
  .map((parts) => parts.join(''))
const pair = fc.oneof(
  fc.tuple(version, version),
  fc
    .tuple(
      release,
      version.map((text) => text.replace(/^[^a-z+-]*/i, '')),
    )
    .map(([base, rest]) => [base, base + rest]),
  fc.tuple(fc.constantFrom(...REAL), fc.constantFrom(...REAL)),
  fc
    .tuple(fc.nat(REAL.length - 2), fc.constantFrom('.0', '.post1', 'rc1', '.dev0', '+1', '.1'))
    .map(([at, end]) => [`${REAL[at]}${end}`, REAL[at + 1] as string]),
) as fc.Arbitrary<[string, string]>

test.each([
  ['1.0', '1.0.0', 0],
  ['1.0-1', '1.0.post1', 0],
  ['v1.0RC1', '1.0c1', 0],
  ['1.0+ABC.1', '1.0+abc-1', 0],
  ['1.0.dev1', '1.0a1', -1],
  ['1.0a1.dev1', '1.0a1', -1],
  ['1.0rc1', '1.0', -1],
  ['1.0', '1.0+local', -1],
  ['1.0+local', '1.0.post1', -1],
  ['1.0+word', '1.0+1', -1],
  ['1.0+1e5', '1.0+9', -1],
  ['9', '10', -1],
  ['2024.1', '1!1', -1],
  ['1.20240101123456789', '1.20240101123456790', -1],
  ['2004d', '0.dev0', -1],
  ['2004d', '2004e', -1],
])('comparePep440(%j, %j) has the sign of %i', (a, b, expected) => {
  expect(Math.sign(comparePep440(a, b))).toBe(expected)
  expect(Math.sign(comparePep440(b, a))).toBe(0 - expected)
})

test('comparePep440() sorts real versions as packaging does', () => {
  expect(REAL.length).toBeGreaterThan(1500)
  fc.assert(
    fc.property(fc.shuffledSubarray(REAL, { minLength: REAL.length }), (shuffled) => {
      expect(shuffled.sort(comparePep440)).toEqual(REAL)
    }),
    { numRuns: 3 },
  )
})

test('comparePep440() agrees with packaging on validity and order', ({ skip }) => {
  const program = [
    'import sys',
    'try:\n from pip._vendor.packaging.version import Version, InvalidVersion',
    'except ImportError:\n sys.exit(3)',
    'def key(text):\n try: return Version(text)\n except InvalidVersion: return None',
    'for line in sys.stdin:\n a, b = map(key, line.rstrip("\\n").split(" "))',
    ' valid = f"{int(a is not None)}{int(b is not None)}"',
    ' print(valid, (a > b) - (a < b) if valid == "11" else "-")',
  ].join('\n')
  const pairs = fc.sample(pair, { numRuns: rounds(2000, 20_000) })
  const input = pairs.map((each) => `${each.join(' ')}\n`).join('')
  const result = spawnSync('python3', ['-c', program], { input, encoding: 'utf8', maxBuffer: 1e8 })
  if (result.error || result.status === 3) {
    console.log('skipped: no python3 with pip on this machine to compare with')
    skip('no python3 with pip')
  }
  expect(result.stderr).toBe('')
  const ours = pairs.map(([a, b]) => {
    const both = isPep440(a) && isPep440(b)
    return `${Number(isPep440(a))}${Number(isPep440(b))} ${both ? Math.sign(comparePep440(a, b)) : '-'} ${a} ${b}`
  })
  const theirs = result.stdout.trimEnd().split('\n')
  expect(theirs.map((line, i) => `${line} ${pairs[i]?.join(' ')}`)).toEqual(ours)
  expect(ours.filter((line) => line.startsWith('11')).length).toBeGreaterThan(rounds(500, 5000))
})

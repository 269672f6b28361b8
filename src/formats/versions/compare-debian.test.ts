import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { compareDebian } from './compare-debian.ts'

/** Real versions of Debian packages, each older than the next by dpkg. */
const REAL = readFileSync(new URL('debian-versions.test-data.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')

/** Few letters and short parts, so that pairs often share a beginning. */
const part = fc.stringMatching(/^[0-9][01aAz.+~]{0,6}$/)
const version = fc
  .tuple(
    fc.option(fc.constantFrom('0', '1', '00', '12')),
    part,
    fc.option(fc.stringMatching(/^[019az.+~]{1,5}$/)),
  )
  .map(([epoch, upstream, revision]) =>
    [epoch === null ? '' : `${epoch}:`, upstream, revision === null ? '' : `-${revision}`].join(''),
  )
/** A version and one that differs by a small edit. */
const near = fc
  .tuple(version, fc.nat(20), fc.constantFrom('~', '0', '.', '+', 'a', '00', '~~', '+b1'))
  .map(([base, at, edit]) => [base, base.slice(0, 1 + at) + edit + base.slice(1 + at)] as const)
/** Real versions of the archive. */
const real = fc.tuple(fc.constantFrom(...REAL), fc.constantFrom(...REAL))
/** A real version and one made of it by an edit. */
const edited = fc
  .tuple(fc.constantFrom(...REAL), fc.nat(20), fc.constantFrom('~', '0', '+', '.1', '-1', '9'))
  .map(([base, at, edit]) => [base, base.slice(0, 1 + at) + edit + base.slice(1 + at)] as const)
const PAIRS = [
  ...REAL.slice(1, rounds(10, REAL.length)).map((version, i) => [REAL[i] as string, version] as const),
  ...fc.sample(real, rounds(150, 1200)),
  ...fc.sample(edited, rounds(150, 1200)),
  ...fc.sample(fc.oneof(fc.tuple(version, version), near), rounds(250, 1800)),
]

test.each([
  ['1.0', '1.0', 0],
  ['1.0', '1.00', 0],
  ['1.0', '1.0-0', 0],
  ['0:1.0', '1.0', 0],
  ['1.0~rc1', '1.0', -1],
  ['1.0~~', '1.0~', -1],
  ['1.0', '1.0a', -1],
  ['1.0a', '1.0+', -1],
  ['9', '10', -1],
  ['1:1', '2', 1],
  ['1.0-1-1', '1.0-2', 1],
  ['2.31-13+deb11u11', '2.31-13+deb11u9', 1],
  ['99999999999999999999999', '99999999999999999999998', 1],
])('compareDebian(%j, %j) has the sign of %i', (a, b, expected) => {
  expect(Math.sign(compareDebian(a, b))).toBe(expected)
})

test('compareDebian() is an order: antisymmetric and transitive', () => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareDebian(a, b))).toBe(0 - Math.sign(compareDebian(b, a)))
      const [x, y, z] = [a, b, c].sort(compareDebian) as [string, string, string]
      expect(compareDebian(x, y)).toBeLessThanOrEqual(0)
      expect(compareDebian(y, z)).toBeLessThanOrEqual(0)
      expect(compareDebian(x, z)).toBeLessThanOrEqual(0)
    }),
  )
})

test('compareDebian() sorts real versions as dpkg does', () => {
  expect(REAL.length).toBeGreaterThan(2000)
  fc.assert(
    fc.property(fc.shuffledSubarray(REAL, { minLength: REAL.length }), (shuffled) => {
      expect(shuffled.sort(compareDebian)).toEqual(REAL)
    }),
    { numRuns: 3 },
  )
})

test('compareDebian() agrees with dpkg --compare-versions', ({ skip }) => {
  if (spawnSync('dpkg', ['--version']).status !== 0) {
    console.log('skipped: no dpkg on this machine to compare with')
    skip('no dpkg')
  }
  const pairs = PAIRS.filter(([a, b]) => isValid(a) && isValid(b))
  const claims = pairs.map(([a, b]) => {
    const sign = compareDebian(a, b)
    return `${a} ${sign < 0 ? 'lt' : sign > 0 ? 'gt' : 'eq'} ${b}`
  })
  const script =
    'while read -r a op b; do dpkg --compare-versions "$a" "$op" "$b" 2>&1 || echo "$a $op $b"; done'
  const result = spawnSync('sh', ['-c', script], { input: `${claims.join('\n')}\n`, encoding: 'utf8' })
  expect(claims.length).toBeGreaterThan(rounds(400, 5000))
  expect(result.stdout).toBe('')
}, 120_000)

/** What dpkg takes without complaint: an upstream version starts with a digit. */
function isValid(version: string): boolean {
  return /^([0-9]+:)?[0-9][A-Za-z0-9.+~-]*$/.test(version) && !version.endsWith('-')
}

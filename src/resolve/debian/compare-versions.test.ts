import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareVersions } from './compare-versions.ts'

const hasDpkg = spawnSync('dpkg', ['--version']).status === 0

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
const pair = fc.oneof(fc.tuple(version, version), near)

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
])('compareVersions(%j, %j) has the sign of %i', (a, b, expected) => {
  expect(Math.sign(compareVersions(a, b))).toBe(expected)
})

test('compareVersions() is an order: antisymmetric and transitive', () => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)))
      const [x, y, z] = [a, b, c].sort(compareVersions) as [string, string, string]
      expect(compareVersions(x, y)).toBeLessThanOrEqual(0)
      expect(compareVersions(y, z)).toBeLessThanOrEqual(0)
      expect(compareVersions(x, z)).toBeLessThanOrEqual(0)
    }),
  )
})

test.skipIf(!hasDpkg)(
  'compareVersions() agrees with dpkg --compare-versions',
  () => {
    const pairs = fc.sample(pair, { numRuns: 2500 }).filter(([a, b]) => isValid(a) && isValid(b))
    const claims = pairs.map(([a, b]) => {
      const sign = compareVersions(a, b)
      return `${a} ${sign < 0 ? 'lt' : sign > 0 ? 'gt' : 'eq'} ${b}`
    })
    const script =
      'while read -r a op b; do dpkg --compare-versions "$a" "$op" "$b" 2>&1 || echo "$a $op $b"; done'
    const result = spawnSync('sh', ['-c', script], { input: `${claims.join('\n')}\n`, encoding: 'utf8' })
    expect(claims.length).toBeGreaterThan(1500)
    expect(result.stdout).toBe('')
  },
  120_000,
)

/** What dpkg takes without complaint: an upstream version starts with a digit. */
function isValid(version: string): boolean {
  return /^([0-9]+:)?[0-9][A-Za-z0-9.+~-]*$/.test(version) && !version.endsWith('-')
}

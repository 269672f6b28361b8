import { describe, expect, test } from 'vitest'
import { distance } from './compare-packages.ts'

describe('distance()', () => {
  test.each([
    ['deb', '1:2.36.1-8', '2.38.1-5', 'older by an epoch'],
    ['deb', '2.36.1-8', '2.36.1-7+b1', 'older by a Debian revision'],
    ['deb', '2.36.1-8', '2.36.2-1', 'newer by a patch version'],
    ['deb', '2.36.1-8', '2.38.1-5', 'newer by a minor version'],
    ['deb', '1.0~rc1-1', '1.0-1', 'newer by less than a patch'],
    ['pypi', '1.19.5', '2.0.0', 'newer by a major version'],
    ['pypi', '1.19.5', '1.9', 'older by a minor version'],
    ['pypi', '1.0', '1.0.post1', 'newer by less than a patch'],
    ['npm', '1.0.0', '1.0.1', 'another version'],
  ] as const)('%s %s, found %s: %s', (kind, locked, found, expected) => {
    expect(distance(kind, locked, found)).toBe(expected)
  })
})

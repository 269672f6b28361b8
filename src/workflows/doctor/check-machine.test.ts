import { expect, test } from 'vitest'
import { findVersion } from './check-machine.ts'

test.each([
  ['Docker version 28.2.2, build e6534b4', '28.2.2'],
  ['git version 2.47.3', '2.47.3'],
  ['github.com/docker/buildx 0.13.1+ds1-3 0.13.1+ds1-3', '0.13.1'],
  ['github.com/docker/buildx v0.24.0 d0e5e86', '0.24.0'],
])('findVersion() reads %j', (text, version) => expect(findVersion(text)).toBe(version))

test('findVersion() finds none where there is none', () => expect(findVersion('unknown')).toBeUndefined())

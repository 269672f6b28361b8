import { expect, test } from 'vitest'
import type { Artifact } from '../../store/artifact.ts'
import { spaceNeeds } from './check-space.ts'

const artifact = (kind: 'debian' | 'url', size: number) =>
  ({ name: 'a', file: 'a', sha256: 'a', size, origin: { kind } }) as Artifact

test('spaceNeeds() counts what is to be fetched and packed again once, and the image twice', () => {
  const files = [artifact('debian', 100), artifact('url', 10)]
  const image = { id: '', tree: '', size: 1000, diffIDs: [] }
  expect(spaceNeeds({ image }, files, { missing: 60, unstaged: 50, noCache: false })).toEqual([
    { what: 'cache', atLeast: 60, about: 60 + 50 },
    { what: 'Docker Engine', atLeast: 0, about: 2 * 1000 + 2 * 100 + 10 },
  ])
  expect(spaceNeeds({ image }, files, { missing: 0, unstaged: 0, noCache: true })[1]?.atLeast).toBe(1000)
  expect(spaceNeeds({ image: null }, files, { missing: 0, unstaged: 0, noCache: true })[1]).toEqual({
    what: 'Docker Engine',
    atLeast: 410,
    about: 2 * 410 + 210,
  })
})

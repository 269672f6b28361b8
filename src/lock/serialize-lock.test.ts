import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { arbitraryLock } from './arbitrary-lock.test-data.ts'
import { basePackages } from './base-packages.ts'
import { normalizeLock } from './normalize-lock.ts'
import { parseLock } from './parse-lock.ts'
import { Lockfile } from './schema.ts'
import { serializeLock } from './serialize-lock.ts'
import { smallLock } from './small-lock.test-data.ts'

describe('serializeLock()', () => {
  it('writes the golden text of a small lock', async () => {
    await expect(serializeLock(smallLock)).toMatchFileSnapshot('golden/lock.json')
  })

  it('is undone by parseLock()', () => {
    fc.assert(
      fc.property(arbitraryLock, (lock) => {
        expect(Lockfile.safeParse(lock).error).toBeUndefined()
        const text = serializeLock(lock)
        const parsed = parseLock(text, 'lock.json')
        expect(parsed).toEqual(normalizeLock(lock))
        expect(serializeLock(parsed)).toBe(text)
      }),
      { numRuns: rounds(20, 500) },
    )
  })

  it('writes shuffled lists and keys to the same bytes', () => {
    fc.assert(
      fc.property(arbitraryLock, fc.infiniteStream(fc.nat()), (lock, random) => {
        expect(serializeLock(shuffled(lock, random) as Lockfile)).toBe(serializeLock(lock))
      }),
      { numRuns: rounds(15, 500) },
    )
  })

  it('writes each package on one line', () => {
    const lines = serializeLock(smallLock).split('\n')
    for (const { name } of basePackages(smallLock.platforms['linux/amd64'].base)) {
      expect(lines.filter((line) => line.includes(`{"name": "${name}"`))).toHaveLength(1)
    }
  })
})

/** The order of steps, of dpkg's actions, of layers and of what an author wrote means something; of nothing else. */
function shuffled(value: unknown, random: Iterator<number>, key = ''): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = value.map((item) => shuffled(item, random))
    return ['steps', 'diffIDs', 'order', 'layers', 'local', 'entrypoint', 'cmd', 'command'].includes(key)
      ? items
      : shuffle(items, random)
  }
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => [
    name,
    name === 'fields' ? item : shuffled(item, random, name),
  ])
  return Object.fromEntries(shuffle(entries, random))
}

function shuffle<T>(items: T[], random: Iterator<number>): T[] {
  return items
    .map((item) => ({ item, rank: random.next().value as number }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}

import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FileCache } from './file-cache.ts'
import { temporaryDirectory } from './testing/temporary-directory.ts'

const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string]
const DAY = 24 * 3600 * 1000
const LIMIT = 1024 ** 2

async function cacheOf(entries: Record<string, Buffer>, limit = LIMIT) {
  const root = join(await temporaryDirectory(), 'cache')
  const cache = new FileCache(root, 2, limit)
  for (const [name, content] of Object.entries(entries)) await cache.put(name, content)
  return { root, cache, pathOf: (name: string) => join(root, '2', name) }
}

const daysAgo = async (path: string, days: number) => {
  const then = new Date(Date.now() - days * DAY)
  await utimes(path, then, then)
}

describe('FileCache', () => {
  test('gives back what was put into it, whatever it is', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array(), async (bytes) => {
        const { cache } = await cacheOf({ [A]: Buffer.from(bytes) })
        expect(await cache.get(A)).toEqual(Buffer.from(bytes))
        expect(await cache.get(B)).toBeUndefined()
      }),
      { numRuns: 20 },
    ))

  test('gives nothing that is damaged or cut short anywhere', async () => {
    const { cache, pathOf } = await cacheOf({ [A]: Buffer.from('content') })
    const whole = await readFile(pathOf(A))
    for (let at = 0; at < whole.length; at++) {
      await writeFile(pathOf(A), whole.subarray(0, at))
      expect(await cache.get(A), `cut at ${at}`).toBeUndefined()
      await writeFile(
        pathOf(A),
        whole.map((byte, index) => (index === at ? byte ^ 1 : byte)),
      )
      expect(await cache.get(A), `changed at ${at}`).toBeUndefined()
    }
    await cache.put(A, Buffer.from('content'))
    expect(await readFile(pathOf(A))).toEqual(whole)
  })

  test('looks and writes nowhere but in its directory', async () => {
    const { root, cache, pathOf } = await cacheOf({ [A]: Buffer.from('content') })
    await writeFile(join(root, 'outside'), await readFile(pathOf(A)))
    expect(await cache.get('../outside')).toBeUndefined()
    await cache.put('../other', Buffer.from('content'))
    expect((await readdir(root)).sort()).toEqual(['2', 'outside'])
  })

  test('removes what was not used since a day, and all of other formats', async () => {
    const { root, cache, pathOf } = await cacheOf({ [A]: Buffer.from('a'), [B]: Buffer.from('b') })
    const old = join(root, '1/sha256', C)
    await mkdir(dirname(old), { recursive: true })
    await writeFile(old, 'old')
    await daysAgo(pathOf(A), 40)
    await daysAgo(pathOf(B), 40)
    expect((await cache.get(B))?.toString(), 'now it is used').toBe('b')
    expect(await cache.usage()).toEqual({ entries: 3, bytes: 2 * 33 + 3 })
    const since = new Date(Date.now() - 30 * DAY)
    const expected = { removed: { entries: 2, bytes: 36 }, kept: { entries: 1, bytes: 33 } }
    expect(await cache.clean(since, { dryRun: true })).toEqual(expected)
    expect((await cache.usage()).entries).toBe(3)
    expect(await cache.clean(since)).toEqual(expected)
    expect(await cache.get(A)).toBeUndefined()
    expect((await cache.get(B))?.toString()).toBe('b')
    await expect(readFile(old)).rejects.toThrow('ENOENT')
  })

  test('holds no more than its limit: what was used last stays', async () => {
    const content = Buffer.alloc(10_000)
    const { cache, pathOf } = await cacheOf({ [A]: content, [B]: content, [C]: content }, 30_000)
    await daysAgo(pathOf(A), 1)
    await daysAgo(pathOf(B), 3)
    await daysAgo(pathOf(C), 2)
    await cache.clean(new Date(0))
    expect(await cache.get(A)).toEqual(content)
    expect(await cache.get(B)).toBeUndefined()
    expect(await cache.get(C)).toEqual(content)
  })

  test('where nothing can be written, nothing is kept and nothing fails', async () => {
    const file = join(await temporaryDirectory(), 'file')
    await writeFile(file, '')
    const cache = new FileCache(file, 1, LIMIT)
    await cache.put(A, Buffer.from('a'))
    expect(await cache.get(A)).toBeUndefined()
    expect(await cache.usage()).toEqual({ entries: 0, bytes: 0 })
    await cache.clean(new Date())
  })
})

import { expect, test } from 'vitest'
import { cachedLayers, cacheLayers, readCachedImage } from './cached-image.ts'
import { configOf, pieces, sha256, tarOf } from './image-archive.test-data.ts'
import { MemoryLayerCache } from './layer-source.ts'

const digestOf = (bytes: Buffer) => `sha256:${sha256(bytes)}`
const file = (path: string, text: string): [string, Buffer] => [path, Buffer.from(text)]

test('cacheLayers() reads layers, so that an image of them and of known ones need not be read', async () => {
  const tars = [await tarOf([file('etc/hostname', 'host\n')]), await tarOf([file('opt/x', 'new')])]
  const archives = tars.map((bytes) => {
    return { diffID: digestOf(bytes), size: bytes.length, read: () => pieces(bytes) }
  })
  const diffIDs = archives.map(({ diffID }) => diffID)
  const config = configOf(tars)
  const options = { cache: new MemoryLayerCache() }
  await cacheLayers(archives.slice(0, 1), options)
  const known = await cachedLayers(diffIDs, options)
  expect(diffIDs.map((diffID) => known.has(diffID))).toEqual([true, false])
  expect(await readCachedImage(config, options)).toBeUndefined()

  await cacheLayers(archives.slice(1), options)
  const image = await readCachedImage(config, options)
  expect(image).toMatchObject({ id: digestOf(config), layers: diffIDs.map((diffID) => ({ diffID })) })
  expect(image?.tree.count()).toBe(5)
})

test('readCachedImage() reads no layer that it is given', async () => {
  const tars = [await tarOf([file('etc/hostname', 'host\n')]), await tarOf([file('opt/x', 'new')])]
  const archives = tars.map((bytes) => {
    return { diffID: digestOf(bytes), size: bytes.length, read: () => pieces(bytes) }
  })
  const cache = new MemoryLayerCache()
  await cacheLayers(archives, { cache })
  const whole = await readCachedImage(configOf(tars), { cache })
  const asked: string[] = []
  const get = (digest: string) => {
    asked.push(digest)
    return cache.get(digest)
  }
  const options = { cache: { get, put: cache.put.bind(cache) } }
  const [first = '', second] = archives.map(({ diffID }) => diffID)
  const known = await cachedLayers([first], options)
  const image = await readCachedImage(configOf(tars), options, known)
  expect(asked).toEqual([first, second])
  expect(image?.root).toEqual(whole?.root)
})

test('cacheLayers() refuses bytes that are not those of the diffID, and keeps nothing of them', async () => {
  const bytes = await tarOf([file('etc/hostname', 'other\n')])
  const diffID = `sha256:${'0'.repeat(64)}`
  const options = { cache: new MemoryLayerCache() }
  const layer = { diffID, size: bytes.length, read: () => pieces(bytes) }
  await expect(cacheLayers([layer], options)).rejects.toThrow('has other content')
  expect((await cachedLayers([diffID], options)).has(diffID)).toBe(false)
})

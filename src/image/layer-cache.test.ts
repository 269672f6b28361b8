import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../store/testing/temporary-directory.ts'
import { DiskLayerCache } from './layer-cache.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}`
const PARTS = [Buffer.from('sec'), Buffer.from('ret')]

const filesIn = async (cache: string) =>
  (await readdir(cache, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())

test('nothing of a layer comes to the disk before it is saved, since it may hold secrets', async () => {
  const directory = await temporaryDirectory()
  const cache = new DiskLayerCache(directory)
  await cache.put(DIGEST, PARTS)
  expect(await filesIn(directory)).toEqual([])
  await cache.save()
  const [file] = await filesIn(directory)
  expect(((await stat(join(file?.parentPath ?? '', file?.name ?? ''))).mode & 0o777).toString(8)).toBe('600')
  expect((await new DiskLayerCache(directory).get(DIGEST))?.toString()).toBe('secret')
})

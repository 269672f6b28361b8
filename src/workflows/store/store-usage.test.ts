import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DiskLayerCache } from '../../image/layer-cache.ts'
import { openStore } from '../../store/store.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { keepContents, keptContents } from '../audit/artifact-contents.ts'
import { knownClean, rememberClean } from '../audit/known-audits.ts'
import { cleanStore, storeUsage } from './store-usage.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}`
const PAIR = { id: DIGEST, lock: '{}' }

test('counts what caches of audits take, and removes what was not used or is of an older release', async () => {
  const cache = await temporaryDirectory()
  const ports = { cache, directory: await temporaryDirectory(), store: await openStore(join(cache, 'store')) }
  const empty = { entries: 0, bytes: 0 }
  expect((await storeUsage(ports)).caches).toEqual({ layers: empty, audits: empty, contents: empty })

  const layers = new DiskLayerCache(cache)
  await layers.put(DIGEST, [Buffer.alloc(100)])
  await layers.save()
  await rememberClean(ports, PAIR, {
    verdict: 'clean',
    trust: null,
    explainedShare: 0.5,
    findings: [],
    isKnown: false,
  })
  await keepContents(ports, 'deb', { files: [] })
  await mkdir(join(cache, 'contents/1/ab'), { recursive: true })
  await writeFile(join(cache, 'contents/1/ab/older'), 'older')
  await mkdir(join(cache, 'layers/2/sha256'), { recursive: true })
  await writeFile(join(cache, 'layers/2/sha256', 'ab'.repeat(32)), 'as an older release kept it')
  await writeFile(join(cache, 'audits', 'cd'.repeat(32)), 'older')
  // compressed, and a checksum
  const kept = (await stat(join(cache, 'layers/6', DIGEST.slice('sha256:'.length)))).size
  expect(kept).toBeLessThan(100)
  const { caches } = await storeUsage(ports)
  expect(caches).toEqual({
    layers: { entries: 2, bytes: kept + 27 },
    audits: { entries: 2, bytes: 22 + 32 + 5 },
    contents: { entries: 2, bytes: 12 + 32 + 5 },
  })

  const clean = (dryRun: boolean) => cleanStore(ports, { days: 30, dryRun })
  const expected = {
    layers: { removed: { entries: 1, bytes: 27 }, kept: { entries: 1, bytes: kept } },
    audits: { removed: { entries: 1, bytes: 5 }, kept: { entries: 1, bytes: 54 } },
    contents: { removed: { entries: 1, bytes: 5 }, kept: { entries: 1, bytes: 44 } },
  }
  expect((await clean(true)).caches).toEqual(expected)
  expect((await storeUsage(ports)).caches).toEqual(caches)
  expect((await clean(false)).caches).toEqual(expected)
  expect(await knownClean(ports, PAIR)).toMatchObject({ explainedShare: 0.5, isKnown: true })
  expect(await layers.get(DIGEST)).toEqual(Buffer.alloc(100))
  expect(await keptContents(ports, 'deb')).toEqual({ files: [] })

  const before = new Date(Date.now() - 31 * 86_400_000)
  for (const directory of ['layers/6', 'audits/1', 'contents/3'])
    for (const name of await readdir(join(cache, directory)))
      await utimes(join(cache, directory, name), before, before)
  await clean(false)
  expect((await storeUsage(ports)).caches).toEqual({ layers: empty, audits: empty, contents: empty })
  expect(await knownClean(ports, PAIR)).toBeUndefined()
})

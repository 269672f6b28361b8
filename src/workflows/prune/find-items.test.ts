import { link, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../store/store.ts'
import { recordUse } from '../../store/uses.ts'
import { findEngines } from './find-engines.ts'
import { findInCache } from './find-in-cache.ts'
import type { PruneItem } from './prune-item.ts'

const PLAIN = { all: false, keep: [], days: 30 }
/** No process can have it: above the kernel's limit. */
const GONE = 4_999_999

async function makePorts() {
  const cache = await mkdtemp(join(tmpdir(), 'stillroom-prune-'))
  onTestFinished(() => rm(cache, { recursive: true, force: true }))
  const directory = join(cache, 'project')
  await mkdir(directory)
  const store = await openStore(join(cache, 'store'))
  const signal = new AbortController().signal
  return { cache, directory, store, signal, progress: () => {} }
}

const find = (items: PruneItem[], what: RegExp) => items.filter((item) => what.test(item.what))

test('build contexts go unless somebody uses the cache; links to the store are not counted', async () => {
  const ports = await makePorts()
  const { sha256 } = await ports.store.put(Buffer.alloc(1e6, 1))
  await mkdir(join(ports.cache, 'contexts/one'), { recursive: true })
  await link(ports.store.path(sha256), join(ports.cache, 'contexts/one/artifact'))
  await writeFile(join(ports.cache, 'contexts/one/own'), Buffer.alloc(100_000))
  const used = find(await findInCache(ports, PLAIN, [42]), /^build contexts/)
  expect(used).toMatchObject([{ keptFor: 'process 42 may use it' }])
  const [free] = find(await findInCache(ports, PLAIN, []), /^build contexts/)
  expect(free).toMatchObject({ keptFor: null })
  expect(free?.bytes).toBeGreaterThanOrEqual(100_000)
  expect(free?.bytes).toBeLessThan(200_000)
  await free?.remove?.()
  expect(await readdir(join(ports.cache, 'contexts'))).toEqual([])
  expect(await ports.store.has(sha256, 1e6)).toBe(true)
})

test('--all takes every artifact but those of recipes to keep, and none while somebody uses the cache', async () => {
  const ports = await makePorts()
  const { sha256: kept } = await ports.store.put(Buffer.from('kept'))
  const { sha256: gone } = await ports.store.put(Buffer.from('gone'))
  await recordUse(ports.store.directory, 'kept', [kept])
  await recordUse(ports.store.directory, 'gone', [gone])
  const all = { all: true, keep: ['kept'], days: 30 }
  const careful = find(await findInCache(ports, all, [42]), /^artifacts/)
  expect(careful).toMatchObject([{ bytes: 8, keptFor: 'process 42 may use it' }, { bytes: 0 }])
  const [, removable] = find(await findInCache(ports, all, []), /^artifacts/)
  expect(removable).toMatchObject({ bytes: 4, keptFor: null })
  await removable?.remove?.()
  expect(await ports.store.has(kept, 4)).toBe(true)
  expect(await ports.store.has(gone, 4)).toBe(false)
})

test('engines of verifications that are gone and root file systems of earlier releases go; others stay', async () => {
  const ports = await makePorts()
  for (const name of ['default', `verify-${GONE}`, `verify-${process.pid}`]) {
    await mkdir(join(ports.cache, 'engine', name), { recursive: true })
    await writeFile(join(ports.cache, 'engine', name, 'store'), 'overlay2\n')
  }
  await mkdir(join(ports.cache, 'engine/root.trixie.0/usr'), { recursive: true })
  const items = await findEngines(ports, PLAIN, [])
  const goes = items.filter(({ keptFor }) => keptFor === null).map(({ what }) => what)
  expect(goes.sort()).toEqual([
    expect.stringMatching(/root\.trixie\.0, of an earlier stillroom$/),
    `engine "verify-${GONE}", of a verification that is gone`,
  ])
  const all = await findEngines(ports, { ...PLAIN, all: true }, [])
  expect(find(all, /"default"/)).toMatchObject([{ keptFor: null }])
  const busy = await findEngines(ports, { ...PLAIN, all: true }, [42])
  expect(find(busy, /"default"/)).toMatchObject([{ keptFor: expect.stringContaining('--purge') }])
  const keeping = await findEngines(ports, { ...PLAIN, all: true, keep: ['hello'] }, [])
  expect(find(keeping, /"default"/)).toMatchObject([{ keptFor: expect.stringContaining('--purge') }])
})

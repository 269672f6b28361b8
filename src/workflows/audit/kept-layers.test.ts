import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { unpackLayer } from '../../image/layer-account.ts'
import type { Inode, Layer } from '../../image/layer-entry.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { KeptLayers } from './kept-layers.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}`
const OTHER = `sha256:${'cd'.repeat(32)}`

const layer = (content = 'secret'): Layer => ({
  diffID: DIGEST,
  size: 2048,
  entries: [
    {
      path: 'etc/caf\u00e9',
      link: undefined,
      inode: {
        type: 'file',
        mode: 0o600,
        uid: 1,
        gid: 2,
        size: content.length,
        mtime: 3,
        target: '',
        major: 0,
        minor: 0,
        xattrs: new Map([['user.k', '\0\xff']]),
        sha256: '00'.repeat(32),
        layer: 0,
        content: Buffer.from(content),
      },
    },
  ],
})

async function kept(): Promise<string> {
  const cache = await temporaryDirectory()
  const layers = new KeptLayers(cache, 'sha256')
  layers.add(DIGEST, layer())
  await layers.keep()
  return cache
}

const filesOf = async (cache: string) =>
  (await readdir(join(cache, 'layers'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))

describe('KeptLayers', () => {
  test('gives what was kept, and nothing before', async () => {
    const cache = await temporaryDirectory()
    const layers = new KeptLayers(cache, 'sha256')
    layers.add(DIGEST, layer())
    expect(new KeptLayers(cache, 'sha256').find(DIGEST)).toBeUndefined()
    await layers.keep()
    const packed = new KeptLayers(cache, 'sha256').find(DIGEST)
    expect(packed && (await unpackLayer(packed, { keep: true }))).toEqual(layer())
    expect(new KeptLayers(cache, 'md5').find(DIGEST), 'it has no md5').toBeUndefined()
    expect(new KeptLayers(cache, 'sha256').find(OTHER)).toBeUndefined()
  })

  test('waits for digests, and keeps nothing when they do not come', async () => {
    const cache = await temporaryDirectory()
    const late = Promise.withResolvers<void>()
    const read: Layer = { ...layer(), digested: late.promise }
    const inode = read.entries[0]?.inode as Inode
    const { sha256 } = inode
    inode.sha256 = ''
    const layers = new KeptLayers(cache, 'sha256')
    layers.add(DIGEST, read)
    Object.assign(inode, { sha256, mode: 0o755 })
    late.resolve()
    await layers.keep()
    const packed = layers.find(DIGEST)
    expect(packed && (await unpackLayer(packed, {})), 'as it was when it was added').toEqual(layer())

    const never = Promise.reject(new Error('no digest'))
    never.catch(() => {})
    layers.add(OTHER, { ...layer(), digested: never })
    await layers.keep()
    await layers.discard()
    expect(layers.find(OTHER)).toBeUndefined()
    expect(await filesOf(cache)).toHaveLength(1)
  })

  test('leaves nothing on the disk of what was discarded', async () => {
    const cache = await temporaryDirectory()
    const layers = new KeptLayers(cache, 'sha256')
    layers.add(DIGEST, layer())
    await layers.discard()
    await layers.keep()
    expect(await filesOf(cache)).toEqual([])
  })

  test('does not read what is damaged or cut short, and replaces it', async () => {
    const cache = await kept()
    const [path = ''] = await filesOf(cache)
    const whole = await readFile(path)
    for (const damaged of [
      whole.subarray(0, 20),
      whole.subarray(0, -1),
      Buffer.from(whole).fill(0x20, 40, 41),
    ]) {
      await writeFile(path, damaged)
      expect(new KeptLayers(cache, 'sha256').find(DIGEST)).toBeUndefined()
    }
    const layers = new KeptLayers(cache, 'sha256')
    layers.add(DIGEST, layer())
    await layers.keep()
    expect(await readFile(path)).toEqual(whole)
    layers.distrust()
    expect(layers.find(DIGEST)).toBeUndefined()
  })

  test('looks nowhere but in its directory, whatever an archive names', async () => {
    const cache = await kept()
    const [path = ''] = await filesOf(cache)
    await writeFile(join(cache, 'outside'), await readFile(path))
    expect(new KeptLayers(cache, 'sha256').find('sha256:../../outside')).toBeUndefined()
  })

  test('forgets what nothing used for a month, and keeps what is used', async () => {
    const cache = await kept()
    const [path = ''] = await filesOf(cache)
    const before = new Date(Date.now() - 40 * 24 * 3600 * 1000)
    await utimes(path, before, before)
    expect(new KeptLayers(cache, 'sha256').find(DIGEST)).toBeDefined()
    await new KeptLayers(cache, 'sha256').keep()
    expect(await filesOf(cache)).toEqual([path])
    await utimes(path, before, before)
    await new KeptLayers(cache, 'sha256').keep()
    expect(await filesOf(cache)).toEqual([])
  })

  test('where nothing can be written, nothing is kept and nothing fails', async () => {
    const file = join(await temporaryDirectory(), 'file')
    await writeFile(file, '')
    const layers = new KeptLayers(file, 'sha256')
    layers.add(DIGEST, layer())
    await layers.keep()
    expect(layers.find(DIGEST)).toBeUndefined()
  })

  test('is readable by its owner alone', async () => {
    const cache = await kept()
    const [path = ''] = await filesOf(cache)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
})

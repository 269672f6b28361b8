import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { json, sha256, tarOf } from './image-archive.test-data.ts'
import { fileInMemory, type ImageFile } from './image-file.ts'
import { readImageLayout } from './image-tree.ts'
import { readImageTree } from './read-archive.ts'

type Files = [string, Buffer][]

const [BASE, APP] = ['a'.repeat(64), 'b'.repeat(64)] as const
const base = await tarOf([{ name: 'etc/hosts', content: 'base\n' }])
const app = await tarOf([{ name: 'app', content: 'hi\n' }])

/** As Docker 1.9 described a layer; later keys replace earlier ones. */
const described = (more: object) =>
  json({
    created: '2015-01-01T00:00:00Z',
    container_config: { Cmd: ['/bin/sh', '-c', 'echo "<hi>" & \u2028'] },
    docker_version: '1.9.1',
    config: { Env: ['A=<1>'], Cmd: ['/app'] },
    architecture: 'amd64',
    os: 'linux',
    Size: 5,
    ...more,
  })

function oldFiles(changes: Record<string, Buffer | undefined> = {}): Files {
  const files = {
    [`${BASE}/VERSION`]: Buffer.from('1.0'),
    [`${BASE}/json`]: described({ id: BASE }),
    [`${BASE}/layer.tar`]: base,
    [`${APP}/VERSION`]: Buffer.from('1.0'),
    [`${APP}/json`]: described({ id: APP, parent: BASE, author: 'me', comment: 'of old' }),
    [`${APP}/layer.tar`]: app,
    repositories: json({ 'old/app': { latest: APP, '1': APP }, 'old/base': { latest: BASE } }),
    ...changes,
  }
  return Object.entries(files).filter((file): file is [string, Buffer] => file[1] !== undefined)
}

const stream = async (files: Files) => Readable.from([await tarOf(files)])
const open =
  (files: Files) =>
  async (path: string): Promise<ImageFile | undefined> => {
    const bytes = new Map(files).get(path)
    return bytes && fileInMemory(path, bytes)
  }

test('reads what Docker before 1.10 saved, with the image ID that Docker 26.1.5 gives it when it loads it', async () => {
  const image = await readImageTree(await stream(oldFiles()), { name: 'old/app' })
  expect(image).toMatchObject({
    id: 'sha256:20e54fc7dd914eadf227569c3eec1bb376533f38bdedebb54281edfebcb5965e',
    layers: [{ diffID: `sha256:${sha256(base)}` }, { diffID: `sha256:${sha256(app)}` }],
    config: { config: { Env: ['A=<1>'] }, author: 'me' },
  })
  expect(image.tree.findLink('app')).toBeDefined()
  expect(image.tree.findLink('etc/hosts')).toBeDefined()
  const inDirectory = await readImageLayout(open(oldFiles()), { name: 'old/app:1' })
  expect([inDirectory.id, inDirectory.configBytes]).toEqual([image.id, image.configBytes])
  expect((await readImageTree(await stream(oldFiles()), { name: 'old/base' })).layers).toHaveLength(1)
})

describe('of an archive of before 1.10', () => {
  test.each<[string, Record<string, Buffer | undefined>, string]>([
    ['no name', { repositories: json({}) }, 'its repositories names no image'],
    [
      'a name that leads out of it',
      { repositories: json({ a: { b: '../../etc' } }) },
      'must be 64 hex digits',
    ],
    [
      'a parent that leads out of it',
      { [`${APP}/json`]: described({ parent: '../c' }) },
      'must be 64 hex digits',
    ],
    ['a parent that is not there', { [`${BASE}/json`]: undefined }, `has no file "${BASE}/json"`],
    ['a layer that is not there', { [`${BASE}/layer.tar`]: undefined }, `has no file "${BASE}/layer.tar"`],
    ['a circle', { [`${BASE}/json`]: described({ parent: APP }) }, 'has more than 1000 layers'],
    [
      'a key twice',
      { [`${APP}/json`]: Buffer.from('{"os":"linux","os":"linux"}') },
      'has the key "os" twice',
    ],
  ])('%s is refused', async (_, changes, message) => {
    const files = oldFiles({ repositories: json({ 'old/app': { latest: APP } }), ...changes })
    await expect(readImageTree(await stream(files))).rejects.toThrow(message)
    await expect(readImageLayout(open(files))).rejects.toThrow(message)
  })

  test('the digests of today count where it has them, too', async () => {
    const config = described({ rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(base)}`] } })
    const list = json([{ Config: 'c.json', Layers: [`${BASE}/layer.tar`] }])
    const files = oldFiles({ 'c.json': config, 'manifest.json': list })
    expect((await readImageTree(await stream(files))).id).toBe(`sha256:${sha256(config)}`)
  })
})

import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { findLostLayers, removeLostLayers } from './lost-layers.ts'
import { privateEngine } from './private-engine.ts'

const LAYERS = new URL('../../formats/bolt/recorded/layers.db.gz', import.meta.url)
// BuildKit's record has the one, and had the other
const OF_BUILDKIT = 'layer001ofround0abcdefghi'
const FORGOTTEN = 'layer000ofround0abcdefghi'

/** An engine's data as it lies on the disk, without the engine. */
async function makeData() {
  const cache = await mkdtemp(join(tmpdir(), 'stillroom-lost-'))
  onTestFinished(() => rm(cache, { recursive: true, force: true }))
  const engine = privateEngine(cache)
  const data = join(engine.directory, 'data')
  const layer = async (name: string) => {
    await mkdir(join(data, 'overlay2', name, 'diff'), { recursive: true })
    await writeFile(join(data, 'overlay2', name, 'diff/file'), name)
    await mkdir(join(data, 'overlay2/l'), { recursive: true })
    await symlink(`../${name}/diff`, join(data, 'overlay2/l', name.toUpperCase()))
  }
  const note = async (path: string, text: string) => {
    await mkdir(join(data, path, '..'), { recursive: true })
    await writeFile(join(data, path), text)
  }
  await mkdir(join(data, 'buildkit'), { recursive: true })
  await writeFile(join(data, 'buildkit/snapshots.db'), gunzipSync(await readFile(LAYERS)))
  return { engine, data, layer, note }
}

const id = (letter: string) => letter.repeat(25)

test('layers that neither images, containers nor BuildKit know are lost, and go', async () => {
  const { engine, data, layer, note } = await makeData()
  const container = 'f'.repeat(64)
  for (const name of [id('a'), id('b'), container, OF_BUILDKIT, FORGOTTEN]) await layer(name)
  await layer(`${container}-init`)
  await layer(`${id('e')}-removing`)
  // what a known layer is mounted on, and what a lost one is
  for (const name of [id('g'), id('h')]) await layer(name)
  await note(`overlay2/${id('a')}/lower`, `l/${id('G')}:l/${OF_BUILDKIT.toUpperCase()}`)
  await note(`overlay2/${id('b')}/lower`, `l/${id('H')}`)
  await note('image/overlay2/layerdb/sha256/1/cache-id', id('a'))
  await note('image/overlay2/layerdb/mounts/2/mount-id', container)
  await note('image/overlay2/layerdb/mounts/2/init-id', `${container}-init`)
  const names = (paths: string[]) => paths.map((path) => path.replace(`${data}/overlay2/`, ''))
  const lost = await findLostLayers(engine)
  expect(names(lost)).toEqual([id('b'), id('h'), `${id('e')}-removing`, FORGOTTEN].sort())
  await removeLostLayers(engine, lost)
  expect((await readdir(join(data, 'overlay2'))).sort()).toEqual(
    [id('a'), id('g'), container, `${container}-init`, OF_BUILDKIT, 'l'].sort(),
  )
  expect((await readdir(join(data, 'overlay2/l'))).sort()).toEqual(
    [id('a'), id('g'), container, `${container}-init`, OF_BUILDKIT].map((name) => name.toUpperCase()).sort(),
  )
})

test('nothing is lost when the records cannot be read', async () => {
  const { engine, data, layer } = await makeData()
  await layer(id('b'))
  await expect(findLostLayers(engine)).rejects.toThrow(/ENOENT/)
  await mkdir(join(data, 'image/overlay2/layerdb'), { recursive: true })
  await writeFile(join(data, 'buildkit/snapshots.db'), 'damaged')
  await expect(findLostLayers(engine)).rejects.toThrow(/meta pages/)
  await cp(join(data, 'overlay2'), join(data, 'copy'), { recursive: true })
  await expect(removeLostLayers(engine, [join(data, 'overlay2', id('b'))])).rejects.toThrow()
  expect(await readdir(join(data, 'overlay2'))).toContain(id('b'))
})

test('an engine without a layer store has lost none', async () => {
  const { engine } = await makeData()
  expect(await findLostLayers(engine)).toEqual([])
})

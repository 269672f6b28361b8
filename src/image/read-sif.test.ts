import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sifHead } from '../formats/sif/write-sif.ts'
import { RECORDED, recorded, squashfsTree } from '../formats/squashfs/squashfs.test-data.ts'
import { openImage } from './open-image.ts'
import { treeDigest } from './tree-digest.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stillroom-sif-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const session = { signal: new AbortController().signal }

async function sifOf(name: string, change: (bytes: Buffer) => void = () => {}): Promise<string> {
  const squashfs = await recorded(name)
  const head = sifHead({
    architecture: 'amd64',
    id: Buffer.alloc(16),
    time: 0,
    documents: [],
    squashfs: squashfs.length,
  })
  change(squashfs)
  const path = join(directory, `${name}.sif`)
  await writeFile(path, Buffer.concat([head, squashfs]))
  return path
}

describe('openImage() of a SIF', () => {
  test.each(RECORDED)('gives the tree of its squashfs: %s', async (name) => {
    const image = await openImage(session, await sifOf(name))
    expect(treeDigest(image.root)).toBe(treeDigest(await squashfsTree(await recorded(name))))
    const [layer] = image.layers
    expect(image).toMatchObject({ sif: true, source: 'file', id: layer?.diffID })
    expect(image.config).toMatchObject({ os: 'linux', architecture: 'amd64' })
  })

  test('reads what Apptainer built', async () => {
    const image = await openImage(session, join(import.meta.dirname, 'recorded/apptainer-1.4.5.sif'))
    expect(image.tree.findLink('.run')?.inode).toMatchObject({ target: '.singularity.d/actions/run' })
  })

  test('tells by path where one byte of a file was changed', async () => {
    const path = await sifOf('plain', (bytes) => bytes.write('8', bytes.indexOf('11\n11\n11\n')))
    const [whole, changed] = [
      await squashfsTree(await recorded('plain')),
      (await openImage(session, path)).root,
    ]
    const { compareTrees } = await import('./compare-trees.ts')
    expect(compareTrees(whole, changed)).toMatchObject([{ path: '/a/b/f11', fields: ['content'] }])
  })

  test('refuses a damaged one, and one of another platform', async () => {
    const path = await sifOf('gzip', (bytes) => bytes.fill(0xff, 100, 200))
    await expect(openImage(session, path)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
    const options = { platform: 'linux/arm64' }
    await expect(openImage(session, await sifOf('gzip'), options)).rejects.toThrow('but for linux/amd64')
    await writeFile(path, (await readFile(path)).subarray(0, -1))
    await expect(openImage(session, path)).rejects.toThrow(/cut short or damaged/)
  })

  test('refuses a name of one of several', async () => {
    await expect(openImage(session, `${await sifOf('gzip')}#app`)).rejects.toThrow('A SIF has one image')
  })

  test('says that there is none, by a name that ends in .sif', async () => {
    await expect(openImage(session, 'none.sif')).rejects.toMatchObject({ code: 'IMAGE_MISSING' })
  })
})

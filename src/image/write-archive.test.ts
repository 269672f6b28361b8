import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Compression,
  configOf,
  legacyFiles,
  type Member,
  ociFiles,
  pieces,
  sha256,
  tarOf,
} from './image-archive.test-data.ts'
import { openArchive } from './open-image.ts'
import { readImageArchive } from './read-archive.ts'
import { writableImage } from './writable-image.ts'
import { archiveFiles, archiveFrame, type WritableImage, writeArchive } from './write-archive.ts'

const NAME = 'stillroom/test:latest'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stillroom-archive-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function fromDisk(archive: Buffer): Promise<WritableImage> {
  const path = join(directory, 'image.tar')
  await writeFile(path, archive)
  const open = await openArchive(path)
  if (open === undefined) throw new Error('the archive cannot be read in parts')
  return writableImage(open)
}

const write = (image: WritableImage, name: string | null = NAME) =>
  buffer(writeArchive(archiveFiles(image, name)))

const layerOf = (bytes: Buffer) => ({
  diffID: `sha256:${sha256(bytes)}`,
  size: bytes.length,
  read: async function* () {
    yield bytes
  },
})

const names = fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 0, maxLength: 5 })
const anyLayer = fc.tuple(names, fc.string({ maxLength: 2000 })).map(([paths, content]) => {
  const members = [...new Set(paths)].map((name): Member => ({ name, content: name + content }))
  return tarOf(members)
})
const anyLayers = fc
  .tuple(fc.array(anyLayer, { minLength: 1, maxLength: 6 }), fc.boolean())
  .map(async ([layers, twice]) => {
    const all = await Promise.all(layers)
    // engines save a layer that an image has twice once
    return twice ? [...all, all[0] as Buffer] : all
  })

describe('writeArchive()', () => {
  it('gives the same bytes for an image in whatever archive it lies, also once more', async () => {
    const forms: ((layers: Buffer[]) => [string, Buffer][])[] = [
      legacyFiles,
      ...(['none', 'gzip', 'zstd'] as Compression[]).map(
        (compression) => (layers: Buffer[]) => ociFiles(layers, compression),
      ),
    ]
    await fc.assert(
      fc.asyncProperty(anyLayers, async (making) => {
        const layers = await making
        const image = { config: configOf(layers), layers: layers.map(layerOf) }
        const saved = await write(image)
        for (const form of forms) {
          // an archive has a path once
          const files = new Map(form(layers))
          expect((await write(await fromDisk(await tarOf([...files])))).equals(saved)).toBe(true)
        }
        expect((await write(await fromDisk(saved))).equals(saved)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('writes members that are sorted, of nobody and no time, which any reader of images takes', async () => {
    const layers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => tarOf([{ name, content: name }])))
    const config = configOf(layers)
    const saved = await write({ config, layers: layers.map(layerOf) })
    const path = join(directory, 'sorted.tar')
    await writeFile(path, saved)
    const list = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--file', path])
    const lines = list.toString().trimEnd().split('\n')
    const paths = lines.map((line) => line.split(' ').at(-1) as string)
    expect(paths).toEqual(paths.toSorted())
    expect(paths.slice(-3)).toEqual(['index.json', 'manifest.json', 'oci-layout'])
    expect(paths).toHaveLength(9)
    for (const line of lines) expect(line).toMatch(/^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00 /)
    const read = await readImageArchive(pieces(saved), { name: 'stillroom/test' })
    expect(read).toMatchObject({
      id: `sha256:${sha256(config)}`,
      diffIDs: layers.map((layer) => `sha256:${sha256(layer)}`),
    })
  })

  it('has these bytes, which locks name', async () => {
    const layer = await tarOf([{ name: 'hello', content: 'world' }])
    const saved = await write({ config: configOf([layer]), layers: [layerOf(layer)] })
    expect(sha256(saved)).toMatchInlineSnapshot(
      `"4dd29305e933391db78831c68369bb053305b1778f3d50c24b8f51999ce384f0"`,
    )
  })

  it('rejects a layer that is another than it is called, before it ends', async () => {
    const layers = await Promise.all(['a', 'b'].map((name) => tarOf([{ name, content: name }])))
    const [a, b] = layers.map(layerOf) as [ReturnType<typeof layerOf>, ReturnType<typeof layerOf>]
    const image = { config: configOf(layers), layers: [a, { ...b, read: a.read }] }
    await expect(write(image)).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })
})

describe('archiveFrame()', () => {
  it('is all of an archive but what its layers hold', async () => {
    const layers = await Promise.all(['a', 'b'].map((name) => tarOf([{ name, content: name }])))
    const image = { config: configOf(layers), layers: layers.map(layerOf) }
    const saved = await write(image)
    const { parts, size } = archiveFrame(archiveFiles(image, NAME))
    expect(size).toBe(saved.length)
    for (const { at, bytes } of parts) expect(saved.subarray(at, at + bytes.length).equals(bytes)).toBe(true)
    const framed = parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
    expect(framed + layers.reduce((sum, layer) => sum + layer.length, 0)).toBe(size)
  })
})

import { mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { configOf, legacyFiles, sha256, tarOf } from '../../image/image-archive.test-data.ts'
import { archiveFiles, writeArchive } from '../../image/write-archive.ts'
import { writeHashed } from '../../store/write-hashed.ts'
import { partPath, sumsPath, sumsText } from './archive-parts.ts'
import { findArchive } from './find-parts.ts'
import { verifyArchive } from './verify-archive.ts'

const { signal } = new AbortController()
const LAYERS = Promise.all(
  ['a', 'b', 'c'].map((name) => tarOf([{ name, content: `what is in ${name}` }, { name: `${name}2` }])),
)

async function savedArchive(name: string | null = 'stillroom/test:latest'): Promise<Buffer> {
  const layers = await LAYERS
  const writable = layers.map((bytes) => ({
    diffID: `sha256:${sha256(bytes)}`,
    size: bytes.length,
    read: async function* () {
      yield bytes
    },
  }))
  return buffer(writeArchive(archiveFiles({ config: configOf(layers), layers: writable }, name)))
}

let root: string
let path: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stillroom-load-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))
beforeEach(async () => {
  const directory = await mkdtemp(join(root, 'test-'))
  path = join(directory, 'image.tar')
})

async function put(bytes: Buffer): Promise<void> {
  await writeFile(path, bytes)
}

/** Writes the archive in parts, with their sums. */
async function putParts(bytes: Buffer, size: number): Promise<number> {
  const split = { size, path: (number: number) => partPath(path, number) }
  const pieces = (async function* () {
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
  })()
  const written = await writeHashed(signal, path, pieces, { split })
  await writeFile(sumsPath(path), sumsText(path, written, written.files))
  return written.files.length
}

const verify = async (file = path, expected?: string) =>
  verifyArchive({ signal }, await findArchive(file), expected)

describe('verifyArchive()', () => {
  it('gives the image of an archive as save writes it', async () => {
    const saved = await savedArchive()
    await put(saved)
    const layers = await LAYERS
    expect(await verify()).toMatchObject({
      id: `sha256:${sha256(configOf(layers))}`,
      sha256: sha256(saved),
      size: saved.length,
      names: new Set(['stillroom/test:latest']),
      foreign: false,
    })
    await expect(verify(path, sha256(saved))).resolves.toBeDefined()
    await expect(verify(path, '0'.repeat(64))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: `cannot load "${path}": expected sha256 ${'0'.repeat(64)}, got ${sha256(saved)}`,
    })
  })

  it('rejects it with any bit flipped', async () => {
    const saved = await savedArchive()
    const bit = fc.tuple(fc.nat(saved.length - 1), fc.nat(7))
    await fc.assert(
      fc.asyncProperty(bit, async ([at, shift]) => {
        const flipped = Buffer.from(saved)
        flipped[at] = (flipped[at] as number) ^ (1 << shift)
        await put(flipped)
        await expect(verify(), `byte ${at}`).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
      }),
      { numRuns: rounds(150, 5000) },
    )
  })

  it('rejects it cut short anywhere, and with something behind its end', async () => {
    const saved = await savedArchive()
    await fc.assert(
      fc.asyncProperty(fc.nat(saved.length - 1), async (length) => {
        await put(saved.subarray(0, length))
        await expect(verify(), `${length} bytes`).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
      }),
      { numRuns: rounds(100, 2000) },
    )
    await put(Buffer.concat([saved, Buffer.alloc(512)]))
    await expect(verify()).rejects.toThrow('it is damaged: expected')
  })

  it('rejects what its sum does not vouch for', async () => {
    const saved = await savedArchive()
    await put(saved)
    await writeFile(sumsPath(path), `${'1'.repeat(64)}  image.tar\n`)
    await expect(verify()).rejects.toThrow(`expected sha256 ${'1'.repeat(64)}, got ${sha256(saved)}`)
  })

  it('takes the archive of another program, with the same image in it', async () => {
    await put(await tarOf(legacyFiles(await LAYERS)))
    const { id, image, foreign } = await verify()
    expect(foreign).toBe(true)
    const again = await buffer(writeArchive(archiveFiles(image, 'stillroom/test:latest')))
    expect(again.equals(await savedArchive())).toBe(true)
    expect(id).toBe(`sha256:${sha256(image.config)}`)
  })

  it('takes one in which layers have a second name by a link, as podman saves them', async () => {
    const layers = await LAYERS
    const files = layers.map((layer): [string, Buffer] => [`${sha256(layer)}.tar`, layer])
    const links = layers.map((layer, i) => ({
      name: `${i}/layer.tar`,
      type: 'symlink' as const,
      linkname: `../${sha256(layer)}.tar`,
    }))
    const config = configOf(layers)
    const list = [{ Config: 'config.json', Layers: links.map(({ name }) => name) }]
    const documents: [string, Buffer][] = [
      ['config.json', config],
      ['manifest.json', Buffer.from(JSON.stringify(list))],
    ]
    await put(await tarOf([...files, ...links, ...documents]))
    expect(await verify()).toMatchObject({ id: `sha256:${sha256(config)}`, foreign: true })
  })

  it('joins parts, by the name of the archive or of one of them', async () => {
    const saved = await savedArchive()
    expect(await putParts(saved, 4000)).toBe(Math.ceil(saved.length / 4000))
    for (const name of [path, partPath(path, 1), partPath(path, 2)])
      expect(await verify(name)).toMatchObject({ sha256: sha256(saved) })
    // without the sums, too
    await rm(sumsPath(path))
    expect(await verify()).toMatchObject({ sha256: sha256(saved) })
  })

  it('names the part that is missing or damaged', async () => {
    const saved = await savedArchive()
    const count = await putParts(saved, 4000)
    const [second, last] = [partPath(path, 2), partPath(path, count)]
    for (const missing of [second, last]) {
      await rename(missing, `${missing}.away`)
      await expect(verify(), missing).rejects.toMatchObject({
        code: 'ARCHIVE_INVALID',
        message: `cannot load "${path}": of its ${count} parts "${missing}" is missing`,
      })
      await rename(`${missing}.away`, missing)
    }
    await truncate(second, 3999)
    await expect(verify()).rejects.toThrow(`"${second}" is damaged: expected sha256`)
  })

  it('says that parts are missing when nothing names the last', async () => {
    const count = await putParts(await savedArchive(), 4000)
    await rm(sumsPath(path))
    await rm(partPath(path, count))
    await expect(verify()).rejects.toThrow(`or of its ${count - 1} parts the last is missing`)
    await rm(partPath(path, 2))
    await expect(verify()).rejects.toThrow(`"${partPath(path, 2)}" is missing`)
  })

  it('rejects what is not there', async () => {
    await expect(verify()).rejects.toThrow('there is no such file, nor a part of it')
    await expect(verify(partPath(path, 1))).rejects.toThrow('there is no such file, nor a part of it')
  })
})

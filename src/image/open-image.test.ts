import { utimesSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { DigestThreads } from './digest-threads.ts'
import type { FileTree } from './file-tree.ts'
import { configOf, json, legacyFiles, ociFiles, sha256, tarOf } from './image-archive.test-data.ts'
import type { ImageTree } from './image-tree.ts'
import { DiskLayerCache } from './layer-cache.ts'
import { locateImage, openImage, openPair } from './open-image.ts'
import type { ReadOptions } from './read-options.ts'
import { treeDigest } from './tree-digest.ts'

const session = { signal: new AbortController().signal }
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'open-image-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

/** Larger than what is read at a time, and so large that the layer's digest is left to another thread. */
const BIG = 'x'.repeat(2_500_000)
const LARGE = 'y'.repeat(1_200_000)
const made = (async () => [
  await tarOf([
    { name: 'etc/hosts', content: 'localhost' },
    { name: 'big', content: BIG },
    { name: 'large', content: LARGE },
    { name: 'small', content: 'after it' },
  ]),
  await tarOf([
    { name: 'etc/motd', content: 'hello' },
    { name: 'etc/.wh.hosts', content: '' },
  ]),
])()
const layers = () => made

async function unpack(name: string, files: [string, Buffer][]): Promise<string> {
  const directory = join(scratch, name)
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), bytes)
  }
  return directory
}

async function archive(name: string, files: [string, Buffer][], gzip = false): Promise<string> {
  const path = join(scratch, name)
  const bytes = await tarOf(files)
  await writeFile(path, gzip ? gzipSync(bytes) : bytes)
  return path
}

const error = (code: string, reason: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(reason) })

describe('openImage()', () => {
  it('gives the same image from every kind of file and directory', async () => {
    const plain = await layers()
    const expected = {
      id: `sha256:${sha256(configOf(plain))}`,
      diffIDs: plain.map((layer) => `sha256:${sha256(layer)}`),
      files: {
        big: sha256(BIG),
        large: sha256(LARGE),
        small: sha256('after it'),
        'etc/motd': sha256('hello'),
      },
    }
    const kinds: [string, string][] = [
      ['file', await archive('saved.tar', ociFiles(plain))],
      ['file', await archive('saved.tar.gz', ociFiles(plain), true)],
      ['file', await archive('gzip.tar', ociFiles(plain, 'gzip'))],
      ['file', await archive('zstd.tar', ociFiles(plain, 'zstd'))],
      ['file', await archive('old.tar', legacyFiles(plain))],
      ['directory', await unpack('layout', ociFiles(plain, 'zstd'))],
      ['directory', await unpack('old', legacyFiles(plain))],
    ]
    const digests = new Set<string>()
    for (const [source, path] of kinds) {
      const image = await openImage(session, path, { keep: true })
      const files = [...image.tree.files()].filter(({ inode }) => inode.type === 'file')
      expect({
        id: image.id,
        diffIDs: image.layers.map(({ diffID }) => diffID),
        files: Object.fromEntries(files.map(({ path: name, inode }) => [name, inode.sha256])),
      }).toEqual(expected)
      expect(image).toMatchObject({ source, reference: path })
      expect(image.tree.read('etc/motd')?.toString()).toBe('hello')
      digests.add(treeDigest(image.root))
    }
    expect(digests.size).toBe(1)
  })

  it('reads of a directory what the platform needs', async () => {
    const plain = await layers()
    const files = ociFiles(plain)
    const manifest = JSON.parse(String(files.find(([name]) => name === 'index.json')?.[1])).manifests[0]
    const arm = {
      ...manifest,
      digest: `sha256:${'0'.repeat(64)}`,
      platform: { os: 'linux', architecture: 'arm64' },
    }
    const index = json({
      manifests: [arm, { ...manifest, platform: { os: 'linux', architecture: 'amd64' } }],
    })
    const directory = await unpack('platforms', [
      ...files.filter(([name]) => name !== 'index.json' && name !== 'manifest.json'),
      ['index.json', index],
      [`blobs/sha256/${'0'.repeat(64)}`, Buffer.from('{"a damaged": "manifest"}')],
    ])
    await expect(openImage(session, directory)).resolves.toMatchObject({ manifest: manifest.digest })
    await expect(openImage(session, directory, { platform: 'linux/arm64' })).rejects.toThrow(
      error('IMAGE_INVALID', 'expected sha256:0000'),
    )
    await expect(openImage(session, directory, { platform: 'linux/riscv64' })).rejects.toThrow(
      error('IMAGE_INVALID', 'no image for linux/riscv64'),
    )
  })

  it('names a damaged blob and where it is damaged', async () => {
    const [lower = Buffer.alloc(0)] = await layers()
    const damaged = Buffer.from(lower)
    damaged[1024 + 5] = 0x41
    const path = await archive('damaged.tar', ociFiles([damaged]))
    await expect(openImage(session, path)).rejects.toThrow(
      error('IMAGE_INVALID', `in "blobs/sha256/${sha256(damaged)}" at byte 1024 of its tar archive`),
    )
    const swapped = await unpack(
      'swapped',
      ociFiles([lower]).map(([name, bytes]) => [name, bytes === lower ? damaged : bytes]),
    )
    await expect(openImage(session, swapped)).rejects.toThrow(
      error('IMAGE_INVALID', `expected sha256:${sha256(lower)}, actual sha256:${sha256(damaged)}`),
    )
  })

  it('follows no path or link out of a directory', async () => {
    await writeFile(join(scratch, 'secret'), configOf([]))
    const saved = json([{ Config: '../secret', Layers: [] }])
    const out = await unpack('out', [['manifest.json', saved]])
    await expect(openImage(session, out)).rejects.toThrow(error('IMAGE_INVALID', 'no file "../secret"'))
    const linked = await unpack('linked', [['manifest.json', json([{ Config: 'link', Layers: [] }])]])
    await symlink(join(scratch, 'secret'), join(linked, 'link'))
    await expect(openImage(session, linked)).rejects.toThrow(error('IMAGE_INVALID', 'no file "link"'))
  })

  it('waits for no pipe', async () => {
    const directory = await unpack('pipe', [['manifest.json', json([{ Config: 'pipe', Layers: [] }])]])
    await execa('mkfifo', [join(directory, 'pipe')])
    await expect(openImage(session, directory)).rejects.toThrow(
      error('IMAGE_UNREADABLE', 'not a regular file'),
    )
    await expect(openImage(session, join(directory, 'pipe'))).rejects.toThrow(
      error('IMAGE_UNREADABLE', 'not a regular file'),
    )
  })

  it('says that there is no such file', async () => {
    for (const path of [join(scratch, 'none'), './none', 'none.tar.gz', '../none'])
      await expect(openImage(session, path)).rejects.toThrow(error('IMAGE_MISSING', 'no file or directory'))
  })

  it('ends when it is told to', async () => {
    const path = await archive('end.tar', ociFiles(await layers()))
    const signal = AbortSignal.abort(new Error('stop'))
    await expect(openImage({ signal }, path)).rejects.toThrow('stop')
  })
})

describe('openImage() with a cache of layers', () => {
  const open = async (path: string, cache: DiskLayerCache, options: Pick<ReadOptions, 'head'> = {}) => {
    const image = await openImage(session, path, { cache, ...options })
    await cache.save()
    return image
  }
  const newCache = async () => new DiskLayerCache(await mkdtemp(join(scratch, 'cache-')))
  const summary = ({ id, layers: read, root }: ImageTree) => ({ id, read, tree: treeDigest(root) })

  it('gives the same image as without, read for the first time and again', async () => {
    const plain = await layers()
    const kinds = [
      await archive('known.tar', ociFiles(plain)),
      await archive('known.tar.gz', ociFiles(plain), true),
      await archive('known-zstd.tar', ociFiles(plain, 'zstd')),
      await archive('known-old.tar', legacyFiles(plain)),
      await unpack('known', ociFiles(plain, 'gzip')),
      await unpack('known-old', legacyFiles(plain)),
    ]
    for (const path of kinds) {
      const cache = await newCache()
      const expected = summary(await openImage(session, path))
      expect(summary(await open(path, cache))).toEqual(expected)
      expect(summary(await open(path, cache))).toEqual(expected)
    }
  })

  it('refuses a layer that is not what it is named, known or not', async () => {
    const files = ociFiles(await layers())
    const path = await archive('sound.tar', files)
    const [name, layer] = files[2] as [string, Buffer]
    expect(layer.length).toBeGreaterThan(BIG.length)
    const changed = Buffer.from(layer)
    changed[2000] = 0x58
    const damaged = await archive(
      'damaged.tar',
      files.map((each) => (each[0] === name ? [name, changed] : each)),
    )
    const cache = await newCache()
    await expect(open(damaged, cache)).rejects.toThrow(error('IMAGE_INVALID', 'has other content'))
    await open(path, cache)
    await expect(open(damaged, cache)).rejects.toThrow(error('IMAGE_INVALID', 'has other content'))
  })

  it('has the digests of a layer that comes twice', async () => {
    const [lower] = await layers()
    const path = await archive('twice-layer.tar', ociFiles([lower, lower] as Buffer[]))
    const image = await open(path, await newCache(), { head: (name) => (name === 'big' ? 4 : 0) })
    expect(image.layers).toHaveLength(2)
    expect(image.tree.find('big')?.inode).toMatchObject({ sha256: sha256(BIG), head: Buffer.from('xxxx') })
  })

  it('refuses a layer that ends within a file', async () => {
    const [lower] = (await layers()) as [Buffer]
    const cut = lower.subarray(0, 2_000_000)
    const paths = [await archive('cut-layer.tar', ociFiles([cut])), await unpack('cut', ociFiles([cut]))]
    for (const path of paths)
      await expect(open(path, await newCache())).rejects.toThrow(error('IMAGE_INVALID', 'cut short'))
  })

  it('refuses a file that changes while it is read, known or not', async () => {
    const path = await archive('changing.tar', ociFiles(await layers()))
    const change = () => {
      utimesSync(path, new Date(), new Date())
      return 0
    }
    const cache = await newCache()
    const refused = error('IMAGE_UNREADABLE', 'was changed')
    await expect(open(path, cache, { head: change })).rejects.toThrow(refused)
    await open(path, cache)
    await expect(open(path, cache, { head: change })).rejects.toThrow(refused)
  })

  it('refuses a file that was changed before another thread read it', async () => {
    const path = await archive('changed.tar', ociFiles(await layers()))
    const threads = new DigestThreads()
    onTestFinished(() => threads.end())
    const whole = { path, state: 'another', from: 0, size: BIG.length }
    await expect(threads.sha256(whole)).rejects.toThrow('was changed')
    await expect(threads.sha256({ ...whole, size: BIG.length * 2 })).rejects.toThrow('shorter')
  })

  it('refuses a pipe, which may never end', async () => {
    const pipe = join(scratch, 'pipe.tar')
    await execa('mkfifo', [pipe])
    await expect(open(pipe, await newCache())).rejects.toThrow(
      error('IMAGE_UNREADABLE', 'not a regular file'),
    )
    await expect(openPair(session, [pipe, pipe])).rejects.toThrow(
      error('IMAGE_UNREADABLE', 'not a regular file'),
    )
  })

  it('ends when that is asked for', async () => {
    const path = await archive('ended.tar', ociFiles(await layers()))
    const stop = new AbortController()
    const reading = locateImage(stop, path).then((image) => image.read({}))
    stop.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })
})

describe('openPair()', () => {
  it('reads two images on disk for what differs, from archives and directories', async () => {
    const [base, top] = (await layers()) as [Buffer, Buffer]
    const changed = await tarOf([{ name: 'etc/hosts', content: 'somewhere else' }])
    const a = await archive('pair-a.tar', ociFiles([base, top]))
    const b = await unpack('pair-b', ociFiles([base, changed], 'zstd'))
    const old = await unpack('pair-old', legacyFiles([base, changed]))
    const packed = await archive('pair.tar', ociFiles([base, changed], 'gzip'))
    for (const other of [old, packed]) {
      const pair = await openPair(session, [a, other])
      const paths = ({ tree }: { tree: FileTree }) => [...tree.files()].map(({ path }) => path)
      expect(pair && [paths(pair.a), paths(pair.b)]).toEqual([
        ['etc', 'etc/motd'],
        ['etc', 'etc/hosts'],
      ])
      expect(pair?.b.tree.find('etc/hosts')?.inode.content?.toString()).toBe('somewhere else')
    }
    // of blobs that have other digests, layers are the same by the config
    const same = await openPair(session, [b, packed])
    expect(same?.a.id).toBe(`sha256:${sha256(configOf([base, changed]))}`)
    expect(same?.b.id).toBe(same?.a.id)
  })

  it('leaves what cannot be read in parts, or is damaged, to reading it whole', async () => {
    const plain = await archive('plain.tar', ociFiles(await layers()))
    const gzipped = await archive('whole.tar.gz', ociFiles(await layers()), true)
    expect(await openPair(session, [plain, gzipped])).toBeUndefined()
    const cut = join(scratch, 'cut.tar')
    await writeFile(cut, (await readFile(plain)).subarray(0, 5000))
    expect(await openPair(session, [plain, cut])).toBeUndefined()
    const twice = await archive('twice.tar', [...ociFiles(await layers()), ['oci-layout', json({})]])
    expect(await openPair(session, [twice, plain])).toBeUndefined()
  })
})

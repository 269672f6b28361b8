import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../store/testing/temporary-directory.ts'
import { DigestThreads } from './digest-threads.ts'
import { diskFile, fileState, openRegular } from './disk-file.ts'
import { type Compression, type Member, ociFiles, pieces, sha256, tarOf } from './image-archive.test-data.ts'
import { fileInMemory } from './image-file.ts'
import { type ImageTree, type OpenFile, readImageLayout } from './image-tree.ts'
import { DiskLayerCache } from './layer-cache.ts'
import { LayerEntries } from './layer-entries.ts'
import { packLayer, unpackLayer } from './layer-index.ts'
import { layerSource, MemoryLayerCache } from './layer-source.ts'
import { readImageTree } from './read-archive.ts'
import { Budget, type LayerCache, type ReadOptions } from './read-options.ts'
import { treeDigest } from './tree-digest.ts'

const file = (name: string, content = '', more: Partial<Member> = {}): Member => ({ name, content, ...more })

/** cap_net_bind_service as the kernel has it: `struct vfs_cap_data` of revision 2. */
const CAPABILITY = { 'SCHILY.xattr.security.capability': `\x01\0\0\x02\0\x04${'\0'.repeat(14)}` }
const LAYERS: Member[][] = [
  [
    { name: 'd/', type: 'directory', mode: 0o1777, uid: 7, gid: 8 },
    file('d/a', 'one', { pax: CAPABILITY }),
    file('d/caf\u00e9', 'two'),
    file('d/empty'),
    { name: 'd/link', type: 'link', linkname: 'd/a', mode: 0o644, pax: CAPABILITY },
    { name: 'd/again', type: 'link', linkname: 'd/link', mode: 0o644, pax: CAPABILITY },
    { name: 'd/to', type: 'symlink', linkname: '../x' },
    { name: 'tty', type: 'character-device', devmajor: 5, devminor: 1 },
  ],
  [file('d/.wh.a'), file('e/b', 'three\n\0\xff')],
]

const leaf = fc.constantFrom('a', 'b', 'd/a', 'd/b', 'd/e/a')
const member: fc.Arbitrary<Member> = fc.oneof(
  fc.record({
    name: leaf,
    content: fc.constantFrom('', 'x', 'yy'),
    mode: fc.constantFrom(0o644, 0o600),
    uid: fc.nat(2),
  }),
  fc.constantFrom('d', 'd/e').map((name): Member => ({ name, type: 'directory', mode: 0o700 })),
  leaf.map((name) => file(name.replace(/([^/]*)$/, '.wh.$1'))),
  fc.record({ name: leaf, type: fc.constant('link' as const), linkname: leaf, uid: fc.nat(3) }),
  fc.record({ name: leaf, type: fc.constant('symlink' as const), linkname: leaf }),
)
const anyLayers = fc.oneof(
  fc.constant(LAYERS),
  fc.array(fc.array(member, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
)
const choice = fc.constantFrom(true, false, (path: string) => path.endsWith('a'))
const anyOptions: fc.Arbitrary<ReadOptions> = fc.record(
  {
    keep: choice,
    md5: choice,
    sha1: choice,
    gitBlob: choice,
    head: fc.constantFrom(
      () => 0,
      () => 1,
      () => 2,
    ),
  },
  { requiredKeys: [] },
)
const anyCompression = fc.constantFrom<Compression>('none', 'gzip', 'zstd')

const filesOf = async (layers: readonly (readonly Member[])[], compression: Compression) =>
  ociFiles(await Promise.all(layers.map((members) => tarOf([...members]))), compression)

/** All that reading gives, or why it was refused; anything but a refusal of the image fails. */
async function outcome(reading: Promise<ImageTree>) {
  try {
    const { id, layers, root } = await reading
    return { id, layers, root, digest: treeDigest(root) }
  } catch (error) {
    expect(error).toMatchObject({ code: 'IMAGE_INVALID' })
    return (error as Error).message
  }
}

const flip = (bytes: Buffer, at: number) => {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] as number) ^ 0x41
  return changed
}

/** A disk cache after it was emptied of what waits in it, as the next run would find it. */
async function reopened(cache: DiskLayerCache, directory: string): Promise<DiskLayerCache> {
  await cache.save()
  return new DiskLayerCache(directory)
}

async function damageAll(directory: string): Promise<number> {
  const entries = await readdir(join(directory, 'layers'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name)
    const bytes = await readFile(path)
    await writeFile(path, flip(bytes, bytes.length >> 1))
  }
  return files.length
}

describe('whoever reads layers cannot tell whether', () => {
  test('there is a cache in memory or on the disk, filled, damaged or empty', async () => {
    const counts = { refused: 0, read: 0, damaged: 0 }
    await fc.assert(
      fc.asyncProperty(
        anyLayers,
        anyCompression,
        anyOptions,
        anyOptions,
        fc.option(fc.nat(1_000_000), { freq: 1 }),
        async (layers, compression, before, options, damage) => {
          const sound = await tarOf(await filesOf(layers, compression))
          const archive = damage === null ? sound : flip(sound, damage % sound.length)
          const read = (cache: LayerCache) => outcome(readImageTree(pieces(archive), { ...options, cache }))
          const expected = await outcome(readImageTree(pieces(archive), options))
          counts[typeof expected === 'string' ? 'refused' : 'read'] += 1
          const memory = new MemoryLayerCache()
          expect(await read(memory)).toEqual(expected)
          expect(await read(memory)).toEqual(expected)

          const directory = await temporaryDirectory()
          const first = new DiskLayerCache(directory)
          await outcome(readImageTree(pieces(sound), { ...before, cache: first }))
          const filled = await reopened(first, directory)
          expect(await read(filled)).toEqual(expected)
          expect(await read(await reopened(filled, directory))).toEqual(expected)
          counts.damaged += await damageAll(directory)
          expect(await read(new DiskLayerCache(directory))).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(5)
  })

  test('another thread takes the digests of large blobs', async () => {
    const threads = new DigestThreads()
    onTestFinished(() => threads.end())
    const directory = await temporaryDirectory()
    const big = file('big', 'x'.repeat(1_200_000))
    let [refused, read] = [0, 0]
    const disk =
      (place: string, whose?: DigestThreads): OpenFile =>
      async (path) => {
        const handle = await openRegular(join(place, sha256(path))).catch(() => undefined)
        if (handle === undefined) return undefined
        const [state, { size }] = [await fileState(handle), await handle.stat()]
        await handle.close()
        return diskFile(path, { path: join(place, sha256(path)), state, from: 0, size }, whose)
      }
    await fc.assert(
      fc.asyncProperty(anyLayers, anyOptions, fc.option(fc.nat(2_000_000)), async (layers, options, at) => {
        const files = await filesOf([[big, ...(layers[0] ?? [])], ...layers.slice(1)], 'none')
        const [name] = files[2] as [string, Buffer]
        const stored = new Map(
          files.map(([path, bytes]) => [
            path,
            at !== null && path === name ? flip(bytes, at % bytes.length) : bytes,
          ]),
        )
        for (const [path, bytes] of stored) await writeFile(join(directory, sha256(path)), bytes)
        const memory: OpenFile = async (path) => {
          const bytes = stored.get(path)
          return bytes && fileInMemory(path, bytes)
        }
        const expected = await outcome(readImageLayout(memory, options))
        if (typeof expected === 'string') refused += 1
        else read += 1
        expect(await outcome(readImageLayout(disk(directory), options))).toEqual(expected)
        expect(await outcome(readImageLayout(disk(directory, threads), options))).toEqual(expected)
      }),
      {
        numRuns: 12,
        examples: [
          [LAYERS, {}, null],
          [LAYERS, {}, 5000],
        ],
      },
    )
    expect(Math.min(refused, read)).toBeGreaterThan(0)
  })
})

test('a layer that unpacks to more than is left to its image is refused before it is read', async () => {
  const layer = gzipSync(await tarOf([file('zeros', '\0'.repeat(1_000_000))]))
  const read = (before: number) => {
    const budget = new Budget()
    budget.unpacked(before)
    return layerSource(budget).layer(fileInMemory('layer.tar', layer))
  }
  const { entries } = await read(1024 ** 3 - 1_100_000)
  expect([...entries]).toMatchObject([{ path: 'zeros' }])
  await expect(read(1024 ** 3 - 900_000)).rejects.toThrow('unpacks to more than 1032 times its size')
})

describe('a cache of layers', () => {
  /** Counts the layers that were taken from it. */
  class CountingCache extends MemoryLayerCache {
    found = 0
    override async get(digest: string) {
      const layer = await super.get(digest)
      if (layer !== undefined) this.found += 1
      return layer
    }
  }
  /** With a member that makes reading the layer fail if it is read: the digest alone is right. */
  const unreadable = async () => {
    const layer = Buffer.concat([await tarOf([file('a', 'one')]), Buffer.alloc(512, 'x')])
    return layer.fill('y', 0, 512)
  }

  const readLayer = async (members: Member[]) =>
    layerSource(new Budget()).layer(fileInMemory('layer.tar', await tarOf(members)))

  test('is filled with what was read, and used when that says enough', async () => {
    const archive = await tarOf(await filesOf(LAYERS, 'gzip'))
    const cache = new CountingCache()
    const read = (options: ReadOptions) => readImageTree(pieces(archive), { ...options, cache })
    await read({ keep: true, md5: true })
    expect(cache.found).toBe(0)
    await read({ head: () => 2 })
    expect(cache.found).toBe(2)
  })

  test('spares to read a layer, and not to take its digest', async () => {
    const layer = await unreadable()
    const digest = `sha256:${sha256(layer)}`
    const archive = (bytes: Buffer) =>
      tarOf(ociFiles([layer]).map(([path, each]) => [path, each === layer ? bytes : each]))
    const read = async (cache: LayerCache, bytes = layer) =>
      readImageTree(pieces(await archive(bytes)), { cache })
    await expect(read(new MemoryLayerCache())).rejects.toThrow('is not a tar archive')
    const cache = new MemoryLayerCache()
    await cache.put(digest, [
      ...packLayer({ diffID: digest, size: layer.length, entries: new LayerEntries() }),
    ])
    await expect(read(cache)).resolves.toMatchObject({ layers: [{ digest, size: layer.length }] })
    await expect(read(cache, flip(layer, 600))).rejects.toThrow(
      `has other content: expected ${digest}, actual`,
    )
  })

  test('gives each image its inodes, and each place of a layer that comes twice', async () => {
    const cache = new CountingCache()
    const archive = await tarOf(await filesOf([[file('a', 'one')], [file('b')], [file('a', 'one')]], 'none'))
    const read = () => readImageTree(pieces(archive), { cache })
    const [first, second] = [await read(), await read()]
    expect(cache.found).toBe(2)
    expect(second).toEqual(first)
    expect(second.tree.find('a')?.inode).not.toBe(first.tree.find('a')?.inode)
  })

  test('does not hide that there are more members than any image has', async () => {
    const packed = Buffer.concat([...packLayer(await readLayer([file('a')]))])
    const budget = new Budget()
    expect(unpackLayer(packed, budget)?.entries).toHaveLength(1)
    budget.take('members', 1_999_999)
    expect(() => unpackLayer(packed, budget)).toThrow('more than 2000000 members')
  })
})

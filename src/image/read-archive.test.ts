import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NIGHTLY, rounds } from '../../test/support/nightly.ts'
import { FileTree } from './file-tree.ts'
import {
  type Compression,
  compress,
  configOf,
  json,
  legacyFiles,
  type Member,
  ociFiles,
  octal,
  pieces,
  sha256,
  tarBlock,
  tarOf,
} from './image-archive.test-data.ts'
import { readImageArchive, readImageTree } from './read-archive.ts'
import { treeDigest, treeRecords } from './tree-digest.ts'

const LOWER: Member[] = [
  { name: 'etc/', type: 'directory', mode: 0o755 },
  {
    name: 'etc/hosts',
    content: 'localhost',
    mode: 0o644,
    uid: 1,
    gid: 2,
    mtime: new Date(1_700_000_000_999),
  },
  { name: 'etc/motd', content: 'hello', mode: 0o644 },
  { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
]
const UPPER: Member[] = [
  { name: 'etc/', type: 'directory', mode: 0o755 },
  { name: 'etc/.wh.motd' },
  { name: 'usr/bin/', type: 'directory', mode: 0o755 },
  {
    name: 'usr/bin/su',
    content: 'x',
    mode: 0o4755,
    pax: { 'SCHILY.xattr.user.b': 'é', 'SCHILY.xattr.user.a': '1' },
  },
  { name: 'usr/bin/pseudo', type: 'link', linkname: 'usr/bin/su', mode: 0o4755 },
  { name: 'usr/bin/a b%é"', content: '' },
  { name: 'dev/', type: 'directory', mode: 0o755 },
  { name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3, mode: 0o666 },
  { name: 'dev/pipe', type: 'fifo', mode: 0o600 },
]

const layers = async () => [await tarOf(LOWER), await tarOf(UPPER)]
const summary = async (files: [string, Buffer][], size?: number) =>
  readImageArchive(pieces(await tarOf(files), size))
it('keeps apart what a layer above deletes or replaces, as far as contents are kept', async () => {
  const archive = await tarOf(ociFiles(await layers()))
  const { covered } = await readImageTree(pieces(archive), { keep: (path) => path.startsWith('etc/') })
  expect(covered.map(({ path, inode }) => [path, inode.layer, inode.content?.toString()])).toEqual([
    ['etc/motd', 0, 'hello'],
  ])
})

const invalid = (reason: string) =>
  expect.objectContaining({ code: 'IMAGE_INVALID', message: expect.stringContaining(reason) })

describe('readImageArchive()', () => {
  it('gives what the image is', async () => {
    const [lower, upper] = (await layers()) as [Buffer, Buffer]
    const { tree, ...rest } = await summary(ociFiles([lower, upper]))
    expect(rest).toEqual({
      id: `sha256:${sha256(configOf([lower, upper]))}`,
      diffIDs: [`sha256:${sha256(lower)}`, `sha256:${sha256(upper)}`],
      size: lower.length + upper.length,
      config: JSON.parse(configOf([lower, upper]).toString()),
      entries: 12,
    })
    expect(tree).toMatchInlineSnapshot(
      `"sha256:8b866d53c4165a4abf84e5beaff3d55db29b3b1639c19d1769c1e11584f6ced2"`,
    )
  })

  it('keeps contents and takes md5 sums as asked, and says which layer gave a file', async () => {
    const archive = await tarOf(ociFiles(await layers()))
    for (const size of [1, 700, 100_000]) {
      const asked: [string, number][] = []
      const { root } = await readImageTree(pieces(archive, size), {
        keep: (path, bytes) => asked.push([path, bytes]) > 0 && path !== 'usr/bin/su',
        md5: (path) => path !== 'usr/bin/su',
      })
      const tree = new FileTree(root)
      expect(asked).toEqual([
        ['etc/hosts', 9],
        ['etc/motd', 5],
        ['etc/.wh.motd', 0],
        ['usr/bin/su', 1],
        ['usr/bin/a b%Ã©"', 0],
      ])
      expect(tree.read('etc/hosts')?.toString()).toBe('localhost')
      expect(tree.find('etc/hosts')?.inode).toMatchObject({
        layer: 0,
        md5: createHash('md5').update('localhost').digest('hex'),
        sha256: sha256('localhost'),
      })
      expect(tree.read('usr/bin/a b%Ã©"')?.length).toBe(0)
      expect(tree.find('usr/bin/a b%Ã©"')?.inode.md5).toBe(createHash('md5').digest('hex'))
      expect(tree.find('usr/bin/pseudo')?.inode).toMatchObject({ layer: 1, sha256: sha256('x') })
      expect(tree.find('usr/bin/su')?.inode).not.toHaveProperty('content')
      expect(tree.find('usr/bin/su')?.inode).not.toHaveProperty('md5')
    }
  })

  it('gives the tree of the layers of another image that it has all of, among others', async () => {
    const own = await layers()
    const [lower, upper] = own as [Buffer, Buffer]
    const before = await tarOf([['before', Buffer.from('1')]])
    const after = await tarOf([['etc/motd', Buffer.from('other')], { name: 'usr/bin/.wh.su' }])
    const ids = (of: Buffer[]) => of.map((layer) => `sha256:${sha256(layer)}`)
    const expected = (await summary(ociFiles(own))).tree
    for (const all of [
      [...own, after],
      [before, ...own],
      [before, lower, after, upper],
      [upper, lower],
    ]) {
      const archive = await tarOf(ociFiles(all))
      const plain = await readImageTree(pieces(archive))
      const image = await readImageTree(pieces(archive), { inner: ids(own) })
      expect(image.inner && treeDigest(image.inner)).toBe(expected)
      // the image's own tree is what it is without
      expect({ ...image, inner: undefined }).toEqual({ ...plain, inner: undefined })
      expect(treeDigest(image.root)).toBe(treeDigest(plain.root))
    }
    for (const [all, inner] of [
      [own, own],
      [[lower, after], own],
      [own, []],
    ] as const)
      expect(
        await readImageTree(pieces(await tarOf(ociFiles([...all]))), { inner: ids([...inner]) }),
      ).not.toHaveProperty('inner')
  })

  it('keeps no file beyond the limit', async () => {
    const archive = await tarOf(ociFiles([await tarOf([['big', Buffer.alloc(64 * 1024 ** 2 + 1)]])]))
    await expect(readImageTree(pieces(archive), { keep: () => true })).rejects.toThrow(
      invalid('"big" has 67108865 bytes; at most 67108864 are kept'),
    )
    await expect(readImageTree(pieces(archive), { keep: (_, size) => size < 1024 })).resolves.toBeTruthy()
  })

  it('ends when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('stop'))
    const archive = await tarOf(ociFiles(await layers()))
    await expect(readImageTree(pieces(archive), { signal })).rejects.toThrow('stop')
  })

  it('records the tree as its definition says', async () => {
    const { root } = await readImageTree(pieces(await tarOf(ociFiles(await layers()))))
    const lines = [...treeRecords(root)].map((record) => `${JSON.stringify(record)}\n`)
    expect(`sha256:${sha256(lines.join(''))}`).toBe((await summary(ociFiles(await layers()))).tree)
    await expect(lines.join('')).toMatchFileSnapshot('golden/tree.jsonl')
  })

  it('is the same for every kind of archive, order of files and size of pieces', async () => {
    const plain = await layers()
    const expected = await summary(ociFiles(plain))
    const kinds = [
      ...(['none', 'gzip', 'zstd'] as const).map((compression) => ociFiles(plain, compression)),
      ociFiles(plain).filter(([name]) => name !== 'manifest.json'),
      ociFiles(plain).filter(([name]) => name !== 'index.json'),
      legacyFiles(plain),
    ]
    for (const files of kinds) {
      for (const size of [100, 512, 100_000]) {
        expect(await summary(files, size)).toEqual(expected)
        expect(await summary(files.toReversed(), size)).toEqual(expected)
      }
    }
  })

  it.each<Compression>(['gzip', 'zstd'])(
    'reads an archive that is compressed as a whole by %s',
    async (compression) => {
      const bytes = await tarOf(ociFiles(await layers()))
      const expected = await readImageArchive(pieces(bytes))
      expect(await readImageArchive(pieces(compress(bytes, compression), 1))).toEqual(expected)
      await expect(readImageArchive(pieces(compress(bytes, compression).subarray(0, -20)))).rejects.toThrow(
        invalid('cut short'),
      )
    },
  )

  it('follows links between the files of an old archive', async () => {
    const layer = await tarOf(LOWER)
    const files = legacyFiles([layer, layer])
    const [[first], [second]] = files as [[string, Buffer], [string, Buffer]]
    const bytes = await tarOf([
      { name: second, type: 'symlink', linkname: `../${first}` },
      ...files.filter(([name]) => name !== second),
    ])
    expect(await readImageArchive(pieces(bytes))).toEqual(await summary(files))
  })

  it('takes the linux/amd64 image of a nested index with attestations', async () => {
    const files = ociFiles(await layers())
    const manifest = JSON.parse(
      (files.find(([name]) => name === 'index.json') as [string, Buffer])[1].toString(),
    ).manifests[0]
    const platform = (architecture: string, os = 'linux') => ({ platform: { architecture, os } })
    const missing = `sha256:${'0'.repeat(64)}`
    const nested = json({
      manifests: [
        { digest: missing, ...platform('arm64') },
        { ...manifest, ...platform('amd64') },
        { digest: missing, ...platform('unknown', 'unknown') },
      ],
    })
    const blob: [string, Buffer] = [`blobs/sha256/${sha256(nested)}`, nested]
    const tags = Array(2).fill({
      mediaType: 'application/vnd.oci.image.index.v1+json',
      digest: `sha256:${sha256(nested)}`,
    })
    const changed = replace([...files, blob], 'index.json', json({ manifests: tags }))
    expect(await summary(changed)).toEqual(await summary(files))
  })

  const replace = (files: [string, Buffer][], name: string, bytes: Buffer) =>
    files.map(([path, old]): [string, Buffer] => [path, path === name ? bytes : old])
  const OCI = async () => ociFiles(await layers())
  const other = async () => ociFiles([await tarOf([])])

  it.each<[string, () => Promise<[string, Buffer][]>, string]>([
    ['an empty archive', async () => [], 'holds no image'],
    [
      'a blob with other content',
      async () => (await OCI()).map(([name, bytes], i) => [name, i === 0 ? Buffer.from('{}') : bytes]),
      'has other content',
    ],
    ['a missing config', async () => (await OCI()).slice(1), 'has no file'],
    ['a missing layer', async () => (await OCI()).toSpliced(2, 1), 'has no file'],
    ['a blob twice', async () => [...(await OCI()), ...(await OCI()).slice(0, 1)], 'twice'],
    [
      'manifests that disagree',
      async () => [
        ...(await OCI()).filter(([name]) => name !== 'manifest.json'),
        ...(await other()).filter(([name]) => name === 'manifest.json' || name.startsWith('blobs')),
      ],
      'its manifest.json',
    ],
    [
      'two images',
      async () => {
        const [a, b] = [await OCI(), await other()]
        const index = (files: [string, Buffer][]) =>
          JSON.parse(String(files.find(([name]) => name === 'index.json')?.[1])).manifests
        return [
          ...a.filter(([name]) => name.startsWith('blobs')),
          ...b.filter(([name]) => name.startsWith('blobs')),
          ['index.json', json({ manifests: [...index(a), ...index(b)] })],
        ]
      },
      'has 2 images',
    ],
    [
      'an index without images',
      async () =>
        replace(await OCI(), 'index.json', json({ manifests: [] })).filter(
          ([name]) => name !== 'manifest.json',
        ),
      'no image for linux/amd64, nor for another platform',
    ],
    ['a manifest.json without images', async () => [['manifest.json', json([])]], 'has no image'],
    ['what is no archive of an image', async () => [['etc/passwd', Buffer.from('x')]], 'perhaps a layer'],
    [
      'an index that is no JSON',
      async () => replace(await OCI(), 'index.json', Buffer.from('{')),
      'is not JSON',
    ],
    [
      'an index of another shape',
      async () => replace(await OCI(), 'index.json', json({ manifests: [{ digest: 'md5:1' }] })),
      'manifests[0].digest: "md5:1" must be',
    ],
    [
      'a layer that the config does not have',
      async () => {
        const [lower, upper] = (await layers()) as [Buffer, Buffer]
        const config = configOf([upper, lower])
        return [
          ['c.json', config],
          ['a', lower],
          ['b', upper],
          ['manifest.json', json([{ Config: 'c.json', Layers: ['a', 'b'] }])],
        ]
      },
      'is not what its config says',
    ],
    [
      'a layer too few',
      async () => {
        const [lower, upper] = (await layers()) as [Buffer, Buffer]
        return [
          ['c.json', configOf([upper, lower])],
          ['a', upper],
          ['manifest.json', json([{ Config: 'c.json', Layers: ['a'] }])],
        ]
      },
      'has 2 layers by its config, 1 by its manifest',
    ],
    ['a layer that is no archive', async () => ociFiles([Buffer.from('hello')]), 'is not a tar archive'],
    ['a layer that is cut short', async () => ociFiles([(await tarOf(LOWER)).subarray(0, 700)]), 'cut short'],
    [
      'a layer with a path out of the image',
      async () => ociFiles([await tarOf([{ name: '../x' }])]),
      'leads out',
    ],
    [
      'a compressed layer that is cut short',
      async () => {
        const layer = await tarOf(LOWER)
        const packed = compress(layer, 'gzip').subarray(0, -10)
        return [
          ['c.json', configOf([layer])],
          ['a', packed],
          ['manifest.json', json([{ Config: 'c.json', Layers: ['a'] }])],
        ]
      },
      'damaged or cut short',
    ],
    [
      'a compressed layer with more behind it',
      async () => {
        const layer = await tarOf(LOWER)
        const packed = Buffer.concat([compress(layer, 'gzip'), Buffer.alloc(8)])
        return [
          ['c.json', configOf([layer])],
          ['a', packed],
          ['manifest.json', json([{ Config: 'c.json', Layers: ['a'] }])],
        ]
      },
      'has more after its end',
    ],
    [
      'several platforms, none of them the usual one',
      async () => [
        ['a.json', configOf([], { architecture: 'arm64' })],
        ['b.json', configOf([], { architecture: 'arm', variant: 'v7' })],
        ['manifest.json', json(['a.json', 'b.json'].map((Config) => ({ Config, Layers: [] })))],
      ],
      'no image for linux/amd64, but for linux/arm64, linux/arm/v7: --platform chooses one',
    ],
    [
      'an index that says another platform than the config',
      async () => {
        const platform = { os: 'linux', architecture: 'arm64' }
        const index = ([path, bytes]: [string, Buffer]): [string, Buffer] => {
          if (path !== 'index.json') return [path, bytes]
          const { manifests } = JSON.parse(bytes.toString()) as { manifests: object[] }
          return [
            path,
            json({ schemaVersion: 2, manifests: manifests.map((each) => ({ ...each, platform })) }),
          ]
        }
        return ociFiles([])
          .map(index)
          .filter(([path]) => path !== 'manifest.json')
      },
      'no image for linux/amd64, but for linux/arm64: --platform chooses one',
    ],
  ])('rejects %s', async (_, files, reason) => {
    await expect(files().then((list) => summary(list))).rejects.toThrow(invalid(reason))
  })

  it('rejects a bomb before it is unpacked', async () => {
    if (!NIGHTLY) return console.warn('a bomb of a gigabyte is left to the nightly tests')
    const layer = zstdBomb(tarBlock({ name: 'zeros', size: octal(2 ** 33 - 1) }), 17 * 64 * 1024 ** 2)
    expect(layer.length).toBeLessThan(256 * 1024)
    const archive = await tarOf([
      ['c.json', configOf([await tarOf([])])],
      ['manifest.json', json([{ Config: 'c.json', Layers: ['a'] }])],
      ['a', layer],
    ])
    await expect(readImageArchive(pieces(archive))).rejects.toThrow(
      invalid('unpacks to more than 1032 times its size'),
    )
  })

  it('visits an index once, however often it is named', async () => {
    const files = ociFiles(await layers())
    const [[, manifests] = []] = files
      .filter(([name]) => name === 'index.json')
      .map(([, bytes]) => ['', JSON.parse(bytes.toString()).manifests])
    // four levels of 2000 names each: 16,000,000,000,000 ways
    let blob = json({ manifests })
    const blobs: [string, Buffer][] = []
    for (let level = 0; level < 4; level++) {
      const digest = `sha256:${sha256(blob)}`
      blobs.push([`blobs/sha256/${sha256(blob)}`, blob])
      blob = json({ manifests: Array(2000).fill({ digest }) })
    }
    const wide = replace([...files, ...blobs], 'index.json', blob)
    expect(await summary(wide)).toEqual(await summary(files))
  })

  it.each<[string, () => Promise<[string, Buffer][]>, string]>([
    [
      'a layer that comes more often than any',
      async () => {
        const layer = await tarOf([])
        return [
          ['c.json', configOf(Array(1001).fill(layer))],
          ['a', layer],
          ['manifest.json', json([{ Config: 'c.json', Layers: Array(1001).fill('a') }])],
        ]
      },
      'has 1001 layers',
    ],
    [
      'a config nested without end',
      async () => {
        const config = Buffer.from(`{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`)
        return [
          ['c.json', config],
          ['manifest.json', json([{ Config: 'c.json', Layers: [] }])],
        ]
      },
      'has more than 64 levels',
    ],
    [
      'paths that imply more directories than there is memory',
      async () => {
        const deep = 'd/'.repeat(1900)
        return ociFiles([await tarOf(Array.from({ length: 300 }, (_, i) => ({ name: `${i}/${deep}f` })))])
      },
      'imply more than 500000 directories',
    ],
    [
      'a symlink to a path longer than any',
      async () => ociFiles([await tarOf([{ name: 'a', type: 'symlink', linkname: 'a/'.repeat(3000) }])]),
      'symlink to a path of 6000 bytes',
    ],
    [
      'an archive of before 1.10',
      async () => [['repositories', json({})]],
      'its repositories names no image',
    ],
    [
      'names that steer a terminal',
      async () => [
        ['c.json', configOf([], { os: '\x1b[2J\u202e' })],
        ['d.json', configOf([], { architecture: 'arm64' })],
        ['manifest.json', json(['c.json', 'd.json'].map((Config) => ({ Config, Layers: [] })))],
      ],
      'but for \\u{1b}[2J\\u{202e}/amd64',
    ],
  ])('rejects %s', async (_, files, reason) => {
    await expect(files().then((list) => summary(list))).rejects.toThrow(invalid(reason))
  })

  it('rejects links that go in circles', async () => {
    const config = configOf([await tarOf([])])
    const archive = await tarOf([
      ['c.json', config],
      ['manifest.json', json([{ Config: 'c.json', Layers: ['a'] }])],
      { name: 'a', type: 'symlink', linkname: 'b' },
      { name: 'b', type: 'symlink', linkname: 'a' },
    ])
    await expect(readImageArchive(pieces(archive))).rejects.toThrow(invalid('has no file "a"'))
  })

  it('rejects a stream without a byte', async () => {
    await expect(readImageArchive(pieces(Buffer.alloc(0)))).rejects.toThrow(invalid('has no files'))
  })

  it('reads layers that it does not need and cannot read', async () => {
    const files = await OCI()
    const damaged = (await tarOf([{ name: '../x' }])).subarray(0, 300 + 512)
    expect(await summary([['extra', damaged], ...files])).toEqual(await summary(files))
  })

  it('rejects an archive cut anywhere, but where all that is missing are members that no image needs and the end mark', async () => {
    const bytes = await tarOf(await OCI())
    const whole = await readImageArchive(pieces(bytes))
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (end) => {
        const read = await readImageArchive(pieces(bytes.subarray(0, end))).catch((error: unknown) => error)
        if (read instanceof Error) expect(read).toEqual(invalid(''))
        else expect({ read, between: end % 512 }).toEqual({ read: whole, between: 0 })
      }),
      { examples: [[bytes.length - 512], [bytes.length - 1024]] },
    )
  })

  it('never takes a damaged archive for another image', async () => {
    const bytes = await tarOf((await OCI()).filter(([name]) => name !== 'manifest.json'))
    const expected = await readImageArchive(pieces(bytes))
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Buffer.from(bytes)
        damaged[at] = (damaged[at] as number) ^ change
        const result = await readImageArchive(pieces(damaged)).catch((error) => error)
        if (!(result instanceof Error)) expect(result).toEqual(expected)
        else expect(result).toMatchObject({ code: 'IMAGE_INVALID' })
      }),
      { numRuns: rounds(100, 3000) },
    )
  })
})

/** A zstd frame (RFC 8878, 3.1.1) of a few bytes and then that many zeros, in blocks that repeat one byte. */
function zstdBomb(start: Buffer, zeros: number): Buffer {
  const BLOCK = 128 * 1024
  const blockHeader = (size: number, type: number, last: number) => {
    const header = Buffer.alloc(3)
    header.writeUIntLE((size << 3) | (type << 1) | last, 0, 3)
    return header
  }
  const count = zeros / BLOCK
  const blocks = Array.from({ length: count }, (_, i) => [
    blockHeader(BLOCK, 1, Number(i === count - 1)),
    Buffer.alloc(1),
  ])
  // no checksum, no size of the content, a window of 128 KiB
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38])
  return Buffer.concat([frame, blockHeader(start.length, 0, 0), start, ...blocks.flat()])
}

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { xz } from '@napi-rs/lzma'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  compress,
  configOf,
  json,
  legacyFiles,
  ociFiles,
  pieces,
  sha256,
  tarOf,
} from './image-archive.test-data.ts'
import { openImage, openPair } from './open-image.ts'
import { readImageTree } from './read-archive.ts'
import { treeDigest } from './tree-digest.ts'

type Files = [string, Buffer][]

const LAYER = await tarOf([
  { name: 'etc/', type: 'directory' },
  { name: 'etc/hosts', content: 'localhost' },
])
const EMPTY = Buffer.alloc(1024)
const digest = (bytes: Buffer) => `sha256:${sha256(bytes)}`
const blob = (bytes: Buffer): [string, Buffer] => [`blobs/sha256/${sha256(bytes)}`, bytes]
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar'

function manifestOf(config: Buffer, layers: readonly Buffer[], more: object = {}): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: CONFIG_TYPE, digest: digest(config), size: config.length },
    layers: layers.map((bytes) => ({ mediaType: LAYER_TYPE, digest: digest(bytes), size: bytes.length })),
    ...more,
  })
}

const index = (...manifests: object[]): [string, Buffer] => [
  'index.json',
  json({ schemaVersion: 2, manifests }),
]
const CONFIG = configOf([LAYER])
const MANIFEST = manifestOf(CONFIG, [LAYER])
const IMAGE: Files = [blob(LAYER), blob(CONFIG), blob(MANIFEST)]

/** A manifest of something that is no image: what it is of, and what it holds. */
function artifact(
  config: [type: string, content: object],
  layer: [type: string, content: string],
  more: object = {},
) {
  const [configBytes, layerBytes] = [json(config[1]), Buffer.from(layer[1])]
  const manifest = json({
    schemaVersion: 2,
    config: { mediaType: config[0], digest: digest(configBytes), size: configBytes.length },
    layers: [{ mediaType: layer[0], digest: digest(layerBytes), size: layerBytes.length }],
    ...more,
  })
  return { files: [blob(configBytes), blob(layerBytes), blob(manifest)], digest: digest(manifest) }
}

const SIGNATURE = artifact(
  [
    CONFIG_TYPE,
    { architecture: '', os: '', config: {}, rootfs: { type: 'layers', diff_ids: [digest(EMPTY)] } },
  ],
  ['application/vnd.dev.cosign.simplesigning.v1+json', '{"critical":{}}'],
)
const ATTESTATION = artifact(
  [
    CONFIG_TYPE,
    { architecture: 'unknown', os: 'unknown', config: {}, rootfs: { type: 'layers', diff_ids: [] } },
  ],
  ['application/vnd.in-toto+json', '{"_type":"https://in-toto.io/Statement/v0.1"}'],
)
const ARTIFACT = artifact(['application/vnd.oci.empty.v1+json', {}], ['text/plain', 'hello'], {
  artifactType: 'application/x.example',
})

/** podman's zstd:chunked: a frame a file, and skippable frames with a table of contents and a footer. */
function zstdChunked(layer: Buffer): Buffer {
  const skippable = (content: string) => {
    const head = Buffer.alloc(8)
    head.writeUInt32LE(0x184d2a50)
    head.writeUInt32LE(content.length, 4)
    return Buffer.concat([head, Buffer.from(content)])
  }
  const frames = Array.from({ length: Math.ceil(layer.length / 512) }, (_, i) =>
    zstdCompressSync(layer.subarray(i * 512, i * 512 + 512)),
  )
  return Buffer.concat([...frames, skippable('table of contents'), skippable(''), skippable('footer')])
}

const packed = (bytes: Buffer): Files => {
  const manifest = manifestOf(CONFIG, [bytes])
  return [blob(bytes), blob(CONFIG), blob(manifest), index({ digest: digest(manifest) })]
}

const NESTED = json({
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [{ digest: digest(MANIFEST), platform: { os: 'linux', architecture: 'amd64' } }],
})
const ARM = configOf([LAYER], { architecture: 'arm64' })

const READ: Record<string, Files> = {
  'an OCI layout, with a manifest.json for Docker': ociFiles([LAYER]),
  'docker save of old': legacyFiles([LAYER]),
  'a layer of no bytes': ociFiles([LAYER, Buffer.alloc(0)]),
  // of Bazel's rules: the name is that of another step
  'a config that is called after something else': [
    [`${'a'.repeat(64)}.json`, CONFIG],
    ['layer.tar', LAYER],
    ['manifest.json', json([{ Config: `${'a'.repeat(64)}.json`, Layers: ['layer.tar'] }])],
  ],
  "Docker's save when nothing is tagged, with an index of null": [
    ...ociFiles([LAYER]).filter(([name]) => name !== 'index.json'),
    ['index.json', json({ schemaVersion: 2, manifests: null })],
  ],
  'an image beside its signature, its attestation and an artifact': [
    ...IMAGE,
    ...[SIGNATURE, ATTESTATION, ARTIFACT].flatMap(({ files }): Files => files),
    index(
      { digest: SIGNATURE.digest },
      { digest: digest(MANIFEST) },
      { digest: ATTESTATION.digest, platform: { os: 'unknown', architecture: 'unknown' } },
      { digest: ARTIFACT.digest, artifactType: 'application/x.example' },
    ),
  ],
  'an index in an index': [...IMAGE, blob(NESTED), index({ digest: digest(NESTED) })],
  'the only image, for another platform': [
    blob(LAYER),
    blob(ARM),
    blob(manifestOf(ARM, [LAYER])),
    index({ digest: digest(manifestOf(ARM, [LAYER])) }),
  ],
  'the only image, by its descriptor, too': [
    blob(LAYER),
    blob(ARM),
    blob(manifestOf(ARM, [LAYER])),
    index({
      digest: digest(manifestOf(ARM, [LAYER])),
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    }),
  ],
  "crane's archive, whose names are digests": [
    [`sha256:${sha256(CONFIG)}`, CONFIG],
    [`${sha256(LAYER)}.tar.gz`, compress(LAYER, 'gzip')],
    [
      'manifest.json',
      json([{ Config: digest(CONFIG), RepoTags: ['a:b'], Layers: [`${sha256(LAYER)}.tar.gz`] }]),
    ],
  ],
  'paths that begin with ./': ociFiles([LAYER]).map(([name, bytes]) => [`./${name}`, bytes]),
  'paths that begin with a slash': ociFiles([LAYER]).map(([name, bytes]) => [`/${name}`, bytes]),
  'a layer in gzip of several members': packed(
    Buffer.concat([LAYER.subarray(0, 600), LAYER.subarray(600)].map((part) => compress(part, 'gzip'))),
  ),
  'a layer in zstd of several frames': packed(
    Buffer.concat([LAYER.subarray(0, 600), LAYER.subarray(600)].map((part) => compress(part, 'zstd'))),
  ),
  'a layer in zstd:chunked': packed(zstdChunked(LAYER)),
  'a layer that begins with a skippable frame': packed(
    Buffer.concat([Buffer.from('502a4d1803000000616263', 'hex'), compress(LAYER, 'zstd')]),
  ),
}

it.each(Object.entries(READ))('%s is read', async (_, files) => {
  const expected = treeDigest((await readImageTree(pieces(await tarOf(ociFiles([LAYER]))))).root)
  const archive = await tarOf(files)
  for (const outer of ['none', 'gzip', 'zstd'] as const) {
    for (const size of [700, 65_536]) {
      const { root } = await readImageTree(pieces(compress(archive, outer), size))
      expect(treeDigest(root)).toBe(expected)
    }
  }
  // without the blocks that end an archive
  const { root } = await readImageTree(pieces(archive.subarray(0, -1024)))
  expect(treeDigest(root)).toBe(expected)
})

async function directory(files: Files): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'real-archives-'))
  onTestFinished(() => rm(path, { recursive: true }))
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), bytes)
  }
  return path
}

const session = { signal: new AbortController().signal }

it('layers come in the order of the config, also where Docker 25.0.0 wrote an OCI manifest with another', async () => {
  const above = await tarOf([{ name: 'etc/hosts', content: 'changed above' }])
  const layers = [LAYER, above]
  const config = configOf(layers)
  const manifest = manifestOf(config, [above, LAYER])
  const list = json([{ Config: blob(config)[0], Layers: layers.map((bytes) => blob(bytes)[0]) }])
  const files: Files = [...layers, config, manifest].map(blob)
  const archive = await tarOf([...files, index({ digest: digest(manifest) }), ['manifest.json', list]])
  const { id, root } = await readImageTree(pieces(archive))
  expect(id).toBe(digest(config))
  const expected = await readImageTree(pieces(await tarOf(ociFiles(layers))))
  expect(treeDigest(root)).toBe(treeDigest(expected.root))
})

it("skopeo's dir: is read, also of several platforms", async () => {
  const gzipped = compress(LAYER, 'gzip')
  const [amd, arm] = [CONFIG, ARM].map((config) => manifestOf(config, [gzipped])) as [Buffer, Buffer]
  const version: [string, Buffer] = ['version', Buffer.from('Directory Transport Version: 1.1\n')]
  const blobs: Files = [CONFIG, ARM, gzipped].map((bytes) => [sha256(bytes), bytes])
  const one = await directory([version, ...blobs, ['manifest.json', amd]])
  expect(await openImage(session, one)).toMatchObject({ id: digest(CONFIG), manifest: digest(amd) })
  const list = json({
    schemaVersion: 2,
    manifests: [amd, arm].map((bytes, i) => ({
      digest: digest(bytes),
      platform: { os: 'linux', architecture: i === 0 ? 'amd64' : 'arm64' },
    })),
  })
  const manifests: Files = [amd, arm].map((bytes) => [`${sha256(bytes)}.manifest.json`, bytes])
  const all = await directory([version, ...blobs, ...manifests, ['manifest.json', list]])
  expect(await openImage(session, all)).toMatchObject({ id: digest(CONFIG) })
  expect(await openImage(session, all, { platform: 'linux/arm64' })).toMatchObject({ id: digest(ARM) })
})

it('several platforms: the usual one is taken, or the one that is asked for; the error names them', async () => {
  const of = (architecture: string, variant?: string) => {
    const config = configOf([LAYER], { architecture, ...(variant && { variant }) })
    const manifest = manifestOf(config, [LAYER])
    const platform = { os: 'linux', architecture, ...(variant && { variant }) }
    return {
      id: digest(config),
      files: [blob(config), blob(manifest)],
      descriptor: { digest: digest(manifest), platform },
    }
  }
  const images = [of('arm64'), of('arm', 'v6'), of('arm', 'v7')]
  const archive = (parts: typeof images) =>
    tarOf([
      blob(LAYER),
      ...parts.flatMap(({ files }): Files => files as Files),
      index(...parts.map(({ descriptor }) => descriptor)),
    ])
  const amd = of('amd64')
  const read = async (parts: typeof images, platform?: string) =>
    readImageTree(pieces(await archive(parts)), { ...(platform && { platform }) })
  expect(await read([...images, amd])).toMatchObject({ id: amd.id })
  expect(await read(images, 'linux/arm/v7')).toMatchObject({ id: images[2]?.id })
  expect(await read(images, 'linux/arm64')).toMatchObject({ id: images[0]?.id })
  await expect(read(images)).rejects.toThrow(
    'The archive has no image for linux/amd64, but for linux/arm64, linux/arm/v6, linux/arm/v7: --platform chooses one',
  )
})

it('an image without layers, and one whose layers are empty, are read', async () => {
  for (const layers of [[], [EMPTY], [EMPTY, LAYER, EMPTY]]) {
    const { root } = await readImageTree(pieces(await tarOf(ociFiles(layers))))
    expect(root.children?.size).toBe(layers.length === 3 ? 1 : 0)
  }
  const config = json({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: null } })
  const saved = json([{ Config: 'c.json', RepoTags: null, Layers: null }])
  const files: Files = [
    ['c.json', config],
    ['manifest.json', saved],
  ]
  expect((await readImageTree(pieces(await tarOf(files)))).layers).toEqual([])
})

it.each<[string, () => Promise<Buffer>, string]>([
  [
    'xz',
    async () => xz.compress(await tarOf(ociFiles([LAYER]))),
    'compressed by xz, which is not read: unpack it first, with `xz --decompress`',
  ],
  [
    'bzip2',
    async () => Buffer.from('BZh91AY&SY'),
    'compressed by bzip2, which is not read: unpack it first, with `bunzip2`',
  ],
  [
    'a layer alone',
    async () => LAYER,
    'but "etc/hosts": it is no image, but perhaps a layer or a root file system, of which `docker import` makes an image',
  ],
  [
    'a layer that has a path twice',
    async () => tarOf([{ name: 'a' }, { name: './a' }]),
    'it is no image, but perhaps a layer',
  ],
  [
    'Docker before 1.10',
    async () =>
      tarOf([
        ['repositories', json({})],
        [`${'a'.repeat(64)}/layer.tar`, LAYER],
      ]),
    'Docker before 1.10 saved the archive, and its repositories names no image',
  ],
  ['an archive without files', async () => EMPTY, 'has no files'],
  [
    'artifacts alone',
    async () => tarOf([...(ARTIFACT.files as Files), index({ digest: ARTIFACT.digest })]),
    'no image for linux/amd64, nor for another platform',
  ],
  [
    'an index and a manifest.json of different images',
    async () =>
      tarOf([
        ...IMAGE,
        index({ digest: digest(MANIFEST) }),
        ['c.json', ARM],
        ['manifest.json', json([{ Config: 'c.json', Layers: [] }])],
      ]),
    `index.json names image ${digest(CONFIG)}, its manifest.json none for linux/amd64`,
  ],
])('%s is named in the error', async (_, archive, message) => {
  const bytes = await archive()
  await expect(readImageTree(pieces(bytes))).rejects.toThrow(message)
  const path = await directory([['image.tar', bytes]])
  await expect(openImage(session, join(path, 'image.tar'))).rejects.toThrow(message)
})

describe('an archive of several images', () => {
  const other = configOf([LAYER], { created: '2026-01-01T00:00:00Z' })
  const third = configOf([LAYER], { created: '2026-01-02T00:00:00Z' })
  const images = [
    { config: CONFIG, names: ['docker.io/library/app:1', 'docker.io/library/app:latest'] },
    { config: other, names: ['registry.example.org/team/tool:2'] },
    { config: third, names: [] },
  ]
  const manifests = images.map(({ config }) => manifestOf(config, [LAYER]))
  const blobs: Files = [LAYER, ...images.map(({ config }) => config), ...manifests].map(blob)
  const asIndex = index(
    ...images.flatMap(({ names }, i) => {
      const descriptor = { digest: digest(manifests[i] as Buffer) }
      if (names.length === 0) return [descriptor]
      return names.map((name) => ({ ...descriptor, annotations: { 'io.containerd.image.name': name } }))
    }),
  )
  const asList: [string, Buffer] = [
    'manifest.json',
    json(
      images.map(({ config, names }) => ({
        Config: blob(config)[0],
        Layers: [blob(LAYER)[0]],
        RepoTags: names.length === 0 ? null : names.map((name) => name.replace('docker.io/library/', '')),
      })),
    ),
  ]
  const ways: [string, Files][] = [
    ['index.json', [asIndex]],
    ['manifest.json', [asList]],
    ['both', [asIndex, asList]],
  ]

  it.each(ways)('by %s gives the one that is named, by its name or ID', async (_, tops) => {
    const path = await directory([['both#x.tar', await tarOf([...blobs, ...tops])]])
    const archive = join(path, 'both#x.tar')
    const unpacked = await directory([...blobs, ...tops])
    for (const file of [archive, unpacked]) {
      const read = async (name: string) => (await openImage(session, `${file}#${name}`)).id
      expect(await read('app')).toBe(digest(CONFIG))
      expect(await read('app:1')).toBe(digest(CONFIG))
      expect(await read('docker.io/library/app:1')).toBe(digest(CONFIG))
      expect(await read('registry.example.org/team/tool:2')).toBe(digest(other))
      expect(await read(digest(third))).toBe(digest(third))
      expect(await read(sha256(third).slice(0, 12))).toBe(digest(third))
      const error = await openImage(session, file).catch((reason: unknown) => reason)
      expect(error).toMatchObject({
        code: 'IMAGE_INVALID',
        message: `The archive has 3 images: app:1 = app:latest, registry.example.org/team/tool:2, ${digest(third)}`,
        hint: expect.stringContaining('FILE#app:1'),
      })
      await expect(read('team/tool:2')).rejects.toThrow('is called team/tool:2')
      await expect(read('app:2')).rejects.toThrow(
        'not just one image that is called app:2, but 3 images: app:1',
      )
    }
    const pair = await openPair(session, [`${archive}#app`, `${archive}#${digest(third)}`])
    expect([pair?.a.id, pair?.b.id]).toEqual([digest(CONFIG), digest(third)])
    await expect(openImage(session, join(path, 'none.tar#app'))).rejects.toThrow(
      `"${join(path, 'none.tar')}"`,
    )
  })

  it('is refused when only its index.json has the one that is named', async () => {
    const list: [string, Buffer] = [
      'manifest.json',
      json([{ Config: blob(CONFIG)[0], Layers: [blob(LAYER)[0]], RepoTags: ['app:1'] }]),
    ]
    const path = await directory([['a.tar', await tarOf([...blobs, asIndex, list])]])
    expect((await openImage(session, `${path}/a.tar#app:1`)).id).toBe(digest(CONFIG))
    await expect(openImage(session, `${path}/a.tar#${digest(other)}`)).rejects.toThrow(
      `index.json names image ${digest(other)}, its manifest.json does not`,
    )
  })
})

import fc from 'fast-check'
import {
  type Compression,
  compress,
  configOf,
  json,
  legacyFiles,
  type Member,
  ociFiles,
  octal,
  padded,
  paxHeader,
  sha256,
  tarBlock,
  tarOf,
} from './image-archive.test-data.ts'

/** Bytes of an image archive that was damaged or made to do harm, and what was done to it. */
export interface FuzzedArchive {
  what: string
  bytes: Buffer
}

const MEMBERS: Member[] = [
  { name: 'etc/', type: 'directory', mode: 0o755 },
  { name: 'etc/hosts', content: 'localhost', pax: { 'SCHILY.xattr.user.a': '1', mtime: '1.5' } },
  { name: 'etc/second', type: 'link', linkname: 'etc/hosts', mtime: new Date(1500) },
  { name: `usr/${'long/'.repeat(40)}name`, content: 'x'.repeat(700) },
  { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
  { name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3 },
  { name: 'etc/.wh.old', content: '' },
]
const LAYERS = await Promise.all([tarOf([{ name: 'etc/old', content: 'old' }]), tarOf(MEMBERS)])

/** One change of some bytes. */
type Change = (bytes: Buffer) => Buffer

const flips = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 16 }).map(
  (places): Change =>
    (bytes) => {
      const copy = Buffer.from(bytes)
      for (const [at, bit] of places)
        if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] as number) ^ (1 << bit)
      return copy
    },
)
const cut = fc.nat().map(
  (at): Change =>
    (bytes) =>
      bytes.subarray(0, at % (bytes.length + 1)),
)
const insertion = fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 1024 })).map(
  ([at, more]): Change =>
    (bytes) => {
      const place = at % (bytes.length + 1)
      return Buffer.concat([bytes.subarray(0, place), more, bytes.subarray(place)])
    },
)
/** Whole tar blocks leave, come twice, or change places. */
const blocks = fc.tuple(fc.nat(), fc.nat(), fc.constantFrom('drop', 'repeat', 'swap')).map(
  ([a, b, kind]): Change =>
    (bytes) => {
      const all = Array.from({ length: Math.ceil(bytes.length / 512) }, (_, i) =>
        bytes.subarray(i * 512, i * 512 + 512),
      )
      if (all.length === 0) return bytes
      const [i, j] = [a % all.length, b % all.length]
      if (kind === 'drop') all.splice(i, 1)
      else if (kind === 'repeat') all.splice(j, 0, all[i] as Buffer)
      else [all[i], all[j]] = [all[j] as Buffer, all[i] as Buffer]
      return Buffer.concat(all)
    },
)
const change = fc.oneof(flips, cut, insertion, blocks)

/** A field of a header gets other bytes, and the checksum is right again. */
const header = fc
  .tuple(
    fc.nat(),
    fc.constantFrom(
      [0, 100],
      [100, 8],
      [108, 8],
      [116, 8],
      [124, 12],
      [136, 12],
      [156, 1],
      [157, 100],
      [257, 8],
      [345, 155],
    ),
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 16 }),
      fc
        .constantFrom(
          '../',
          '/',
          '.wh.',
          '.wh..wh..opq',
          '\x80\xff\xff',
          '77777777777',
          '-1',
          'x',
          'g',
          'L',
          'K',
          '1',
          '2',
          '5',
          'S',
        )
        .map((text) => Buffer.from(text, 'latin1')),
    ),
  )
  .map(
    ([place, [start = 0, length = 1], value]): Change =>
      (bytes) => {
        const copy = Buffer.from(bytes)
        const block = copy.subarray((place % Math.max(1, copy.length >> 9)) * 512).subarray(0, 512)
        if (block.length < 512) return copy
        block.set(value.slice(0, length), start)
        block.fill(32, 148, 156)
        const sum = block.reduce((total, byte) => total + byte, 0)
        block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
        return copy
      },
  )

const compression = fc.constantFrom<Compression>('none', 'gzip', 'zstd')
const describe =
  (what: string) =>
  (bytes: Buffer): FuzzedArchive => ({ what, bytes })

/** The archive itself is damaged. */
const damagedArchive = fc
  .record({
    change: fc.array(change, { minLength: 1, maxLength: 3 }),
    inner: compression,
    outer: compression,
    old: fc.boolean(),
  })
  .map(({ change: changes, inner, outer, old }) =>
    tarOf(old ? legacyFiles(LAYERS) : ociFiles(LAYERS, inner)).then((bytes) =>
      describe(`archive, ${inner} in ${outer}`)(
        changes.reduce((now, each) => each(now), compress(bytes, outer)),
      ),
    ),
  )

/** A layer is damaged, and every digest is of the damaged one. */
const damagedLayer = fc
  .record({
    change: fc.array(fc.oneof(change, header, header), { minLength: 1, maxLength: 3 }),
    inner: compression,
  })
  .map(({ change: changes, inner }) => {
    const layer = changes.reduce((now, each) => each(now), LAYERS[1] as Buffer)
    return tarOf(ociFiles([LAYERS[0] as Buffer, layer], inner)).then(describe(`layer, ${inner}`))
  })

/** A layer is damaged after it was compressed. */
const damagedStream = fc
  .record({ change, inner: fc.constantFrom<Compression>('gzip', 'zstd') })
  .map(({ change: once, inner }) => {
    const [first, layer] = LAYERS as [Buffer, Buffer]
    const packed = [compress(first, inner), once(compress(layer, inner))]
    const names = packed.map((bytes) => `blobs/sha256/${sha256(bytes)}`)
    const saved = json([{ Config: 'c.json', Layers: names }])
    const blobs = new Map(packed.map((bytes, i) => [names[i] as string, bytes]))
    return tarOf([['c.json', configOf([first, layer])], ...blobs, ['manifest.json', saved]]).then(
      describe(`compressed layer, ${inner}`),
    )
  })

const nasty = fc.oneof(
  fc.constant('\x1b[2J'),
  fc.jsonValue(),
  fc.constantFrom(
    '../../etc/passwd',
    '__proto__',
    'sha256:',
    `sha256:${'0'.repeat(64)}`,
    'a'.repeat(5000),
    -1,
    Number.MAX_VALUE,
  ),
)

/** A value somewhere in the manifest, the index or the config is another. */
const damagedJson = fc
  .record({
    file: fc.constantFrom('index.json', 'manifest.json', 'config', 'manifest'),
    place: fc.nat(),
    value: nasty,
    old: fc.boolean(),
  })
  .map(({ file, place, value, old }) => {
    // the way that leads to the damaged file
    const isSaved = file === 'manifest.json' || (file === 'config' && old)
    const top = isSaved ? 'manifest.json' : 'index.json'
    const config = JSON.parse(configOf(LAYERS, { history: [{ created_by: 'x' }] }).toString())
    const parts = {
      config,
      manifest: {
        config: {} as object,
        layers: LAYERS.map((layer) => ({ digest: `sha256:${sha256(layer)}` })),
      },
      'index.json': { manifests: [{ platform: { os: 'linux', architecture: 'amd64' } }] } as {
        manifests: object[]
      },
      'manifest.json': [{ Config: '', Layers: LAYERS.map((layer) => `blobs/sha256/${sha256(layer)}`) }],
    }
    const write = (name: keyof typeof parts) =>
      json(name === file ? replaceAt(parts[name], place, value) : parts[name])
    const configBytes = write('config')
    parts.manifest.config = { digest: `sha256:${sha256(configBytes)}` }
    const manifest = write('manifest')
    Object.assign(parts['index.json'].manifests[0] as object, { digest: `sha256:${sha256(manifest)}` })
    Object.assign(parts['manifest.json'][0] as object, { Config: `blobs/sha256/${sha256(configBytes)}` })
    const blobs = new Map(
      [configBytes, manifest, ...LAYERS].map((bytes) => [`blobs/sha256/${sha256(bytes)}`, bytes]),
    )
    return tarOf([...blobs, [top, write(top)]]).then(describe(`JSON of ${file}`))
  })

/** The data with its nth value, in the order of reading, replaced. */
function replaceAt(data: unknown, place: number, value: unknown): unknown {
  let left = place % (count(data) + 1)
  const walk = (part: unknown): unknown => {
    if (left-- === 0) return value
    if (Array.isArray(part)) return part.map(walk)
    if (typeof part !== 'object' || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([key, each]) => [key, walk(each)]))
  }
  return walk(data)
}

function count(data: unknown): number {
  if (typeof data !== 'object' || data === null) return 0
  return Object.values(data).reduce<number>((sum, each) => sum + 1 + count(each), 0)
}

const NAMES = [
  'a',
  'a/b',
  'a/b/',
  './',
  '',
  '/',
  '..',
  'a/../b',
  '.wh.a',
  'a/.wh..wh..opq',
  '.wh..wh.plnk',
  'x'.repeat(99),
  'd/'.repeat(49),
  '\xff\x1b[31m',
  '__proto__',
]
const name = fc.constantFrom(...NAMES)
const size = fc.constantFrom(0, 0, 0, 1, 511, 512, 513, 2 ** 33 - 1)

/** Tars that no tool writes. */
const hostileTar = fc
  .array(
    fc.oneof(
      fc
        .record({
          name,
          linkName: name,
          size,
          flag: fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', '\0', 'g', 'S', 'V'),
        })
        .map(({ name: path, linkName, size: bytes, flag }) =>
          Buffer.concat([
            tarBlock({ name: path, linkName, flag, size: octal(bytes) }),
            Buffer.alloc(bytes > 1024 ? 0 : Math.ceil(bytes / 512) * 512, 'x'),
          ]),
        ),
      fc
        .dictionary(
          fc.constantFrom(
            'path',
            'linkpath',
            'size',
            'mtime',
            'uid',
            'SCHILY.xattr.trusted.overlay.opaque',
            'SCHILY.xattr.user.x',
            'GNU.sparse.map',
          ),
          fc.constantFrom('', '0', '1', '-1', '1.9', '9'.repeat(17), 'a', '../a', 'a\0b', '\x1b[31m'),
          { minKeys: 1 },
        )
        .map(paxHeader),
      fc
        .tuple(
          fc.constantFrom('L', 'K', 'x'),
          fc.constantFrom('a', '../../x', 'a\0b', '5 a=b\n', '99 a', 'd/'.repeat(600)),
        )
        .map(([flag, text]) =>
          Buffer.concat([tarBlock({ name: '././@LongLink', flag, size: octal(text.length) }), padded(text)]),
        ),
      fc.constant(Buffer.alloc(512)),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .chain((parts) => fc.record({ parts: fc.constant(parts), inner: compression, bare: fc.boolean() }))
  .map(async ({ parts, inner, bare }) => {
    const tar = Buffer.concat(parts)
    return bare
      ? { what: 'hostile tar', bytes: tar }
      : describe(`hostile layer, ${inner}`)(await tarOf(ociFiles([tar], inner)))
  })

/** Archives of all these kinds. */
export const fuzzedArchive: fc.Arbitrary<Promise<FuzzedArchive>> = fc.oneof(
  damagedArchive,
  damagedLayer,
  damagedStream,
  damagedJson,
  hostileTar,
)

import fc from 'fast-check'
import { octal, padded, paxHeader, tarBlock } from '../../src/image/image-archive.test-data.ts'

/** Part of a layer's archive, whole blocks, and what it is. */
export interface Part {
  what: string
  bytes: Buffer
}

/** Layers, lowest first, and what is in them. */
export interface LayerPair {
  what: string
  layers: Buffer[]
}

const END = Buffer.alloc(1024)

export const toPair = (layers: readonly (readonly Part[])[]): LayerPair => ({
  what: layers.map((parts) => parts.map(({ what }) => what).join(', ')).join(' | '),
  layers: layers.map((parts) => Buffer.concat([...parts.map(({ bytes }) => bytes), END])),
})

type Fields = Parameters<typeof tarBlock>[0]

/** A header as its fields are written, with records of an extended header before it. */
export interface MemberFields extends Fields {
  pax?: Record<string, string>
  content?: string
}

/** One member. */
export function member({ pax, content = '', ...fields }: MemberFields): Part {
  const header = tarBlock({ size: octal(content.length), ...fields })
  const shown = [
    ...(pax === undefined ? [] : [`x${JSON.stringify(pax)}`]),
    Object.entries(fields)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(' '),
    ...(content === '' ? [] : [JSON.stringify(content.slice(0, 20))]),
  ]
  return {
    what: `{${shown.join(' ').replaceAll(/(.)\1{20,}/g, '$1…')}}`,
    bytes: Buffer.concat([...(pax === undefined ? [] : [paxHeader(pax)]), header, padded(content)]),
  }
}

/** A header for the member after it: `x`, `g`, `L`, `K`. */
export const special = (flag: string, content: string, name = '././@LongLink'): Part => ({
  what: `${flag}(${name})${JSON.stringify(content)}`,
  bytes: Buffer.concat([tarBlock({ name, flag, size: octal(content.length) }), padded(content)]),
})

/** Records of an extended header as text. */
export function records(pax: Record<string, string>): string {
  const bytes = paxHeader(pax).subarray(512)
  return bytes.toString('latin1', 0, bytes.indexOf(0) < 0 ? bytes.length : bytes.indexOf(0))
}

const GNU = 'ustar  \0'
const any = fc.constantFrom('a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'd/e/b', 'l', 'l/a')
/** Most members are what most others take them for. */
const name = fc.oneof(
  { weight: 15, arbitrary: fc.constantFrom('a', 'b', 'd/a', 'd/b', 'd/e/a', 'd/e/b', 'l') },
  { weight: 1, arbitrary: any },
)
const directoryName = fc.oneof(
  { weight: 15, arbitrary: fc.constantFrom('d', 'd/', 'd/e', 'd/e/') },
  { weight: 1, arbitrary: any },
)
const place = fc.constantFrom('', 'd/', 'd/', 'd/e/', 'd/e/', 'l/')
const mode = fc.constantFrom('0000644\0', '0000600\0', '0004755\0')
const directoryMode = fc.constantFrom('0000755\0', '0000700\0', '0001777\0')
const id = fc.constantFrom('0000000\0', '0000000\0', '0000005\0')
const mtime = fc.constantFrom(octal(1), octal(1_700_000_000))
const content = fc.constantFrom('', 'x', 'yy')
const base256 = (value: bigint, length: number) =>
  Buffer.from(
    BigInt.asUintN(length * 8, value)
      .toString(16)
      .padStart(length * 2, '0'),
    'hex',
  ).toString('latin1')
const positive = (value: bigint, length: number) => base256(value | (1n << BigInt(length * 8 - 1)), length)

const file = fc.record({ name, mode, uid: id, mtime, content }).map(member)
const directory = fc
  .record({ name: directoryName, flag: fc.constant('5'), mode: directoryMode, uid: id, mtime })
  .map(member)
const symlink = fc
  .record({ name, flag: fc.constant('2'), linkName: fc.constantFrom('a', 'd', '../a', '/d/a', 'd/e'), mtime })
  .map(member)
/** As tools write it, with what its target has; and otherwise. */
const link = fc
  .record({ name, flag: fc.constant('1'), linkName: name, mode, uid: id, mtime })
  .map((fields) => member(fields))
const twoNames = fc.record({ name, mode, uid: id, mtime }).chain((fields) =>
  fc.record({ other: name, content }).map(({ other, content: text }): Part => {
    const [first, second] = [
      member({ ...fields, content: text }),
      member({ ...fields, name: other, flag: '1', linkName: fields.name }),
    ]
    return { what: `${first.what} ${second.what}`, bytes: Buffer.concat([first.bytes, second.bytes]) }
  }),
)
const device = fc
  .record({
    name,
    flag: fc.constantFrom('3', '4', '6'),
    major: fc.constantFrom('0000000\0', '0000001\0'),
    minor: fc.constantFrom('0000000\0', '0000003\0'),
    magic: fc.constantFrom('ustar\x0000', GNU, ''),
    mode,
    mtime,
  })
  .map(member)
const whiteout = fc
  .oneof({ weight: 4, arbitrary: name }, { weight: 1, arbitrary: any })
  .map((path) => member({ name: path.replace(/([^/]*)$/, '.wh.$1') }))
const opaque = place.map((path) => member({ name: `${path}.wh..wh..opq` }))
const oddWhiteout = fc
  .constantFrom('.wh.', '.wh..', '.wh...', '.wh..wh.plnk', 'd/.wh..wh.aufs', '.wh.a/b', 'd/.wh.a/')
  .chain((path) =>
    fc
      .constantFrom('0', '5', '2')
      .map((flag) => member({ name: path, flag, linkName: flag === '2' ? 'a' : '' })),
  )

/** Names in other ways of writing. */
const oddName = fc
  .record({
    path: fc.oneof(
      fc
        .tuple(fc.constantFrom('./', '/', '//', '../', './/', 'x/../', '/../', 'd/./', 'd//', '../../'), name)
        .map(([a, b]) => a + b),
      fc.tuple(name, fc.constantFrom('/', '//', '/.', '/..', '/./')).map(([a, b]) => a + b),
      fc.constantFrom(
        '',
        '.',
        './',
        '/',
        '..',
        '/..',
        'd/..',
        'x'.repeat(100),
        'é',
        '\xff\xfe',
        'a\nb',
        'a\tb',
        '__proto__',
        ' ',
      ),
    ),
    flag: fc.constantFrom('0', '5', '2', '1', '\0', '6'),
    linkName: fc.constantFrom('a', './a', '/a', 'd/../a', 'd//a', 'a/', '../a', ''),
    way: fc.constantFrom('header', 'pax', 'L'),
    mode: directoryMode,
  })
  .map(({ path, way, ...fields }): Part => {
    if (way === 'header') return member({ ...fields, name: path })
    if (way === 'pax') return member({ ...fields, name: 'a', pax: { path } })
    const [before, after] = [special('L', `${path}\0`), member({ ...fields, name: 'a' })]
    return { what: `${before.what} ${after.what}`, bytes: Buffer.concat([before.bytes, after.bytes]) }
  })
const longName = fc
  .record({ length: fc.constantFrom(200, 254, 255, 256, 257, 300), flag: fc.constantFrom('0', '5') })
  .map(({ length, flag }) => member({ name: 'long', flag, pax: { path: 'n'.repeat(length) } }))
const longTarget = fc
  .constantFrom(300, 4094, 4095, 4096, 4097)
  .map((length) => member({ name: 'l', flag: '2', pax: { linkpath: 't/'.repeat(length).slice(0, length) } }))

/** Numbers as they may be written. */
const oddNumber = fc
  .tuple(
    fc.constantFrom('0', '5', '2', '3'),
    fc.constantFrom<[keyof Fields, string]>(
      ['uid', positive(4_294_967_295n, 8)],
      ['gid', positive(4_294_967_295n, 8)],
      ['uid', positive(4_294_967_294n, 8)],
      ['gid', positive(4_294_967_301n, 8)],
      ['uid', base256(-1n, 8)],
      ['gid', base256(-2n, 8)],
      ['uid', '     5 \0'],
      ['uid', ' 12\0 34\0'],
      ['uid', '\0\0\0\0\0\0\0\0'],
      ['uid', '0000009\0'],
      ['uid', '+000005\0'],
      ['mode', '0100644\0'],
      ['mode', '0170777\0'],
      ['mode', '0007777\0'],
      ['mode', base256(-1n, 8)],
      ['mtime', base256(-1n, 12)],
      ['mtime', positive(253_402_300_800n, 12)],
      ['mtime', positive(16_000_000_000n, 12)],
      ['mtime', positive(9_300_000_000n, 12)],
      ['mtime', '77777777777\0'],
      ['size', positive(0n, 12)],
      ['size', base256(-1n, 12)],
      ['size', '          0 '],
      ['major', '0000009\0'],
      ['major', positive(300n, 8)],
      ['minor', positive(70_000n, 8)],
      ['minor', positive(2n ** 33n, 8)],
    ),
    fc.constantFrom('ustar\x0000', GNU, '', 'ustar\x000\0', 'ustar \0\0'),
  )
  .map(([flag, [field, value], magic]) =>
    member({ name: 'n', flag, linkName: flag === '2' ? 'a' : '', magic, [field]: value }),
  )

/** Headers whose last third means something else by their magic. */
const oddPrefix = fc
  .record({
    name: fc.constantFrom('a', 'd/b'),
    flag: fc.constantFrom('0', '5'),
    magic: fc.constantFrom('ustar\x0000', GNU, '', 'ustar\x00ab', 'ustar  0'),
    prefix: fc.oneof(
      fc.constantFrom(
        'd',
        'opt/hidden',
        `${octal(1)}${octal(2)}`,
        'é',
        `d/${'p/'.repeat(64)}q`,
        `${'\0'.repeat(12)}9`,
      ),
      // star's: 131 bytes of prefix, two times, and "tar\0" at the end
      fc
        .constantFrom('d', 'd/e', '')
        .map((text) => `${text.padEnd(131, '\0')}${octal(1)}${octal(2)}\0\0\0\0\0\0\0\0tar\0`),
      fc.constant(`${'d'.padEnd(131, '\0')}not a time, no\0\0\0\0\0\0\0\0\0\0tar\0`.slice(0, 167)),
    ),
  })
  .map(member)

const XATTR = 'SCHILY.xattr.'
const capability = (size: number, magic: number) => {
  const value = Buffer.alloc(size)
  value.writeUInt32LE(magic)
  value.writeUInt32LE(0x80, 4)
  return value.toString('latin1')
}
const acl = (...entries: [tag: number, permissions: number, id?: number][]) => {
  const value = Buffer.alloc(4 + 8 * entries.length)
  value.writeUInt32LE(2)
  for (const [i, [tag, permissions, who = 0xffff_ffff]] of entries.entries()) {
    value.writeUInt16LE(tag, 4 + 8 * i)
    value.writeUInt16LE(permissions, 6 + 8 * i)
    value.writeUInt32LE(who, 8 + 8 * i)
  }
  return value.toString('latin1')
}

/** Attributes, also those that the kernel refuses, changes or keeps for itself. */
const attributes = fc
  .record({
    name,
    flag: fc.constantFrom('0', '0', '5', '2', '6', '1'),
    linkName: fc.constant('a'),
    mode: fc.constantFrom('0000644\0', '0000755\0'),
    pax: fc.dictionary(
      fc.constantFrom(
        ...[
          'user.x',
          'user.y',
          'security.capability',
          'security.x',
          'trusted.x',
          'trusted.overlay.opaque',
          'trusted.overlay.redirect',
          'user.overlay.opaque',
          'system.posix_acl_access',
          'system.posix_acl_default',
          'other.x',
          'x',
          'user.',
          '',
        ].map((key) => XATTR + key),
      ),
      fc.constantFrom(
        '',
        '1',
        'y',
        'a\0b',
        capability(20, 0x0200_0001),
        capability(24, 0x0300_0001),
        capability(12, 0x0100_0000),
        acl([1, 6], [2, 7, 5], [4, 4], [16, 7], [32, 4]),
        acl([1, 6], [4, 4], [32, 4]),
      ),
      { minKeys: 1, maxKeys: 2 },
    ),
  })
  .map(member)

/** Extended headers and long names: malformed, given twice, against each other, before what they don't belong to. */
const oddRecords = fc
  .tuple(
    fc.array(
      fc.oneof(
        fc.constantFrom(
          ...[
            { path: 'd/b' },
            { path: '' },
            { path: 'a\0b' },
            { path: '.wh.b' },
            { linkpath: 'b' },
            { linkpath: '' },
            { size: '1' },
            { size: '0' },
            { size: '-1' },
            { size: '1.5' },
            { size: '+1' },
            { size: '01' },
            { uid: '5' },
            { uid: '4294967295' },
            { uid: '4294967301' },
            { uid: '-1' },
            { uid: '7.5' },
            { gid: '9999999999999999999' },
            { mtime: '5.999999999' },
            { mtime: '-5.5' },
            { mtime: '5.x' },
            { mtime: '+5' },
            { mtime: '.5' },
            { mtime: '99999999999' },
            { atime: 'never' },
            { ctime: '1.2.3' },
            { atime: '7' },
            { uname: 'a\0b' },
            { comment: 'a\0b' },
            { 'a\0b': 'c' },
            { '': 'c' },
            { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' },
            { 'GNU.sparse.map': '0,1' },
            { 'GNU.sparse.name': 'b' },
            { hdrcharset: 'BINARY' },
            { mode: '0777' },
            { 'SCHILY.devmajor': '1' },
          ].map((pax) => special('x', records(pax), 'PaxHeaders/a')),
        ),
        fc
          .constantFrom(
            '9 a=b\n',
            '6 a=b\n',
            '5 a=\n',
            '4 =\n',
            '06 a=b\n',
            '+6 a=b\n',
            '6 a=bX',
            '99 a=b\n',
            '6 abc\n',
            `${records({ path: 'b' })}${records({ path: 'd/b' })}`,
            `${records({ path: 'b' })}${records({ path: '' })}`,
            `${records({ path: 'b' })}\0`,
          )
          .map((text) => special('x', text, 'PaxHeaders/a')),
        fc.constantFrom('b\0', 'b', 'd/b\0junk', '', '\0', '.wh.b').map((text) => special('L', text)),
        fc.constantFrom('b\0', 'd/a', '').map((text) => special('K', text)),
        fc
          .tuple(
            fc.constantFrom('pax_global_header', '', '/tmp/GlobalHead.1.1', 'a', 'd/a', '.wh.a', 'd', '..'),
            fc.constantFrom(
              records({ comment: 'x' }),
              records({ path: 'wrong' }),
              records({ uid: 'x' }),
              'x',
              '',
            ),
          )
          .map(([at, text]) => special('g', text, at)),
      ),
      { minLength: 1, maxLength: 3 },
    ),
    fc.record({
      name,
      flag: fc.constantFrom('0', '0', '0', '1', '2', '5', '\0', '7', 'S', 'V', 'A'),
      linkName: fc.constant('a'),
      content: fc.constantFrom('', '', 'x'),
    }),
  )
  .map(([before, fields]): Part => {
    const all = [...before, member(fields)]
    return {
      what: all.map(({ what }) => what).join(' '),
      bytes: Buffer.concat(all.map(({ bytes }) => bytes)),
    }
  })
const zeros: fc.Arbitrary<Part> = fc
  .constantFrom(512, 1024)
  .map((size) => ({ what: `${size} zeros`, bytes: Buffer.alloc(size) }))

const common = fc.oneof(
  { weight: 8, arbitrary: file },
  { weight: 8, arbitrary: directory },
  { weight: 3, arbitrary: symlink },
  { weight: 1, arbitrary: link },
  { weight: 3, arbitrary: twoNames },
  { weight: 1, arbitrary: device },
)
const marks = fc.oneof(
  { weight: 6, arbitrary: common },
  { weight: 3, arbitrary: whiteout },
  { weight: 2, arbitrary: opaque },
)
const odd = fc.oneof(
  oddName,
  longName,
  longTarget,
  oddNumber,
  oddPrefix,
  attributes,
  attributes,
  oddRecords,
  oddRecords,
  oddRecords,
  oddWhiteout,
  zeros,
)

const base = fc.array(common, { minLength: 1, maxLength: 6 })
const upper = fc.array(marks, { minLength: 1, maxLength: 5 })
const withOdd = fc
  .tuple(fc.array(marks, { maxLength: 3 }), odd, fc.array(marks, { maxLength: 3 }))
  .map(([before, one, after]) => [...before, one, ...after])

/** Two layers, or three, of which one in two has nothing that no tool writes. */
export const layerPair: fc.Arbitrary<LayerPair> = fc
  .oneof(
    fc.tuple(base, upper),
    fc.tuple(base, upper, upper),
    fc.tuple(base, withOdd),
    fc.tuple(withOdd, upper),
  )
  .map(toPair)

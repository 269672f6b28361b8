import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { octal, padded, paxHeader, tarBlock, tarOf } from '../../image/image-archive.test-data.ts'
import { isTarHeader, parseTarHeader } from './tar-header.ts'
import { type TarMember, TarReader } from './tar-reader.ts'

type Read = TarMember & { content: string }

function read(bytes: Buffer, size = bytes.length): Read[] {
  const members: Read[] = []
  const last = () => members.at(-1) as Read
  const reader = new TarReader({
    member: (member) => void members.push({ ...member, content: '' }),
    data: (part) => {
      last().content += part.toString('latin1')
    },
    end: () => expect(last().content).toHaveLength(last().size),
  })
  for (let at = 0; at < bytes.length; at += size) reader.write(bytes.subarray(at, at + size))
  reader.close()
  return members
}

const END = Buffer.alloc(1024)

describe('TarReader', () => {
  it('reads what tar-stream packs, in pieces of any size', async () => {
    const name = fc
      .stringMatching(/^[a-zé/]{1,150}$/)
      .filter((text) => !text.includes('//') && !/^\/|\/$/.test(text))
    const members = fc.array(
      fc.record({
        name,
        content: fc.string({ maxLength: 1500 }),
        mtime: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      }),
      { maxLength: 4 },
    )
    await fc.assert(
      fc.asyncProperty(members, fc.integer({ min: 1, max: 2000 }), async (list, size) => {
        const bytes = await tarOf(
          list.map(({ mtime, ...member }) => ({ ...member, mtime: new Date(mtime * 1000) })),
        )
        const found = read(bytes, size)
        expect(found.map((member) => Buffer.from(member.name, 'latin1').toString())).toEqual(
          list.map((member) => member.name),
        )
        expect(found.map((member) => Buffer.from(member.content, 'latin1').toString())).toEqual(
          list.map((member) => member.content),
        )
        expect(found.map((member) => member.mtime)).toEqual(list.map((member) => member.mtime))
      }),
    )
  })

  it('passes over the rest of a content, and reads on where the next member begins', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 5 })
    const piece = fc.integer({ min: 1, max: 2000 })
    await fc.assert(
      fc.asyncProperty(sizes, piece, async (list, length) => {
        const bytes = await tarOf(list.map((size, i) => ({ name: `f${i}`, content: 'x'.repeat(size) })))
        const found: { name: string; size: number; read: number; offset: number; ended: boolean }[] = []
        const reader: TarReader = new TarReader({
          member: ({ name, size }) =>
            void found.push({ name, size, read: 0, offset: reader.offset, ended: false }),
          data: (part) => {
            const last = found.at(-1)
            if (last !== undefined) last.read += part.length
          },
          end: () => Object.assign(found.at(-1) ?? {}, { ended: true }),
        })
        for (let at = 0; at < bytes.length; ) {
          reader.write(bytes.subarray(at, at + length))
          at = Math.min(bytes.length, at + length)
          at += reader.skip()
        }
        reader.close()
        expect(found.map(({ name, size, ended }) => ({ name, size, ended }))).toEqual(
          list.map((size, i) => ({ name: `f${i}`, size, ended: true })),
        )
        for (const { name, offset } of found)
          expect(parseTarHeader(bytes.subarray(offset, offset + 512)).name).toBe(name)
      }),
    )
  })

  it('sums up any block', () => {
    const header = tarBlock({ name: 'a', size: octal(3) })
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 100, maxLength: 100 }),
        fc.constantFrom(0, 0x7f, 0xff),
        fc.nat(3),
        (name, rest, shift) => {
          const block = Buffer.alloc(512 + shift, rest).subarray(shift)
          block.set(name)
          block.set(header.subarray(100, 157), 100)
          const sum = [...block.subarray(0, 148), ...block.subarray(156)].reduce((a, b) => a + b, 8 * 32)
          block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
          expect(isTarHeader(block)).toBe(true)
          block[200] = (rest + 1) & 0xff
          expect(isTarHeader(block)).toBe(false)
        },
      ),
    )
  })

  it('reads names that are not UTF-8, prefixes, and raw bytes of attributes', () => {
    const capability = '\x01\x00\x00\x02\xff\n=\x00'
    const bytes = Buffer.concat([
      paxHeader({ 'SCHILY.xattr.security.capability': capability, mtime: '1700000000.999999999' }),
      tarBlock({ name: 'caf\xe9', prefix: 'usr/lib' }),
      paxHeader({ mtime: '-1.5', path: 'x', size: '3', uid: '3000000000' }),
      tarBlock({ name: 'ignored' }),
      padded('abc'),
      END,
    ])
    const [first, second] = read(bytes)
    expect(first).toMatchObject({ name: 'usr/lib/caf\xe9', mtime: 1_700_000_000 })
    expect(first?.xattrs.get('security.capability')).toBe(capability)
    expect(second).toMatchObject({ name: 'x', mtime: -2, uid: 3_000_000_000, content: 'abc' })
    expect(second?.xattrs.size).toBe(0)
  })

  it('reads GNU long names and numbers', () => {
    const long = 'd/'.repeat(120)
    const bytes = Buffer.concat([
      tarBlock({ name: '././@LongLink', flag: 'L', size: octal(long.length + 1), magic: 'ustar  \0' }),
      padded(`${long}\0`),
      tarBlock({
        name: long.slice(0, 100),
        flag: '5',
        magic: 'ustar  \0',
        prefix: `${octal(7)}${octal(8)}`,
        mtime: `${'\xff'.repeat(11)}\xfe`,
        uid: '\x80\x00\x00\x00\x80\x00\x00\x00',
      }),
      END,
    ])
    expect(read(bytes)).toMatchObject([{ name: long, flag: '5', mtime: -2, uid: 2 ** 31 }])
  })

  const global = Buffer.concat([
    tarBlock({ name: 'pax_global_header', flag: 'g', size: octal(14) }),
    padded('14 path=wrong\n'),
  ])

  it('takes old directories, ignores global headers, and stops at the end', () => {
    const bytes = Buffer.concat([
      global,
      tarBlock({ name: 'old/', flag: '\0' }),
      END,
      Buffer.from('anything'),
    ])
    expect(read(bytes)).toMatchObject([{ name: 'old/', flag: '5' }])
  })

  it.each<[string, Parameters<typeof tarBlock>[0], string]>([
    ['a prefix', { prefix: 'd' }, 'd/a'],
    ['a prefix of any version', { magic: 'ustar\x00ab', prefix: 'd' }, 'd/a'],
    ['none where there is no magic', { magic: '', prefix: 'd' }, 'a'],
    ["none where GNU's version is another", { magic: 'ustar  0', prefix: 'd' }, 'a'],
    ['none where GNU has times', { magic: 'ustar  \0', prefix: `${octal(1)}${octal(2)}` }, 'a'],
    ['what Go once wrote for GNU', { magic: 'ustar  \0', prefix: 'opt/hidden' }, 'opt/hidden/a'],
    [
      'the shorter one of star',
      { prefix: `${'d'.padEnd(131, '\0')}${octal(1)}${octal(2)}\0\0\0\0\0\0\0\0tar\0` },
      'd/a',
    ],
  ])('reads %s', (_, fields, name) => {
    expect(read(Buffer.concat([tarBlock({ name: 'a', ...fields }), END]))).toMatchObject([{ name }])
  })

  it('reads no device numbers where there is no magic, and leaves types that engines refuse as they are', () => {
    const device = tarBlock({ name: 'a', flag: '3', magic: '', major: '0000001\0', minor: 'x' })
    expect(read(Buffer.concat([device, END]))).toMatchObject([{ major: 0, minor: 0 }])
    expect(read(Buffer.concat([tarBlock({ name: 'a', flag: '7' }), END]))).toMatchObject([{ flag: '7' }])
  })

  const good = Buffer.concat([tarBlock({ name: 'a', size: octal(3) }), padded('abc')])
  it.each<[string, Buffer]>([
    ['a cut header', good.subarray(0, 100)],
    ['a cut content', good.subarray(0, 513)],
    ['cut padding', good.subarray(0, 700)],
    ['a wrong checksum', Buffer.concat([Buffer.from('b'), good.subarray(1)])],
    ['one block of zeros among members', Buffer.concat([Buffer.alloc(512), good])],
    ['a negative size', tarBlock({ name: 'a', size: '\xff'.repeat(12) })],
    ['a size beyond all numbers', tarBlock({ name: 'a', size: `\x80${'\xff'.repeat(11)}` })],
    ['a size that is no number', tarBlock({ name: 'a', size: 'hello world\0' })],
    ['an extended header of 1 TiB', tarBlock({ name: 'a', flag: 'x', size: octal(2 ** 33 - 1) })],
    ['a long name of 2 MiB', tarBlock({ name: 'a', flag: 'L', size: octal(2 ** 21) })],
    ['an extended header without member', Buffer.concat([paxHeader({ path: 'a' }), END])],
    ['an extended header at the very end', paxHeader({ path: 'a' })],
    ['a path before a global header', Buffer.concat([paxHeader({ path: 'b' }), global, good])],
    [
      'a long name before a global header',
      Buffer.concat([tarBlock({ name: 'long', flag: 'L', size: octal(1) }), padded('b'), global, good]),
    ],
    ['a pax time that is no number', Buffer.concat([paxHeader({ atime: 'never' }), good])],
    ['a pax owner with a fraction', Buffer.concat([paxHeader({ uid: '1.5' }), good])],
    ['a pax key with a NUL', Buffer.concat([paxHeader({ 'SCHILY.xattr.user.a\0b': 'c' }), good])],
    ['a pax record without a key', Buffer.concat([paxHeader({ '': 'c' }), good])],
    [
      "star's times that are no numbers",
      tarBlock({ name: 'a', prefix: `${'d'.padEnd(131, '\0')}never`.padEnd(163, '\0').concat('tar\0') }),
    ],
    ['endless extended headers', Buffer.concat([paxHeader({ path: 'a' }), paxHeader({ path: 'b' }), good])],
    ['a sparse file', Buffer.concat([paxHeader({ 'GNU.sparse.major': '1' }), good])],
    ['NUL in a pax path', Buffer.concat([paxHeader({ path: 'a\0b' }), good])],
    ['a pax size that is no number', Buffer.concat([paxHeader({ size: '1e3' }), good])],
    ['a pax size beyond all numbers', Buffer.concat([paxHeader({ size: '9'.repeat(16) }), good])],
    [
      'a pax record without length',
      Buffer.concat([tarBlock({ flag: 'x', size: octal(5) }), padded('path='), good]),
    ],
    [
      'a pax record that is too long',
      Buffer.concat([tarBlock({ flag: 'x', size: octal(9) }), padded('99 path=a'), good]),
    ],
    [
      'a pax record of length 0',
      Buffer.concat([tarBlock({ flag: 'x', size: octal(4) }), padded('0 =\n'), good]),
    ],
  ])('rejects %s', (_, bytes) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'IMAGE_INVALID' }))
    expect(() => read(bytes, 1)).toThrow(expect.objectContaining({ code: 'IMAGE_INVALID' }))
  })

  it('reads any damaged archive or rejects it', () => {
    const sound = Buffer.concat([paxHeader({ path: 'b', mtime: '1.5' }), good, END])
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        (changes) => {
          const bytes = Buffer.from(sound)
          for (const [at, byte] of changes) bytes[at] = byte
          try {
            read(bytes)
          } catch (error) {
            expect(error).toMatchObject({ code: 'IMAGE_INVALID' })
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

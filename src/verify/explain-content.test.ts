import { deflateRawSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { tarOf } from '../image/image-archive.test-data.ts'
import { explainContent } from './explain-content.ts'

const causesOf = async (a: Buffer | string, b: Buffer | string, name = 'usr/share/x') =>
  (await explainContent(name, Buffer.from(a), Buffer.from(b))).causes.map(({ cause }) => cause)

describe('explainContent names the cause of texts that differ in', () => {
  test.each([
    ['timestamp', 'built Tue Nov 24 15:04:48 UTC 2026\n', 'built Wed Nov 25 09:10:11 UTC 2026\n'],
    ['timestamp', '{"at":"2026-11-24T15:04:48.123Z"}', '{"at":"2027-01-02T03:04:05.999Z"}'],
    ['timestamp', 'epoch=1795500000\n', 'epoch=1795500321\n'],
    ['timestamp', 'took 1.23 s\n', 'took 12.1 s\n'],
    ['uuid', 'id: 1b4e28ba-2fa1-11d2-883f-0016d3cca427', 'id: 9c4e28ba-2fa1-41d2-883f-0016d3cca42a'],
    ['temporary-file', 'log to /tmp/tmp.Ab12cd/x\n', 'log to /tmp/tmp.Zz98yx/x\n'],
    ['machine-identity', 'machine-id=abc\n', 'machine-id=def\n'],
    ['random-id', 'key 9f86d081884c7d65\n', 'key 1c86d081884c7d99\n'],
    ['random-id', 'seed 12345\n', 'seed 99\n'],
    ['random-id', 'salt aB3dE5gH7jK9\n', 'salt zY8xW6vU4tS2\n'],
    ['cpu', 'built with -march=znver3\n', 'built with -march=skylake\n'],
    ['cpu', 'nproc: 2\n', 'nproc: 1\n'],
    ['cpu', 'using avx2\n', 'using avx512f\n'],
    ['other-version', 'numpy 1.19.4\n', 'numpy 1.19.5\n'],
    ['order', 'c\nb\na\nd\n', 'd\nc\na\nb\n'],
    ['order', 'job b done 15:04:48\njob a done 15:04:49\n', 'job a done 15:04:50\njob b done 15:04:51\n'],
    ['locale', 'B\nC\na\n', 'a\nB\nC\n'],
    ['hash-order', "{'apple', 'pear', 'plum'}\n", "{'plum', 'apple', 'pear'}\n"],
    ['hash-order', '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'],
  ])('%s: %j', async (cause, a, b) => {
    expect((await causesOf(a, b)).at(-1)).toBe(cause)
    expect((await causesOf(b, a)).at(-1)).toBe(cause)
  })

  test('nothing that a rule knows', async () => {
    expect(await causesOf('red\n', 'green\n')).toEqual([])
  })

  test('several things at once, and says when something is left', async () => {
    expect(await causesOf('at 15:04:48 numpy 1.1.1', 'at 15:04:49 numpy 1.1.2')).toEqual([
      'timestamp',
      'other-version',
    ])
    expect(await causesOf('at 15:04:48 red', 'at 15:04:49 green')).toEqual(['timestamp', 'unknown'])
  })
})

describe('explainContent looks into', () => {
  test('texts, by a short diff without control characters', async () => {
    const { detail } = await explainContent('x', Buffer.from('a\nb\nc\n'), Buffer.from('a\n\x1b[31mB\nc\n'))
    expect(detail).toEqual({
      kind: 'text',
      patch: ['@@ -1 +1 @@', ' a', '-b', '+\\u{1b}[31mB', ' c'],
      omitted: 0,
    })
  })

  test('gzip headers, and what was compressed', async () => {
    const withTime = (seconds: number, text: string) => {
      const bytes = gzipSync(text)
      bytes.writeUInt32LE(seconds, 4)
      return bytes
    }
    const times = await explainContent('a.gz', withTime(1, 'same'), withTime(2, 'same'))
    expect(times.detail).toEqual({ kind: 'compressed', format: 'gzip', header: ['mtime'] })
    expect(times.causes[0]).toEqual({
      cause: 'gzip-time',
      evidence: 'the gzip headers say 1970-01-01T00:00:01.000Z and 1970-01-01T00:00:02.000Z',
    })
    expect(await causesOf(withTime(1, 'at 12:00:01'), withTime(1, 'at 12:00:02'))).toEqual(['timestamp'])
    const levels = [
      gzipSync('ab'.repeat(5000), { level: 1 }),
      gzipSync('ab'.repeat(5000), { level: 9 }),
    ] as const
    levels[1].copy(levels[0], 3, 3, 10)
    expect(await causesOf(levels[0], levels[1])).toEqual(['other-version'])
  })

  test('tar archives: members, metadata, order, and contents', async () => {
    const a = { name: 'a', content: 'x' }
    const b = { name: 'b', content: 'id 1b4e28ba-2fa1-11d2-883f-0016d3cca427' }
    const base = await tarOf([a, b])
    expect(await causesOf(base, await tarOf([b, a]))).toEqual(['archive-metadata'])
    const changed = { ...b, content: 'id 9c4e28ba-2fa1-41d2-883f-0016d3cca42a', uid: 5 }
    const { detail, causes } = await explainContent('x.tar', base, await tarOf([a, changed, { name: 'c' }]))
    expect(detail).toMatchObject({
      kind: 'archive',
      format: 'tar',
      reordered: false,
      members: [
        { name: 'b', change: 'changed', fields: ['content', 'uid'], detail: { kind: 'text' } },
        { name: 'c', change: 'added' },
      ],
    })
    expect(causes.map(({ cause }) => cause)).toEqual(['archive-metadata', 'uuid'])
  })

  test('zip archives', async () => {
    const a = zipOf('a', 'at 12:00:01', 0x5000)
    expect(await causesOf(a, zipOf('a', 'at 12:00:01', 0x6000))).toEqual(['archive-metadata'])
    expect(await causesOf(a, zipOf('a', 'at 12:00:02', 0x5000))).toEqual(['timestamp'])
  })

  test('ar archives', async () => {
    const member = (mtime: string, text: string) =>
      `!<arch>\n${'debian-binary'.padEnd(16)}${mtime.padEnd(12)}0     0     100644  ${String(text.length).padEnd(10)}\`\n${text}`
    expect(await causesOf(member('1', '2.0\n'), member('2', '2.0\n'))).toEqual(['archive-metadata'])
  })

  test('Python byte code: header and code', async () => {
    const code = (flags: number, field: number, body: string) => {
      const header = Buffer.from('a70d0d0a000000000000000010000000', 'hex')
      header.writeUInt32LE(flags, 4)
      header.writeUInt32LE(field, 8)
      return Buffer.concat([header, Buffer.from(body)])
    }
    const { detail, causes } = await explainContent('x.pyc', code(0, 1, 'c'), code(0, 2, 'c'))
    expect(detail).toEqual({ kind: 'byte-code', parts: ['source time'] })
    expect(causes).toEqual([{ cause: 'byte-code', evidence: 'the header has the time of the source in it' }])
    const other = await explainContent('x.pyc', code(1, 1, 'c'), code(1, 1, 'd'))
    expect(other.detail).toEqual({ kind: 'byte-code', parts: ['code'] })
  })

  test('random bytes', async () => {
    const bytes = (seed: number) => Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 7 + seed) % 256))
    expect(await causesOf(bytes(0), bytes(101))).toEqual(['random-id'])
  })

  test('no credentials', async () => {
    const key = (text: string) => Buffer.from(`-----BEGIN OPENSSH PRIVATE KEY-----\n${text}\n`)
    expect((await explainContent('k', key('a'), key('b'))).detail).toMatchObject({ kind: 'unread' })
    expect((await explainContent('/etc/shadow', Buffer.from('a'), Buffer.from('b'))).detail).toMatchObject({
      kind: 'unread',
    })
  })

  test('no archive that would fill the memory', async () => {
    const bomb = (byte: string) =>
      Buffer.concat(Array.from<Buffer>({ length: 70 }).fill(gzipSync(Buffer.alloc(1024 * 1024, byte))))
    expect((await explainContent('bomb.gz', bomb('a'), bomb('b'))).detail.kind).toBe('bytes')
  })
})

/** A zip archive of one member (APPNOTE 4.3). */
function zipOf(name: string, text: string, time: number): Buffer {
  const data = deflateRawSync(text)
  const crc = Buffer.alloc(4)
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(8, 4)
  common.writeUInt16LE(time, 6)
  crc.copy(common, 10)
  common.writeUInt32LE(data.length, 14)
  common.writeUInt32LE(text.length, 18)
  common.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data])
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
    common,
    Buffer.alloc(14),
    Buffer.from(name),
  ])
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, central, end])
}

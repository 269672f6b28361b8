import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { pack } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { paxHeader, TAR_END, type TarEntry, tarPadding } from './write-tar.ts'

/** The archive that tar-stream makes: those of projects were made by it. */
async function packed(member: TarEntry, mtime: number): Promise<Buffer> {
  const text = (bytes = '') => Buffer.from(bytes, 'latin1').toString('utf8')
  const archive = pack()
  const entry = { name: text(member.path), mtime: new Date(mtime * 1000) }
  if (member.type === 'symlink') archive.entry({ ...entry, type: 'symlink', linkname: text(member.target) })
  else archive.entry({ ...entry, mode: member.executable ? 0o755 : 0o644 }, Buffer.alloc(member.size ?? 0))
  archive.finalize()
  return buffer(archive)
}

const written = (member: TarEntry, mtime: number) => {
  const { size = 0 } = member
  return Buffer.concat([paxHeader(member, mtime), Buffer.alloc(size), tarPadding(size), TAR_END])
}

/** Long and short, of letters, of UTF-8 and of any bytes. */
const word = fc.oneof(
  fc.stringMatching(/^[ -.0-~]{1,110}$/),
  fc.integer({ min: 85, max: 260 }).map((length) => 'x'.repeat(length)),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .map((text) => Buffer.from(text).toString('latin1')),
  fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 60 })
    .map((all) => String.fromCharCode(...all)),
)
const plain = word.map((text) => text.replace(/[\0/]/g, '_'))
const path = fc.array(plain, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'))
const member: fc.Arbitrary<TarEntry> = fc.oneof(
  fc.record({
    path,
    type: fc.constant('file' as const),
    executable: fc.boolean(),
    size: fc.constantFrom(0, 1, 511, 512, 513, 4097),
  }),
  fc.record({
    path,
    type: fc.constant('symlink' as const),
    target: fc.oneof(path, word).map((text) => text.replaceAll('\0', '_')),
  }),
)

describe('paxHeader()', () => {
  it('writes the bytes that tar-stream packs', async () => {
    const time = fc.integer({ min: 0, max: 2 ** 31 - 1 })
    await fc.assert(
      fc.asyncProperty(member, time, async (each, mtime) => {
        expect(written(each, mtime).equals(await packed(each, mtime))).toBe(true)
      }),
      { numRuns: rounds(300, 20_000) },
    )
  })

  it.each([99, 100, 101, 155, 156, 254, 255, 256, 257])(
    'splits a path of %i bytes as tar-stream does',
    async (length) => {
      for (const slash of [1, 50, 98, 99, 100, 154, 155, 156].filter((at) => at < length - 1)) {
        const each = { path: `${'d'.repeat(slash)}/${'f'.repeat(length - slash - 1)}`, type: 'file' as const }
        expect(written(each, 1).equals(await packed(each, 1)), `${slash} of ${length}`).toBe(true)
      }
    },
  )
})

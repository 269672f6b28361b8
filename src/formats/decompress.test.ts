import { gzipSync, zstdCompressSync } from 'node:zlib'
import { xz } from '@napi-rs/lzma'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compressionOf, decompress, uncompressed } from './decompress.ts'

const COMPRESS = {
  gzip: async (bytes: Buffer) => gzipSync(bytes),
  xz: (bytes: Buffer) => xz.compress(bytes),
  zstd: async (bytes: Buffer) => zstdCompressSync(bytes),
}
const NO_LIMIT = { received: () => {}, unpacked: () => {} }
const text = Buffer.from('stillroom\n'.repeat(5000))

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const bytes of stream) parts.push(bytes)
  return Buffer.concat(parts)
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe.each(['gzip', 'xz', 'zstd'] as const)('%s', (compression) => {
  it('is told by its magic, and decompressed to what was compressed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (content) => {
        const packed = await COMPRESS[compression](Buffer.from(content))
        expect(compressionOf(packed)).toBe(compression)
        expect(await decompress(packed)).toEqual(Buffer.from(content))
      }),
      { numRuns: 30 },
    )
  })

  it('that is cut short is rejected', async () => {
    const packed = await COMPRESS[compression](text)
    await expect(decompress(packed.subarray(0, -10))).rejects.toThrow()
  })
})

it('decompress() gives back what has no compression', async () => {
  for (const bytes of [text, Buffer.alloc(0), Buffer.from([0x1f])]) {
    expect(compressionOf(bytes)).toBeUndefined()
    expect((await decompress(bytes)).equals(bytes)).toBe(true)
  }
})

it.each(['gzip', 'zstd'] as const)(
  'decompress() rejects %s of more bytes than its limit',
  async (compression) => {
    const packed = await COMPRESS[compression](text)
    expect(await decompress(packed, text.length)).toHaveLength(text.length)
    await expect(decompress(packed, text.length - 1)).rejects.toThrow()
  },
)

describe('uncompressed()', () => {
  it.each(['none', 'gzip', 'zstd'] as const)(
    'reads a stream of %s in pieces of any size',
    async (compression) => {
      const packed = compression === 'none' ? text : await COMPRESS[compression](text)
      for (const size of [1, 3, 1000, packed.length])
        expect((await collect(uncompressed(pieces(packed, size), NO_LIMIT))).equals(text)).toBe(true)
    },
  )

  it('counts what goes in and what comes out, and ends when that is too much', async () => {
    const packed = gzipSync(text)
    const count = { in: 0, out: 0 }
    const limit = {
      received: (bytes: number) => {
        count.in += bytes
      },
      unpacked: (bytes: number) => {
        count.out += bytes
        if (count.out > 1000) throw new RangeError('too much')
      },
    }
    await expect(collect(uncompressed(pieces(packed, 7), limit))).rejects.toThrow('too much')
    expect(count.in).toBe(packed.length)
  })

  it('names damage', async () => {
    await expect(
      collect(uncompressed(pieces(gzipSync(text).subarray(0, 50), 7), NO_LIMIT)),
    ).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: 'The compressed archive is damaged or cut short',
    })
  })
})

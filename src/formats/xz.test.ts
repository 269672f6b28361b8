import { buffer } from 'node:stream/consumers'
import { execa } from 'execa'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readBytes } from './read-at.test-data.ts'
import { unxz } from './xz.ts'

/** As xz itself (XZ Utils) compresses it. */
async function compress(bytes: Buffer, ...options: string[]): Promise<Buffer> {
  const { stdout } = await execa('xz', ['-c', ...options], { input: bytes, encoding: 'buffer' })
  return Buffer.from(stdout)
}

const unpacked = (file: Buffer) => buffer(unxz(readBytes(file), file.length))
/** 100,000 bytes that compress a little. */
const TEXT = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i) % 97))
const BLOCKS = ['--block-size=7000']

test('what xz compressed is unpacked to the same bytes, whatever its blocks', async () => {
  const options = fc.record({
    bytes: fc.uint8Array({ maxLength: 3000 }),
    times: fc.integer({ min: 1, max: 20 }),
    block: fc.integer({ min: 100, max: 5000 }),
    check: fc.constantFrom('none', 'crc32', 'crc64'),
    threads: fc.constantFrom('1', '2'),
  })
  await fc.assert(
    fc.asyncProperty(options, async ({ bytes, times, block, check, threads }) => {
      const content = Buffer.concat(Array(times).fill(bytes))
      const file = await compress(content, `--block-size=${block}`, `--check=${check}`, `-T${threads}`)
      expect((await unpacked(file)).equals(content)).toBe(true)
    }),
    { numRuns: 40 },
  )
})

describe('a file of many blocks', () => {
  test('is read and unpacked block by block', async () => {
    const file = await compress(TEXT, ...BLOCKS)
    const lengths: number[] = []
    const read = readBytes(file, (_, length) => void lengths.push(length))
    const pieces: Buffer[] = []
    for await (const piece of unxz(read, file.length)) pieces.push(piece)
    expect(pieces.map(({ length }) => length)).toEqual([...Array(14).fill(7000), 2000])
    expect(Buffer.concat(pieces).equals(TEXT)).toBe(true)
    expect(Math.max(...lengths)).toBeLessThan(file.length / 10)
  })

  test('that is changed anywhere is refused, or unpacks to the same', async () => {
    const file = await compress(TEXT, ...BLOCKS)
    const where = fc.record({
      at: fc.integer({ min: 0, max: file.length - 1 }),
      flip: fc.integer({ min: 1, max: 255 }),
    })
    await fc.assert(
      fc.asyncProperty(where, async ({ at, flip }) => {
        const changed = Buffer.from(file)
        changed.writeUInt8(changed.readUInt8(at) ^ flip, at)
        const result = await unpacked(changed).catch(() => undefined)
        if (result !== undefined) expect(result.equals(TEXT)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('that is cut short is refused', async () => {
    const file = await compress(TEXT, ...BLOCKS)
    const whole = readBytes(file)
    for (const length of [0, 5, 24, file.length >> 1, file.length - 4, file.length - 1])
      await expect(buffer(unxz(whole, length)), `${length} bytes`).rejects.toThrow()
  })

  test('with an index of other sizes is refused', async () => {
    const other = await compress(TEXT.subarray(0, 99_000), ...BLOCKS)
    const file = await compress(TEXT, ...BLOCKS)
    const [end, otherEnd] = [file, other].map(
      (each) => each.length - 12 - (each.readUInt32LE(each.length - 8) + 1) * 4,
    )
    await expect(unpacked(Buffer.concat([file.subarray(0, end), other.subarray(otherEnd)]))).rejects.toThrow()
  })
})

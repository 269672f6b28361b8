import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { BoltError, liveTexts } from './live-texts.ts'

// Written by bbolt 1.3.11 in three transactions: in each, buckets layer000ofroundRabcdefghi to layer199 in a bucket, with a value
// "parent" each; those with an even number of the round before were deleted. And a value of 10,000 bytes.
const FILE = gunzipSync(readFileSync(new URL('recorded/layers.db.gz', import.meta.url)))

const texts = (file: Buffer) => [...liveTexts(file)].map((text) => text.toString('latin1'))

test('liveTexts() gives what is there, through branches, nested buckets and pages of one value', () => {
  const found = texts(FILE)
  const layers = found.filter((text) => text.startsWith('layer')).sort()
  const expected = Array.from({ length: 200 }, (_, i) => `layer${String(i).padStart(3, '0')}`)
  const odd = expected.filter((_, i) => i % 2 === 1)
  expect(layers).toEqual(
    [
      ...odd.flatMap((name) => [`${name}ofround0abcdefghi`, `${name}ofround1abcdefghi`]),
      ...expected.map((name) => `${name}ofround2abcdefghi`),
    ].sort(),
  )
  expect(found.filter((text) => text.includes('the-end'))).toHaveLength(1)
  const inline = found.join('\0')
  for (const name of layers) expect(inline).toContain(name.replace('layer', 'parent'))
})

test('liveTexts() leaves out what was deleted, though its bytes are still in the file', () => {
  expect(FILE.includes('layer000ofround1abcdefghi')).toBe(true)
  expect(texts(FILE).join('\0')).not.toContain('layer000ofround1abcdefghi')
})

test('liveTexts() takes the transaction before when the last was not written to its end', () => {
  const [first, second] = [0, 4096].map((page) => FILE.readBigUInt64LE(page + 16 + 48)) as [bigint, bigint]
  const torn = Buffer.from(FILE)
  const newest = second > first ? 4096 : 0
  torn.writeUInt8(torn.readUInt8(newest + 16 + 60) ^ 1, newest + 16 + 60)
  expect(texts(torn).length).not.toBe(texts(FILE).length)
})

test('liveTexts() says that a file is none, or damaged', () => {
  expect(() => texts(Buffer.alloc(0))).toThrow(BoltError)
  expect(() => texts(Buffer.alloc(65_536))).toThrow(BoltError)
  expect(() => texts(FILE.subarray(0, 12_288))).toThrow(BoltError)
  // a page that leads to itself
  const loop = Buffer.from(FILE)
  for (let page = 2; page * 4096 < loop.length; page++)
    if (loop.readUInt16LE(page * 4096 + 8) === 1) loop.writeBigUInt64LE(BigInt(page), page * 4096 + 16 + 8)
  expect(() => texts(loop)).toThrow(BoltError)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { demultiplex, type Piece } from './demultiplex.ts'

function frame({ from, bytes }: Piece): Buffer {
  const header = Buffer.from([from === 'stderr' ? 2 : 1, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

async function collect(chunks: Buffer[]): Promise<Record<Piece['from'], string>> {
  const found = { stdout: '', stderr: '' }
  async function* stream() {
    yield* chunks
  }
  for await (const { from, bytes } of demultiplex(stream())) found[from] += bytes.toString('hex')
  return found
}

const pieces = fc.array(
  fc.record({
    from: fc.constantFrom('stdout' as const, 'stderr' as const),
    bytes: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  }),
)

test('demultiplex() gives each stream its bytes, however the frames are cut', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, fc.array(fc.integer({ min: 1, max: 12 })), async (written, cuts) => {
      const whole = Buffer.concat(written.map(frame))
      const chunks: Buffer[] = []
      let at = 0
      for (const size of cuts) {
        chunks.push(whole.subarray(at, at + size))
        at += size
      }
      chunks.push(whole.subarray(at))
      const expected = { stdout: '', stderr: '' }
      for (const { from, bytes } of written) expected[from] += bytes.toString('hex')
      expect(await collect(chunks)).toEqual(expected)
    }),
  )
})

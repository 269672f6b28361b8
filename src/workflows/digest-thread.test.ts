import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { DigestThread } from './digest-thread.ts'
import { readPieces } from './read-pieces.ts'
import { SharedPieces } from './shared-pieces.ts'

test('digests of what lies in shared memory, in pieces of any size, are those of the file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-digest-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'file')
  const all = randomBytes(24 * 1024 * 1024 + 123)
  await writeFile(path, all)
  const cuts = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 5000, max: 900_000 })),
    {
      minLength: 1,
      maxLength: 20,
    },
  )
  await fc.assert(
    fc.asyncProperty(cuts, fc.nat(all.length), async (lengths, from) => {
      const memory = new SharedPieces()
      const thread = new DigestThread(memory)
      try {
        const digesters = [thread.digester('sha256'), thread.digester('md5')] as const
        let turn = 0
        const range = { from, size: all.length - from }
        for await (const bytes of readPieces(await open(path), memory, range)) {
          for (let at = 0; at < bytes.length; turn++) {
            const length = lengths[turn % lengths.length] as number
            for (const digester of digesters) digester.update(bytes.subarray(at, at + length))
            at += length
          }
          await digesters[0].drained()
        }
        const expected = (algorithm: string) => createHash(algorithm).update(all.subarray(from)).digest('hex')
        expect(await Promise.all(digesters.map((digester) => digester.digest()))).toEqual([
          expected('sha256'),
          expected('md5'),
        ])
      } finally {
        await thread.end()
      }
    }),
    { numRuns: 20 },
  )
})

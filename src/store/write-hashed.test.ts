import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mountedDirectory, temporaryDirectory } from './testing/temporary-directory.ts'
import { writeHashed } from './write-hashed.ts'

const { signal } = new AbortController()
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function* each(pieces: readonly Uint8Array[]) {
  yield* pieces
}

describe('writeHashed()', () => {
  it('writes all bytes into files of the size that is asked for, with their sums', async () => {
    const directory = await temporaryDirectory()
    const pieces = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 })
    let run = 0
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 40 }), async (given, size) => {
        run += 1
        const bytes = Buffer.concat(given)
        const path = join(directory, `${run}`)
        const split = { size, path: (number: number) => `${path}.${number}` }
        const written = await writeHashed(signal, path, each(given), { split })
        expect(written).toMatchObject({ sha256: sha256(bytes), size: bytes.length })
        expect(written.files).toHaveLength(Math.max(1, Math.ceil(bytes.length / size)))
        const contents = await Promise.all(written.files.map((file) => readFile(file.path)))
        expect(Buffer.concat(contents).equals(bytes)).toBe(true)
        expect(written.files).toEqual(
          contents.map((content, i) => ({
            path: `${path}.${i + 1}`,
            size: content.length,
            sha256: sha256(content),
          })),
        )
        for (const content of contents.slice(0, -1)) expect(content).toHaveLength(size)
      }),
      { numRuns: 50 },
    )
  })

  it('leaves nothing behind when the bytes fail or are not as they should be, and what was there as it was', async () => {
    const directory = await temporaryDirectory()
    const path = join(directory, 'file')
    await writeHashed(signal, path, each([Buffer.from('before')]))
    const failing = (async function* () {
      yield Buffer.from('half')
      throw new Error('no more')
    })()
    const split = { size: 2, path: (number: number) => `${path}.${number}` }
    await expect(writeHashed(signal, path, failing, { split })).rejects.toThrow('no more')
    const verify = () => {
      throw new Error('another')
    }
    await expect(writeHashed(signal, path, each([Buffer.from('x')]), { verify })).rejects.toThrow('another')
    expect(await readdir(directory)).toEqual(['file'])
    expect(await readFile(path, 'utf8')).toBe('before')
  })

  it('is DISK_FULL where there is no space, and leaves the space free', async ({ skip }) => {
    const directory = await mountedDirectory('size=64k')
    if (directory === undefined) return skip('this user may not mount a file system')
    const pieces = Array.from({ length: 32 }, () => Buffer.alloc(4096, 1))
    const path = join(directory, 'file')
    for (const split of [undefined, { size: 10_000, path: (number: number) => `${path}.${number}` }])
      await expect(writeHashed(signal, path, each(pieces), { split })).rejects.toMatchObject({
        code: 'DISK_FULL',
        message: expect.stringContaining(path),
      })
    expect(await readdir(directory)).toEqual([])
  })
})

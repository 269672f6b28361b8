import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { expect, it } from 'vitest'
import { zipMembers } from './zip.ts'

async function read(source: Parameters<typeof zipMembers>[0]) {
  const found: { name: string; mode: number; mtime: number; size: number; content: string }[] = []
  for await (const { name, mode, mtime, size, content } of zipMembers(source)) {
    const parts: Buffer[] = []
    for await (const bytes of content()) parts.push(bytes)
    found.push({ name, mode, mtime, size, content: Buffer.concat(parts).toString('latin1') })
  }
  return found
}

it('zipMembers() reads what fflate packs', async () => {
  const name = fc.stringMatching(/^[a-zé]{1,20}$/)
  const files = fc.dictionary(name, fc.uint8Array({ maxLength: 300 }), { maxKeys: 5, noNullPrototype: true })
  await fc.assert(
    fc.asyncProperty(files, fc.constantFrom(0, 9), async (contents, level) => {
      const found = await read(Buffer.from(zipSync(contents, { level })))
      expect(Object.fromEntries(found.map((one) => [one.name, one.content]))).toEqual(
        Object.fromEntries(
          Object.entries(contents).map(([key, bytes]) => [key, Buffer.from(bytes).toString('latin1')]),
        ),
      )
    }),
  )
})

it('zipMembers() reads modes, times and directories, also from an open file, and stays where the caller skips', async () => {
  const unix = { os: 3, attrs: 0o100755 << 16, mtime: new Date(2024, 0, 2, 3, 4, 6) } as const
  const bytes = Buffer.from(
    zipSync({ 'a/': [new Uint8Array(), { os: 3 }], 'a/run': [Buffer.from('#!'), unix] }),
  )
  // 2024-01-02 03:04:06 in the fields of MS-DOS
  const mtime = ((44 << 9) | (1 << 5) | 2) * 65_536 + ((3 << 11) | (4 << 5) | 3)
  const run = { name: 'a/run', mode: 0o100755, mtime, size: 2, content: '#!' }
  expect((await read(bytes))[1]).toEqual(run)
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-zip-'))
  await writeFile(join(directory, 'x.zip'), bytes)
  const file = await open(join(directory, 'x.zip'))
  try {
    expect((await read(file.fd)).map((one) => one.name)).toEqual(['a/', 'a/run'])
    const names: string[] = []
    for await (const member of zipMembers(file.fd)) names.push(member.name)
    expect(names).toEqual(['a/', 'a/run'])
    // still open
    expect((await file.stat()).size).toBe(bytes.length)
  } finally {
    await file.close()
    await rm(directory, { recursive: true })
  }
})

it('zipMembers() rejects what is damaged', async () => {
  const bytes = Buffer.from(zipSync({ a: Buffer.from('some content to be damaged, twice: some content') }))
  const damaged = Buffer.from(bytes)
  damaged.fill(0xff, 35, 45)
  for (const wrong of [bytes.subarray(0, -5), damaged, Buffer.from('PK')])
    await expect(read(wrong)).rejects.toThrow()
})

it.each([0, 9])(
  'zipMembers() rejects a member of another size than is announced, at level %i',
  async (level) => {
    const bytes = Buffer.from(
      zipSync({ a: Buffer.alloc(300_000, 'some content') }, { level: level as 0 | 9 }),
    )
    const directory = bytes.indexOf('PK\x01\x02')
    for (const size of [0, 1, 299_999, 300_001, 2 ** 31]) {
      const wrong = Buffer.from(bytes)
      wrong.writeUInt32LE(size, directory + 24)
      await expect(read(wrong), `${size}`).rejects.toThrow(/bytes|size/)
    }
  },
)

it('zipMembers() rejects what is encrypted, or packed in another way', async () => {
  const bytes = Buffer.from(zipSync({ a: Buffer.from('some content, some content') }))
  const directory = bytes.indexOf('PK\x01\x02')
  const encrypted = Buffer.from(bytes)
  encrypted.writeUInt16LE(1, directory + 8)
  await expect(read(encrypted)).rejects.toThrow('encrypted')
  const other = Buffer.from(bytes)
  other.writeUInt16LE(12, directory + 10)
  await expect(read(other)).rejects.toThrow('compression method')
})

it('zipMembers() lets a content be left before its end', async () => {
  const noise = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * i * 7919) % 251)
  const names: string[] = []
  for await (const { name, content } of zipMembers(Buffer.from(zipSync({ a: noise, b: noise })))) {
    for await (const bytes of content()) {
      expect(bytes.length).toBeGreaterThan(0)
      break
    }
    names.push(name)
  }
  expect(names).toEqual(['a', 'b'])
})

it('zipMembers() reads what lies in the end of an archive, and rejects what lies before', async () => {
  const noise = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251)
  const whole = Buffer.from(zipSync({ first: noise, last: Buffer.from('text') }, { level: 0 }))
  // the directory is looked for in the last 64 kB, where a comment may follow it
  const end = { size: whole.length, end: whole.subarray(-100_000) }
  const texts: string[] = []
  for await (const { name, content } of zipMembers(end)) {
    if (name === 'last') for await (const bytes of content()) texts.push(bytes.toString())
  }
  expect(texts).toEqual(['text'])
  await expect(read(end)).rejects.toThrow('lies before the end of the archive')
  await expect(read({ size: whole.length, end: whole.subarray(-10) })).rejects.toThrow()
})

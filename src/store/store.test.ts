import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { openStore, type Store } from './store.ts'
import { makeBytes, sha256 } from './testing/make-artifact.ts'
import { mountedDirectory, temporaryDirectory } from './testing/temporary-directory.ts'

const bytes = makeBytes(100_000)
const expected = { sha256: sha256(bytes), size: bytes.length }

describe('put()', () => {
  it('keeps bytes under their sha256, read-only, and leaves nothing else', async () => {
    const store = await openStore(await temporaryDirectory())
    expect(await store.put(bytes)).toEqual(expected)
    const path = join(store.directory, 'sha256', expected.sha256.slice(0, 2), expected.sha256)
    expect(store.path(expected.sha256)).toBe(path)
    expect(bytes.equals(await readFile(path))).toBe(true)
    expect((await stat(path)).mode & 0o777).toBe(0o444)
    expect(await readdir(store.temporary)).toEqual([])
    expect(await store.has(expected.sha256, bytes.length)).toBe(true)
    expect(await store.has(expected.sha256, 1)).toBe(false)
  })

  it.each(['store', 'store/tmp'])('says so where %s is a link to what is not there', async (name) => {
    const directory = await temporaryDirectory()
    const link = join(directory, name)
    await mkdir(dirname(link), { recursive: true })
    await symlink('nowhere', link)
    const store = await openStore(join(directory, 'store'))
    await expect(store.put(bytes)).rejects.toMatchObject({
      code: 'NOT_WRITABLE',
      message: `cannot write to "${link}": it is a link to "nowhere", which is not there`,
    })
  })

  it('keeps a stream, and nothing of one that fails or is not what was expected', async () => {
    const store = await openStore(await temporaryDirectory())
    async function* pieces() {
      yield bytes.subarray(0, 10)
      yield bytes.subarray(10)
    }
    async function* broken() {
      yield bytes
      throw new Error('broken')
    }
    await expect(store.put(broken())).rejects.toThrow('broken')
    await expect(store.put(pieces(), { ...expected, size: 1 })).rejects.toMatchObject({
      code: 'ARTIFACT_MISMATCH',
    })
    expect(await store.has(expected.sha256, bytes.length)).toBe(false)
    expect(await readdir(store.temporary)).toEqual([])
    expect(await store.put(pieces(), expected)).toEqual(expected)
  })

  it('is told apart by nothing but its content: many at once agree', async () => {
    const store = await openStore(await temporaryDirectory())
    await Promise.all(Array.from({ length: 8 }, () => store.put(bytes, expected)))
    expect(await store.verify(expected)).toBe(true)
  })

  it('rejects a full disk as DISK_FULL with the path', async ({ skip }) => {
    const directory = await mountedDirectory('size=64k')
    if (directory === undefined) return skip('needs the right to mount a tmpfs')
    const store = await openStore(directory)
    await expect(store.put(bytes)).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining(directory),
      hint: expect.stringContaining('STILLROOM_CACHE'),
    })
    expect(await readdir(store.temporary)).toEqual([])
  })

  it('rejects a read-only directory as NOT_WRITABLE', async ({ skip }) => {
    const directory = await readOnlyDirectory()
    if (directory === undefined) return skip('root is not held by file modes, and may not mount here')
    const store = await openStore(directory)
    await expect(store.put(bytes)).rejects.toMatchObject({ code: 'NOT_WRITABLE' })
  })
})

describe('verify()', () => {
  it('throws a damaged entry away', async () => {
    const store = await openStore(await temporaryDirectory())
    const path = store.path(expected.sha256)
    for (const damage of [
      () => writeFile(path, Buffer.from(bytes).fill(0, 500, 501)),
      () => truncate(path, 99_999),
      () => writeFile(path, ''),
    ]) {
      await store.put(bytes)
      expect(await store.verify(expected)).toBe(true)
      await chmod(path, 0o644)
      await damage()
      expect(await store.verify(expected)).toBe(false)
      await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
    }
  })

  it('works on an empty file, and says false where there is none', async () => {
    const store = await openStore(await temporaryDirectory())
    const nothing = await store.put(new Uint8Array())
    expect(await store.verify(nothing)).toBe(true)
    expect(await store.verify(expected)).toBe(false)
  })
})

describe('link()', () => {
  it('makes a hard link, replacing what is there', async () => {
    const directory = await temporaryDirectory()
    const store = await openStore(join(directory, 'store'))
    await store.put(bytes)
    const destination = join(directory, 'a file')
    await writeFile(destination, 'old')
    await store.link(expected.sha256, destination)
    expect((await stat(destination)).ino).toBe((await stat(store.path(expected.sha256))).ino)
    await store.discard(expected.sha256)
    expect(bytes.equals(await readFile(destination))).toBe(true)
  })

  it('copies to another file system', async ({ skip }) => {
    const elsewhere = await mountedDirectory('size=1m')
    if (elsewhere === undefined) return skip('needs the right to mount a tmpfs')
    const store = await openStore(await temporaryDirectory())
    await store.put(bytes)
    await store.link(expected.sha256, join(elsewhere, 'a'))
    expect(bytes.equals(await readFile(join(elsewhere, 'a')))).toBe(true)
  })
})

describe('openStore()', () => {
  it('removes what was abandoned a week ago, and only that', async () => {
    const directory = await temporaryDirectory()
    await mkdir(join(directory, 'tmp'))
    for (const name of ['old.put', 'new.part']) await writeFile(join(directory, 'tmp', name), 'x')
    await utimes(join(directory, 'tmp', 'old.put'), 1000, 1000)
    const store = await openStore(directory)
    expect(await readdir(store.temporary)).toEqual(['new.part'])
  })

  it('takes no other name than a sha256', async () => {
    const store = await openStore(await temporaryDirectory())
    expect(() => store.path('../../etc/passwd')).toThrow(TypeError)
  })
})

async function readOnlyDirectory(): Promise<string | undefined> {
  if (process.getuid?.() === 0) {
    const mounted = await mountedDirectory('size=1m')
    if (mounted !== undefined) execFileSync('mount', ['-o', 'remount,ro', mounted])
    return mounted
  }
  const directory = await temporaryDirectory()
  await chmod(directory, 0o555)
  return directory
}

async function entriesOf(store: Store) {
  const entries: { sha256: string; size: number }[] = []
  for await (const entry of store.entries()) entries.push(entry)
  return entries
}

describe('putCompressed()', () => {
  const text = Buffer.from('a line of a text\n'.repeat(10_000))
  const kept = { sha256: sha256(text), size: text.length }

  it('keeps bytes in less room under the sha256 that they have without compression', async () => {
    const store = await openStore(await temporaryDirectory())
    expect(await store.hasCompressed(kept.sha256)).toBe(false)
    expect(await store.readCompressed(kept.sha256)).toBeUndefined()
    expect(await store.putCompressed(text)).toEqual(kept)
    expect(await store.hasCompressed(kept.sha256)).toBe(true)
    expect(await store.readCompressed(kept.sha256)).toEqual(text)
    const [entry, ...more] = await entriesOf(store)
    expect(entry).toMatchObject({ sha256: kept.sha256 })
    expect(entry?.size).toBeLessThan(text.length / 10)
    expect(more).toEqual([])
    expect(await readdir(store.temporary)).toEqual([])
    await store.discard(kept.sha256)
    expect(await store.readCompressed(kept.sha256)).toBeUndefined()
    expect(await entriesOf(store)).toEqual([])
  })

  it.each([
    ['cut short', (entry: Buffer) => entry.subarray(0, -9)],
    ['of other bytes', () => zstdCompressSync(Buffer.from('x'))],
    ['empty', () => Buffer.alloc(0)],
  ])('does not give an entry that is %s, and removes it', async (_, damage) => {
    const store = await openStore(await temporaryDirectory())
    await store.putCompressed(text)
    const path = join(store.directory, 'zstd', kept.sha256.slice(0, 2), kept.sha256)
    const entry = await readFile(path)
    await chmod(path, 0o644)
    await writeFile(path, damage(entry))
    expect(await store.readCompressed(kept.sha256)).toBeUndefined()
    expect(await entriesOf(store)).toEqual([])
  })
})

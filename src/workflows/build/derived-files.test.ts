import { type FileHandle, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { DerivedFiles } from './derived-files.ts'

async function derivedFiles() {
  const root = await temporaryDirectory()
  const derived = new DerivedFiles(join(root, 'derived'))
  let made = 0
  let placed = 0
  const place = async () => {
    const destination = join(root, `${++placed}`)
    const make = async (file: FileHandle) => {
      made++
      await file.writeFile('made of it')
    }
    await derived.place('deb-1', make, destination)
    return destination
  }
  return { root, derived, place, made: () => made }
}

test('a file is made once, and is one file wherever it is placed', async () => {
  const { place, made } = await derivedFiles()
  const [a, b] = [await place(), await place()]
  expect(await readFile(b, 'utf8')).toBe('made of it')
  expect((await stat(a)).ino).toBe((await stat(b)).ino)
  expect(made()).toBe(1)
})

test.each<[string, (derived: DerivedFiles, path: string) => Promise<unknown>]>([
  ['discarded', (derived) => derived.discard('deb-1')],
  ['removed', (_, path) => rm(path)],
  ['left without its note', (_, path) => rm(`${path}.sha256`)],
])('one that was %s is made again', async (_, change) => {
  const { root, derived, place, made } = await derivedFiles()
  await place()
  expect(await derived.has('deb-1')).toBe(true)
  await change(derived, join(root, 'derived/deb-1'))
  expect(await derived.has('deb-1')).toBe(false)
  expect(await readFile(await place(), 'utf8')).toBe('made of it')
  expect(made()).toBe(2)
  await place()
  expect(made()).toBe(2)
})

test('what is in no context, and was in none lately, is removed', async () => {
  const { root, derived, place } = await derivedFiles()
  const placed = await place()
  const later = new Date(Date.now() + 60_000)
  await derived.removeUnused(later)
  expect(await readFile(join(root, 'derived/deb-1'), 'utf8')).toBe('made of it')
  await rm(placed)
  await derived.removeUnused(new Date(Date.now() - 60_000))
  await stat(join(root, 'derived/deb-1'))
  await derived.removeUnused(later)
  for (const name of ['deb-1', 'deb-1.sha256'])
    await expect(stat(join(root, 'derived', name))).rejects.toThrow('ENOENT')
})

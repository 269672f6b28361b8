import { appendFile, chmod, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ContextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { openStore } from '../../store/store.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { keptContents } from '../audit/artifact-contents.ts'
import { readDeb } from '../audit/read-artifact.ts'
import { contentsKey } from '../audit/read-locked-contents.ts'
import { stageContext } from './stage-context.ts'

/** Stages a context of a generated file and an artifact, each time as another build would. */
async function staging() {
  const cache = await temporaryDirectory()
  const store = await openStore(join(cache, 'store'))
  const { sha256, size } = await store.put(Buffer.from('artifact'))
  const url = 'https://example.org/a'
  const artifact = { name: 'a', file: 'a', sha256, size, origin: { kind: 'url' as const, url } }
  const artifacts: ContextArtifacts = {
    files: [{ artifact, destination: 'artifacts/file-1/content' }],
    seed: [],
    projects: [],
    directories: ['artifacts/apt-2'],
  }
  const ports = { cache, store, env: process.env, signal: new AbortController().signal }
  const files = new Map([
    ['Dockerfile', 'FROM scratch\n'],
    ['build/run.sh', 'true\n'],
  ])
  const stage = async (other = files) =>
    (await stageContext(ports, other, artifacts, cache, 1_700_000_000)).directory
  return { cache, ports, artifacts, store, sha256, files, stage: () => stage(), stageOther: stage }
}

// BuildKit is sent no file that has the path, size and time of one that it has
test('stageContext() gives files of one path and size another time when they hold something else', async () => {
  const { store, sha256, files, stage, stageOther } = await staging()
  // as a store that was unpacked from a tar
  await utimes(store.path(sha256), 1_700_000_000, 1_700_000_000)
  const [one, other] = [await stage(), await stageOther(new Map([...files, ['build/run.sh', 'fals\n']]))]
  const times = async (path: string) =>
    Promise.all([one, other].map(async (at) => (await stat(join(at, path))).mtimeMs))
  const [a, b] = await times('build/run.sh')
  expect(a).not.toBe(b)
  const [same, too] = await times('Dockerfile')
  expect(same).toBe(too)
  expect((await times('artifacts/file-1/content')).every((time) => time % 1000 !== 0)).toBe(true)
})

test('stageContext() keeps what its .debs hold, as an audit reads it', async () => {
  const { ports, store, cache, files } = await staging()
  const deb = await readFile(new URL('../../formats/deb/recorded/xz.deb', import.meta.url))
  const { sha256, size } = await store.put(deb)
  const artifact = {
    ...{ name: 'odd 1 (amd64)', file: 'odd_1_amd64.deb', sha256, size },
    origin: { kind: 'debian' as const, archive: 'debian' as const, path: 'pool/o/odd_1_amd64.deb' },
  }
  const placed = { artifact, destination: 'artifacts/apt-1/odd_1_amd64.deb' }
  const artifacts: ContextArtifacts = { files: [placed], seed: [], projects: [], directories: [] }
  await stageContext(ports, files, artifacts, cache, 1_700_000_000)
  const kept = await keptContents(ports, contentsKey(sha256, undefined))
  expect(kept).toEqual(await readDeb(store.path(sha256), artifact.name))
  expect(kept?.files.map(({ path }) => path)).toContain('usr/share/doc/odd/hello')
})

test('stageContext() uses a context again as long as it is what was put together', async () => {
  const { stage } = await staging()
  const directory = await stage()
  const { ino } = await stat(directory)
  expect(await stage()).toBe(directory)
  expect((await stat(directory)).ino).toBe(ino)
})

test.each<[string, (directory: string) => Promise<unknown>]>([
  ['a generated file was changed', (at) => appendFile(join(at, 'Dockerfile'), 'RUN id\n')],
  ['a program was changed', (at) => writeFile(join(at, 'build/run.sh'), 'evil\n')],
  ['a file came', (at) => writeFile(join(at, 'build/more.sh'), '')],
  ['a file went', (at) => rm(join(at, 'build/run.sh'))],
  ['its permissions are others', (at) => chmod(join(at, 'build/run.sh'), 0o777)],
  [
    'an artifact was replaced',
    async (at) => {
      await rm(join(at, 'artifacts/file-1/content'))
      await writeFile(join(at, 'artifacts/file-1/content'), 'artefact')
    },
  ],
  [
    'a file is a link',
    async (at) => {
      await rm(join(at, 'build/run.sh'))
      await symlink('../Dockerfile', join(at, 'build/run.sh'))
    },
  ],
  ['its list is gone', (at) => rm(`${at}.list`)],
])('stageContext() puts a context together again when %s', async (_, change) => {
  const { stage } = await staging()
  const directory = await stage()
  await change(directory)
  expect(await stage()).toBe(directory)
  expect(await readFile(join(directory, 'Dockerfile'), 'utf8')).toBe('FROM scratch\n')
  expect(await readFile(join(directory, 'build/run.sh'), 'utf8')).toBe('true\n')
  expect(await readFile(join(directory, 'artifacts/file-1/content'), 'utf8')).toBe('artifact')
  await expect(stat(join(directory, 'build/more.sh'))).rejects.toThrow('ENOENT')
  const { ino } = await stat(directory)
  await stage()
  expect((await stat(directory)).ino).toBe(ino)
})

test('stageContext() ends only when nothing is written any more, and leaves nothing', async () => {
  const { cache, ports, artifacts, files } = await staging()
  const [first] = artifacts.files
  if (first === undefined) throw new Error('there is no artifact')
  const destinations = ['artifacts/file-1/content', 'artifacts/file-2/content']
  const both = { ...artifacts, files: destinations.map((destination) => ({ ...first, destination })) }
  let written = 0
  const link = async (_: string, path: string) => {
    if (path.includes('file-1')) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    for (; written < 50; written += 1) await writeFile(`${path}.${written}`, 'slowly')
  }
  const store = Object.assign(Object.create(ports.store), { link })
  const staged = stageContext({ ...ports, store }, files, both, cache, 1_700_000_000)
  await expect(staged).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(written).toBe(50)
  expect(await readdir(join(cache, 'contexts'))).toEqual([])
})

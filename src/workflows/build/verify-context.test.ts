import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ContextArtifacts } from '../../dockerfile/context-artifacts.ts'
import { openStore } from '../../store/store.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { derivedFiles, missingArtifacts } from './placements.ts'
import { stageContext } from './stage-context.ts'
import { verifyContext } from './verify-context.ts'

const DEB = new URL('../../formats/deb/recorded/xz.deb', import.meta.url)

/** A context with a package, which is packed again, and a download, which is taken as it is. */
async function staging() {
  const cache = await temporaryDirectory()
  const store = await openStore(join(cache, 'store'))
  const deb = await store.put(await readFile(DEB))
  const data = await store.put(Buffer.from('downloaded'))
  const artifacts: ContextArtifacts = {
    files: [
      {
        artifact: {
          ...{ ...deb, name: 'odd 1 (amd64)', file: 'odd.deb' },
          origin: { kind: 'debian', archive: 'debian', path: 'pool/o/odd.deb' },
        },
        destination: 'artifacts/apt-1/odd.deb',
      },
      {
        artifact: {
          ...{ ...data, name: 'data', file: 'data' },
          origin: { kind: 'url', url: 'https://example.org/data' },
        },
        destination: 'artifacts/file-2/content',
      },
    ],
    ...{ seed: [], projects: [], directories: [] },
  }
  const told: unknown[] = []
  const ports = {
    ...{ cache, store, env: {}, signal: new AbortController().signal },
    progress: (event: unknown) => void told.push(event),
  }
  const files = new Map([['Dockerfile', 'FROM scratch\n']])
  const stage = () => stageContext(ports, files, artifacts, cache, 1_700_000_000)
  const missing = async () => (await missingArtifacts(ports, artifacts)).map(({ artifact }) => artifact.name)
  return { cache, store, data, ports, told, stage, missing }
}

async function overwrite(path: string, text: string): Promise<void> {
  await chmod(path, 0o644)
  await writeFile(path, text)
}

test('verifyContext() finds nothing wrong with a context that was just put together, nor with one that is there', async () => {
  const { ports, stage, told } = await staging()
  expect(await verifyContext(ports, await stage())).toBe(true)
  const again = await stage()
  expect(again.artifacts).toHaveLength(2)
  expect(await verifyContext(ports, again)).toBe(true)
  expect(told).toEqual([])
})

test('verifyContext() throws away what was damaged in the store, and says so', async () => {
  const { store, data, ports, stage, missing, told } = await staging()
  const staged = await stage()
  await overwrite(store.path(data.sha256), 'damaged...')
  expect(await verifyContext(ports, await stage())).toBe(false)
  expect(told).toEqual([{ kind: 'note', text: "the store's copy of data was damaged: fetched again" }])
  expect(await missing()).toEqual(['data'])
  await store.put(Buffer.from('downloaded'))
  const { directory } = await stage()
  expect(directory).toBe(staged.directory)
  expect(await readFile(join(directory, 'artifacts/file-2/content'), 'utf8')).toBe('downloaded')
  expect(await verifyContext(ports, await stage())).toBe(true)
})

test('verifyContext() throws away what was made of an artifact, which is made again', async () => {
  const { cache, ports, stage, missing, told } = await staging()
  const staged = await stage()
  const [{ path, key = '', sha256 } = { path: '', sha256: '' }] = staged.artifacts
  await overwrite(join(cache, 'derived', key), 'damaged')
  expect(await verifyContext(ports, await stage())).toBe(false)
  expect(await derivedFiles(ports).has(key)).toBe(false)
  expect(await missing()).toEqual(['odd 1 (amd64)'])
  const again = await stage()
  expect(again.artifacts[0]).toMatchObject({ path, key, sha256 })
  expect(await verifyContext(ports, again)).toBe(true)
  expect(told).toEqual([])
})

test('verifyContext() finds what is gone from a context', async () => {
  const { ports, stage } = await staging()
  const staged = await stage()
  await rm(staged.artifacts[1]?.path ?? '')
  expect(await verifyContext(ports, staged)).toBe(false)
})

test('stageContext() makes nothing of an artifact that is damaged', async () => {
  const { cache, ports, store, stage, missing } = await staging()
  const { artifacts } = await stage()
  const [deb] = artifacts
  if (deb?.key === undefined) throw new Error('nothing was made of the package')
  await derivedFiles(ports).discard(deb.key)
  await rm(join(cache, 'contexts'), { recursive: true })
  await overwrite(store.path(deb.artifact.sha256), 'x'.repeat(deb.artifact.size))
  await expect(stage()).rejects.toMatchObject({ code: 'ARTIFACT_MISMATCH' })
  expect(await missing()).toEqual(['odd 1 (amd64)'])
})

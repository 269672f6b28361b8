import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { unlessMissing } from '../../error.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Sources } from '../../sources/find-sources.ts'
import { openStore } from '../../store/store.ts'
import { file, startFaultServer } from '../../store/testing/fault-server.ts'
import { makeBytes, sha256 } from '../../store/testing/make-artifact.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { whileFetching } from './while-fetching.ts'

/** A build that takes one download, and the server that has it. */
async function build() {
  const bytes = makeBytes(100_000)
  const server = await startFaultServer()
  onTestFinished(() => server.close())
  const cache = await temporaryDirectory()
  const store = await openStore(join(cache, 'store'))
  const told: unknown[] = []
  const sources = {
    debian: {},
    pypi: { indexes: [], findLinks: [], trustedHosts: [] },
    registries: [],
    git: [],
  }
  const session = {
    ...{ cache, store, env: {}, signal: new AbortController().signal },
    sources: async () => sources as unknown as Sources,
    progress: (event: unknown) => void told.push(event),
  }
  const step = { kind: 'file' as const, url: `${server.url}/data`, size: bytes.length, sha256: sha256(bytes) }
  const base = { kind: 'debian' as const, suite: 'bookworm' as const, seed: [], packages: [], indexes: [] }
  const locked: LockedPlatform = { epoch: 1, base, steps: [step], image: null }
  const staged = async () =>
    ((await readdir(join(cache, 'contexts')).catch(unlessMissing)) ?? []).filter((name) =>
      /^[0-9a-f]{32}$/.test(name),
    )
  const inputs = {
    locked,
    context: new Map([['Dockerfile', 'FROM scratch\n']]),
    loaded: { directory: cache },
  }
  return {
    session,
    inputs,
    server,
    bytes,
    store,
    told,
    isThere: () => store.has(step.sha256, step.size),
    staged,
  }
}

test('whileFetching() puts a context together of what it fetches while an engine is started, and says nothing of it', async () => {
  const { session, inputs, server, bytes, told, staged } = await build()
  server.on('/data', file(bytes))
  const engine = async () => {
    await expect.poll(staged, { timeout: 20_000 }).toHaveLength(1)
    return 'engine'
  }
  expect(await whileFetching(session, inputs, engine)).toBe('engine')
  expect(told).toEqual([])
})

test('whileFetching() waits for no server once there is an engine', async () => {
  const { session, inputs, server, isThere } = await build()
  // takes the request, and never answers
  server.on('/data', () => {})
  expect(await whileFetching(session, inputs, () => server.arrived(1).then(() => 'engine'))).toBe('engine')
  expect(await isThere()).toBe(false)
})

test('whileFetching() fails as the engine does, and not by what it fetches', async () => {
  const { session, inputs, server } = await build()
  const none = () => server.arrived(1).then(() => Promise.reject(new Error('no engine')))
  await expect(whileFetching(session, inputs, none)).rejects.toThrow('no engine')
})

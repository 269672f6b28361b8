import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StillroomError } from '../error.ts'
import type { Artifact } from './artifact.ts'
import { type FetchOptions, fetchArtifacts } from './fetch-artifacts.ts'
import { openStore, type Store } from './store.ts'
import * as fault from './testing/fault-server.ts'
import { makeArtifact, makeBytes, sha256 } from './testing/make-artifact.ts'
import { mountedDirectory, temporaryDirectory } from './testing/temporary-directory.ts'

const bytes = makeBytes(300_000)
const artifact = makeArtifact('dash', bytes)
const other = makeBytes(300_000, 2)
const quick = { retries: 3, backoff: 1, retryAfterCap: 50, stall: 30_000, patience: 60_000 }

let server: fault.FaultServer
let second: fault.FaultServer
let store: Store
beforeEach(async () => {
  server = await fault.startFaultServer()
  second = await fault.startFaultServer()
  store = await openStore(await temporaryDirectory())
})
afterEach(() => Promise.all([server.close(), second.close()]))

const path = `/${artifact.file}`
const fetchAll = (artifacts: Artifact[], options: Partial<FetchOptions> = {}) =>
  fetchArtifacts(artifacts, {
    store,
    timing: quick,
    locate: async ({ file }) => [
      { url: `${server.url}/${file}`, label: 'live mirror' },
      { url: `${second.url}/${file}`, label: 'snapshot' },
    ],
    ...options,
  })
const failureOf = async (
  artifacts: Artifact[],
  options: Partial<FetchOptions> = {},
): Promise<StillroomError> => {
  const error = await fetchAll(artifacts, options).catch((error) => error)
  expect(error).toBeInstanceOf(StillroomError)
  return error
}
const expectStored = async () => {
  expect(bytes.equals(await readFile(store.path(artifact.sha256)))).toBe(true)
  expect(await readdir(store.temporary)).toEqual([])
}
const ranges = () => server.seen.map(({ headers }) => headers.range)

describe('fetchArtifacts() brings in', () => {
  it('many at once, with progress, each only once', async () => {
    const all = Array.from({ length: 30 }, (_, n) => makeBytes(1000 + n, n + 10))
    const artifacts = all.map((content, n) => makeArtifact(`p${n}`, content))
    for (const [n, { file }] of artifacts.entries()) server.on(`/${file}`, fault.file(all[n] ?? bytes))
    const events: unknown[] = []
    const report = await fetchAll([...artifacts, ...artifacts], { onProgress: (event) => events.push(event) })
    expect(report).toMatchObject({ reused: 0, fetched: 30, damaged: [], overcome: [] })
    const total = artifacts.reduce((sum, { size }) => sum + size, 0)
    expect(events.at(-1)).toEqual({ bytesDone: total, bytesTotal: total, filesDone: 30, filesTotal: 30 })
    expect(server.seen).toHaveLength(30)
    expect(await fetchAll(artifacts)).toMatchObject({ reused: 30, fetched: 0 })
    expect(server.seen).toHaveLength(30)
  })

  it('an empty file', async () => {
    const empty = makeArtifact('empty', new Uint8Array())
    server.on(`/${empty.file}`, fault.file(new Uint8Array()))
    expect(await fetchAll([empty])).toMatchObject({ fetched: 1 })
  })

  it('a damaged entry again', async () => {
    await store.put(bytes)
    await chmod(store.path(artifact.sha256), 0o644)
    await writeFile(store.path(artifact.sha256), other)
    server.on(path, fault.file(bytes))
    expect(await fetchAll([artifact])).toMatchObject({ fetched: 1, damaged: [artifact.name] })
    await expectStored()
  })

  it('from a redirect, keeping credentials to their host', async () => {
    server.on(path, fault.status(302, { location: `${second.url.replace('127.0.0.1', 'localhost')}/x` }))
    second.on('/x', fault.file(bytes))
    const headers = { authorization: 'Basic c2VjcmV0' }
    await fetchAll([artifact], { locate: async () => [{ url: server.url + path, label: 'mirror', headers }] })
    expect(server.seen[0]?.headers.authorization).toBe('Basic c2VjcmV0')
    expect(second.seen[0]?.headers.authorization).toBeUndefined()
    await expectStored()
  })
})

describe('fetchArtifacts() asks for permission before each try', () => {
  const located = (authorize: () => Promise<Record<string, string>>) => async () => [
    { url: server.url + path, label: 'registry', authorize },
  ]

  it('so that it goes on though the first one has expired', async () => {
    server.on(path, fault.resetAfter(bytes, 150_000), fault.file(bytes))
    let count = 0
    await fetchAll([artifact], { locate: located(async () => ({ authorization: `Bearer ${++count}` })) })
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2'])
    expect(ranges()[1]).toMatch(/^bytes=[1-9]/)
    await expectStored()
  })

  it('and says that it got none', async () => {
    const refused = new StillroomError('FETCH_FAILED', 'the server for tokens is away')
    const failed = fetchAll([artifact], { locate: located(() => Promise.reject(refused)) })
    await expect(failed).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining('the server for tokens is away'),
    })
  })
})

describe('fetchArtifacts() gets over', () => {
  const half = 150_000
  const cases: Record<string, fault.Behaviour[]> = {
    'a reset connection': [fault.resetAfter(bytes, half), fault.file(bytes)],
    'several resets': [...Array(3).fill(fault.resetAfter(bytes, 80_000)), fault.file(bytes)],
    'a stall': [fault.stallAfter(bytes, half), fault.file(bytes)],
    'a body cut short without length': [fault.cutAfter(bytes, half), fault.file(bytes)],
    '503': [fault.status(503), fault.status(503), fault.file(bytes)],
    '408': [fault.status(408), fault.file(bytes)],
    '429 with Retry-After': [fault.status(429, { 'retry-after': '3600' }), fault.file(bytes)],
    'a server that ignores ranges': [fault.resetAfter(bytes, half), fault.fileWithoutRanges(bytes)],
    'a range that cannot be had': [fault.resetAfter(bytes, half), fault.status(416), fault.file(bytes)],
    'an ETag that changed': [fault.resetAfter(other, half, { etag: '"0"' }), fault.file(bytes)],
    'a resumed file that was another': [fault.resetAfter(other, half), fault.file(bytes)],
    'a slow drip': [fault.drip(bytes, 40, 30)],
  }
  for (const [name, behaviours] of Object.entries(cases)) {
    it(name, async () => {
      server.on(path, ...behaviours)
      // on a busy machine a second may pass without a byte from a sound server: then it is asked again
      const timing = name === 'a stall' ? { ...quick, stall: 1000 } : quick
      expect(await fetchAll([artifact], { timing })).toEqual({
        reused: 0,
        fetched: 1,
        damaged: [],
        overcome: [],
      })
      await expectStored()
      expect(second.seen).toEqual([])
    })
  }

  it('a reset by asking for the rest only, if the file is still the same', async () => {
    server.on(path, fault.resetAfter(bytes, half), fault.file(bytes))
    await fetchAll([artifact])
    expect(ranges()[0]).toBeUndefined()
    expect(Number(ranges()[1]?.match(/^bytes=(\d+)-$/)?.[1])).toBeGreaterThan(0)
    expect(server.seen[1]?.headers['if-range']).toBe('"1"')
  })

  it('what is wrong in one place by going to the next', async () => {
    for (const wrong of [
      fault.status(404),
      fault.status(403),
      fault.status(500),
      fault.file(other),
      fault.file(bytes.subarray(1)),
      fault.file(Buffer.concat([bytes, bytes])),
      fault.body('<!DOCTYPE html><title>Log in</title>', 'text/html'),
      fault.resetAfter(bytes, 10),
    ]) {
      await store.discard(artifact.sha256)
      server.on(path, wrong)
      second.on(path, fault.file(bytes))
      const report = await fetchAll([artifact])
      expect(report.overcome).toMatchObject([
        { artifact, sources: [{ source: `live mirror ${server.url}${path}` }] },
      ])
      await expectStored()
    }
  })
})

describe('fetchArtifacts() rejects', () => {
  const mismatches: Record<string, [fault.Behaviour, RegExp]> = {
    'other bytes of the same length': [fault.file(other), /300000 bytes; likely tampered/],
    'a shorter file': [fault.file(bytes.subarray(0, 10)), /10 bytes; likely cut short/],
    'a body cut short each time': [fault.cutAfter(bytes, 0), /0 bytes; likely cut short/],
    'a longer file': [fault.file(Buffer.concat([bytes, other])), /600000 bytes; likely replaced/],
    'a longer file of unannounced length': [
      fault.cutAfter(Buffer.concat([bytes, other]), 600_000),
      /more than 300000 bytes; likely replaced/,
    ],
    'a web page': [
      fault.body('<html>Log in</html>', 'text/html'),
      /19 bytes; likely an error page.*\[HTML\]/,
    ],
    'a web page that says it is a package': [fault.body('<html>', 'application/octet-stream'), /\[HTML\]/],
  }
  for (const [name, [behaviour, likely]] of Object.entries(mismatches)) {
    it(`${name}, as ARTIFACT_MISMATCH`, async () => {
      server.on(path, behaviour)
      const error = await failureOf([artifact])
      expect(error.code).toBe('ARTIFACT_MISMATCH')
      for (const part of [
        artifact.name,
        artifact.file,
        artifact.sha256,
        '300000 bytes',
        `${server.url}${path}`,
      ]) {
        expect(error.message).toContain(part)
      }
      expect(error.message).toMatch(likely)
      expect(await readdir(store.temporary)).toEqual([])
    })
  }

  it('what the index states another sha256 for, without asking for it', async () => {
    const locate = async () => [{ url: server.url + path, label: 'index', sha256: sha256(other) }]
    const error = await failureOf([artifact], { locate })
    expect(error.code).toBe('ARTIFACT_MISMATCH')
    expect(error.message).toContain(`the index states sha256 ${sha256(other)}`)
    expect(server.seen).toEqual([])
  })

  it('what is 404 everywhere, as ARTIFACT_GONE', async () => {
    expect((await failureOf([artifact])).code).toBe('ARTIFACT_GONE')
    expect((await failureOf([artifact], { locate: async () => [] })).message).toContain(
      'no configured source',
    )
  })

  it('what is 404 here and 503 there, as FETCH_FAILED', async () => {
    server.on(path, fault.status(503))
    const error = await failureOf([artifact])
    expect(error.code).toBe('FETCH_FAILED')
    expect(server.seen).toHaveLength(1 + quick.retries)
  })

  it('a server that is not there, and retries only the first artifacts', async () => {
    await server.close()
    const artifacts = Array.from({ length: 5 }, (_, n) => makeArtifact(`p${n}`, makeBytes(10, n)))
    const error = await failureOf(artifacts, { concurrency: 1 })
    expect(error.code).toBe('FETCH_FAILED')
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.details?.artifacts).toHaveLength(5)
    server = await fault.startFaultServer()
  })

  it('all that failed in one error, without credentials', async () => {
    const good = makeArtifact('good', other)
    server.on(`/${good.file}`, fault.file(other))
    const gone = makeArtifact('gone', makeBytes(5))
    server.on(path, fault.file(other))
    const locate: FetchOptions['locate'] = async ({ file }) => [
      { url: `${server.url.replace('//', '//user:secret@')}/${file}?token=secret`, label: 'mirror' },
    ]
    server.on(`${path}?token=secret`, fault.file(other))
    server.on(`/${good.file}?token=secret`, fault.file(other))
    const error = await failureOf([gone, artifact, good], { locate })
    expect(error.message).toContain('could not get 2 of 3 artifacts')
    expect(error.message).toContain(gone.name)
    expect(error.message).toContain(artifact.name)
    expect(error.message + JSON.stringify(error.details)).not.toContain('secret')
    expect(await store.verify(good)).toBe(true)
  })

  it('a full disk as DISK_FULL', async ({ skip }) => {
    const directory = await mountedDirectory('size=128k')
    if (directory === undefined) return skip('needs the right to mount a tmpfs')
    server.on(path, fault.file(bytes))
    const error = await failureOf([artifact], { store: await openStore(directory) })
    expect(error).toMatchObject({ code: 'DISK_FULL', message: expect.stringContaining(directory) })
  })

  it('a read-only store as NOT_WRITABLE, unless it has all', async ({ skip }) => {
    const directory = await mountedDirectory('size=1m')
    if (directory === undefined) return skip('needs the right to mount a tmpfs')
    const readOnly = await openStore(directory)
    await readOnly.put(bytes)
    execFileSync('mount', ['-o', 'remount,ro', directory])
    expect(await fetchAll([artifact], { store: readOnly })).toMatchObject({ reused: 1 })
    const error = await failureOf([makeArtifact('new', other)], { store: readOnly })
    expect(error.code).toBe('NOT_WRITABLE')
  })
})

describe('fetchArtifacts() when interrupted', () => {
  it('ends at once, and the next run goes on from there', async () => {
    server.on(path, fault.stallAfter(bytes, 100_000), fault.file(bytes))
    const control = new AbortController()
    const onProgress = ({ bytesDone }: { bytesDone: number }) => {
      if (bytesDone === 100_000) control.abort()
    }
    const error = await failureOf([artifact], {
      signal: control.signal,
      onProgress,
      timing: { stall: 60_000 },
    })
    expect(error.code).toBe('INTERRUPTED')
    expect(await readdir(store.temporary)).toEqual([`${artifact.sha256}.part`])
    await fetchAll([artifact])
    expect(ranges()).toEqual([undefined, 'bytes=100000-'])
    await expectStored()
  })

  it('killed: the next process goes on from there', async () => {
    server.on(path, fault.stallAfter(bytes, 100_000), fault.file(bytes))
    const child = fetchProcess([artifact])
    await server.arrived(1)
    const partial = async () => (await readdir(store.temporary).catch(() => []))[0]
    await expect
      .poll(async () => (await readFile(join(store.temporary, (await partial()) ?? ''))).length, {
        timeout: 20_000,
      })
      .toBe(100_000)
    child.kill('SIGKILL')
    await once(child, 'close')
    await fetchAll([artifact])
    expect(ranges()).toEqual([undefined, 'bytes=100000-'])
    await expectStored()
  })
})

describe('fetchArtifacts() in several processes at once', () => {
  it('shares the work, and all have everything', async () => {
    const artifacts = Array.from({ length: 4 }, (_, n) => makeArtifact(`p${n}`, makeBytes(200_000, n + 1)))
    for (const [n, { file }] of artifacts.entries()) {
      server.on(`/${file}`, fault.drip(makeBytes(200_000, n + 1), 20, 20))
    }
    const children = [fetchProcess(artifacts), fetchProcess(artifacts), fetchProcess(artifacts)]
    const reports = await Promise.all(children.map(async (child) => JSON.parse(await text(child.stdout))))
    expect(reports.map(({ reused, fetched }) => reused + fetched)).toEqual([4, 4, 4])
    expect(server.seen.length).toBeLessThan(12)
    for (const each of artifacts) expect(await store.verify(each)).toBe(true)
    expect(await readdir(store.temporary)).toEqual([])
  })

  it('does not wait for one that is stuck longer than its patience', async () => {
    server.on(path, fault.stallAfter(bytes, 100_000), fault.file(bytes))
    const child = fetchProcess([artifact])
    await server.arrived(1)
    await fetchAll([artifact], { timing: { ...quick, patience: 200 } })
    expect(await store.verify(artifact)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'close')
  })
})

function fetchProcess(artifacts: Artifact[]) {
  const program = fileURLToPath(new URL('./testing/fetch-process.ts', import.meta.url))
  const args = [program, store.directory, server.url, JSON.stringify(artifacts)]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

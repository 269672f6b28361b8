import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Artifact } from '../store/artifact.ts'
import { fetchArtifacts } from '../store/fetch-artifacts.ts'
import { openStore } from '../store/store.ts'
import * as fault from '../store/testing/fault-server.ts'
import { makeArtifact, makeBytes, sha256 } from '../store/testing/make-artifact.ts'
import { temporaryDirectory } from '../store/testing/temporary-directory.ts'
import { locateDebian, locatePypi, locateWith } from './locate.ts'

const bytes = makeBytes(1000)
const file = 'six-1.0-py3-none-any.whl'
const wheel: Artifact = { ...makeArtifact('six', bytes), file, origin: { kind: 'pypi', name: 'six', file } }
const { signal } = new AbortController()
const timing = { retries: 2, backoff: 1, stall: 200 }

let server: fault.FaultServer
let second: fault.FaultServer
beforeEach(async () => {
  server = await fault.startFaultServer()
  second = await fault.startFaultServer()
})
afterEach(() => Promise.all([server.close(), second.close()]))

const page = (url: string, hash = sha256(bytes)) =>
  fault.body(
    JSON.stringify({
      meta: { 'api-version': '1.0' },
      files: [{ filename: file, url, hashes: { sha256: hash } }],
    }),
    'application/vnd.pypi.simple.v1+json',
  )

describe('locateDebian()', () => {
  it('joins roots and path, escaped, and keeps the order', async () => {
    const debian = makeArtifact('x', bytes)
    debian.origin = { kind: 'debian', archive: 'debian', path: 'pool/main/g/g++/g++_1%3a2~3+b1_amd64.deb' }
    const locate = locateDebian({
      debian: [
        { url: 'http://a.example.org/debian/', label: 'mirror' },
        { url: 'https://me:pw@b.example.org', label: 'snapshot' },
      ],
    })
    expect(await locate(debian)).toEqual([
      {
        url: 'http://a.example.org/debian/pool/main/g/g%2B%2B/g%2B%2B_1%253a2~3%2Bb1_amd64.deb',
        label: 'mirror',
      },
      {
        url: 'https://b.example.org/pool/main/g/g%2B%2B/g%2B%2B_1%253a2~3%2Bb1_amd64.deb',
        label: 'snapshot',
        headers: { authorization: 'Basic bWU6cHc=' },
      },
    ])
    expect(await locate(wheel)).toEqual([])
    expect(await locateWith(locate, locatePypi([], { signal }))(debian)).toHaveLength(2)
  })
})

describe('locatePypi()', () => {
  it('finds a file by name, asking for a page once, JSON preferred', async () => {
    server.on('/simple/six/', page('../../f/a.whl'))
    const locate = locatePypi([{ url: `${server.url}/simple/` }], { signal })
    const expected = [{ url: `${server.url}/f/a.whl`, label: 'index', sha256: sha256(bytes) }]
    expect(await Promise.all([locate(wheel), locate(wheel)])).toEqual([expected, expected])
    expect(server.seen).toHaveLength(1)
    expect(server.seen[0]?.headers.accept).toMatch(/^application\/vnd\.pypi\.simple\.v1\+json,/)
  })

  it('resolves against the address after redirects', async () => {
    server.on('/six/', fault.status(301, { location: `${second.url}/deep/six/` }))
    second.on('/deep/six/', fault.body(`<a href="${file}">x</a>`, 'text/html'))
    expect(await locatePypi([{ url: server.url }], { signal })(wheel)).toEqual([
      { url: `${second.url}/deep/six/${file}`, label: 'index' },
    ])
  })

  it('sends credentials to the index and its own files only', async () => {
    const index = { url: server.url.replace('//', '//user:p%40ss@') }
    const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`
    server.on('/six/', page('/own.whl'))
    expect(await locatePypi([index], { signal })(wheel)).toMatchObject([
      { url: `${server.url}/own.whl`, headers: { authorization } },
    ])
    expect(server.seen[0]?.headers.authorization).toBe(authorization)
    server.on('/six/', page(`${second.url}/foreign.whl`))
    const [foreign] = await locatePypi([index], { signal })(wheel)
    expect(foreign?.headers).toBeUndefined()
  })

  it('goes by all indexes, and a broken one counts only when no other has the file', async () => {
    const locate = () => locatePypi([{ url: server.url }, { url: second.url }], { signal, timing })(wheel)
    expect(await locate()).toEqual([])
    server.on('/six/', fault.status(503))
    await expect(locate()).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining('HTTP 503'),
    })
    expect(server.seen).toHaveLength(4)
    second.on('/six/', page('/a.whl'))
    expect(await locate()).toMatchObject([{ url: `${second.url}/a.whl` }])
  })

  it('rejects a login page and broken JSON', async () => {
    server.on('/six/', fault.body('{', 'application/vnd.pypi.simple.v1+json'))
    await expect(locatePypi([{ url: server.url }], { signal })(wheel)).rejects.toMatchObject({
      code: 'INDEX_INVALID',
    })
    server.on('/six/', fault.status(403))
    await expect(locatePypi([{ url: server.url }], { signal })(wheel)).rejects.toMatchObject({
      code: 'FETCH_FAILED',
    })
  })

  it('serves fetchArtifacts(), which does not fetch what the index calls another file', async () => {
    const store = await openStore(await temporaryDirectory())
    server.on('/six/', page('/a.whl', 'ab'.repeat(32)))
    server.on('/a.whl', fault.file(bytes))
    const fetching = () =>
      fetchArtifacts([wheel], { store, timing, locate: locatePypi([{ url: server.url }], { signal }) })
    await expect(fetching()).rejects.toMatchObject({ code: 'ARTIFACT_MISMATCH' })
    expect(server.seen.map(({ path }) => path)).toEqual(['/six/'])
    server.on('/six/', page('/a.whl'))
    expect(await fetching()).toMatchObject({ fetched: 1 })
  })
})

import { readdir } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { downloadUnpinned } from './download.ts'
import { openStore, type Store } from './store.ts'
import * as fault from './testing/fault-server.ts'
import { makeBytes, sha256 } from './testing/make-artifact.ts'
import { temporaryDirectory } from './testing/temporary-directory.ts'

const bytes = makeBytes(300_000)
const timing = { retries: 3, backoff: 1, stall: 300 }

let server: fault.FaultServer
let store: Store
beforeEach(async () => {
  server = await fault.startFaultServer()
  store = await openStore(await temporaryDirectory())
})
afterEach(() => server.close())

const download = (path = '/a.bin') =>
  downloadUnpinned(
    { url: `${server.url}${path}`, label: 'download' },
    { store, timing, signal: new AbortController().signal },
  )

describe('downloadUnpinned()', () => {
  it('takes a file as it is, and leaves nothing else', async () => {
    server.on('/a.bin', fault.file(bytes))
    expect(await download()).toEqual({ sha256: sha256(bytes), size: bytes.length })
    expect(await store.verify({ sha256: sha256(bytes), size: bytes.length })).toBe(true)
    expect(await readdir(store.temporary)).toEqual([])
  })

  it('goes on where a connection broke off', async () => {
    server.on('/a.bin', fault.resetAfter(bytes, 100_000), fault.file(bytes))
    expect(await download()).toMatchObject({ sha256: sha256(bytes) })
    expect(server.seen).toHaveLength(2)
  })

  it('begins again when the file was replaced meanwhile', async () => {
    const other = makeBytes(200_000, 7)
    server.on('/a.bin', fault.resetAfter(bytes, 100_000), fault.file(other, { etag: '"2"' }))
    expect(await download()).toEqual({ sha256: sha256(other), size: other.length })
  })

  it('follows redirects, retries what may pass, and says what does not', async () => {
    server.on('/a.bin', fault.status(503), fault.status(302, { location: '/b.bin' }))
    server.on('/b.bin', fault.file(bytes))
    expect(await download()).toMatchObject({ size: bytes.length })
    await expect(download('/gone')).rejects.toMatchObject({ code: 'ARTIFACT_GONE' })
    server.on('/login', fault.body('<html>', 'text/html'))
    await expect(download('/login')).rejects.toMatchObject({ code: 'FETCH_FAILED' })
    server.on('/no?token=s3cret', fault.status(403))
    const refused = await download('/no?token=s3cret').catch((error: Error) => error)
    expect(refused).toMatchObject({ code: 'FETCH_FAILED' })
    expect(String(refused)).not.toContain('s3cret')
  })
})

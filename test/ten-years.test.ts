import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest'
import { contextArtifacts } from '../src/dockerfile/context-artifacts.ts'
import { DebianPackage, type LockedPlatform } from '../src/lock/schema.ts'
import { createGet } from '../src/net/http-get.ts'
import { archiveServices } from '../src/resolve/debian/archive-services.ts'
import { type FetchedIndex, fetchIndexes } from '../src/resolve/debian/fetch-indexes.ts'
import { readPackages } from '../src/resolve/debian/read-packages.ts'
import { refetchIndexes } from '../src/resolve/debian/refetch-indexes.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { fetchInputs } from '../src/workflows/build/fetch-inputs.ts'
import { openSession, type Session } from '../src/workflows/session.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { type ConnectProxy, startConnectProxy } from './world/connect-proxy.ts'
import { sound, tooMany } from './world/faults.ts'
import { startWorld, type World } from './world/world.ts'

const possible = await canHaveWorld()
if (possible !== true) console.warn(`skipped: what can be had in ten years, since ${possible}`)

const hostOf = (url: string) => new URL(url).host
const services = await archiveServices()

test("Debian's services are neighbours in the domain of its signing keys", () => {
  const [snapshot, old] = [hostOf(services.snapshot).split('.'), hostOf(services.oldReleases).split('.')]
  expect([snapshot[0], old[0]]).toEqual(['snapshot', 'archive'])
  expect(snapshot.slice(1)).toEqual(old.slice(1))
  expect(snapshot).toHaveLength(3)
})

describe.skipIf(possible !== true)('with the old versions gone from the mirrors, and no setting made', () => {
  let world: World
  let outside: ConnectProxy
  let locked: LockedPlatform
  let indexes: FetchedIndex[]

  beforeAll(async () => {
    world = await startWorld()
    outside = await startConnectProxy({
      [hostOf(services.snapshot)]: world.front.snapshot.host,
      [hostOf(services.oldReleases)]: world.front.apt.host,
    })
    // what a machine would be that is set up with mirrors alone
    const settings = { ...world.env, STILLROOM_SNAPSHOT: '', HTTPS_PROXY: outside.url, https_proxy: '' }
    for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value)
    const { url } = world.front.apt
    indexes = await fetchIndexes('bookworm', {
      get: createGet({ ca: world.authority.ca }),
      sources: { debian: [`${url}/debian`], 'debian-security': [`${url}/debian-security`] },
      keys: [world.apt.key],
      now: new Date('2024-01-16T00:00:00Z'),
    })
    locked = {
      epoch: 1_705_320_000,
      base: lockedBase(indexes),
      steps: [],
      image: null,
    }
    world.move.packageUpdated()
  })
  beforeEach(() => {
    outside.seen.length = 0
    world.front.snapshot.clear()
  })
  afterEach(() => vi.stubEnv('STILLROOM_SNAPSHOT', ''))
  afterAll(async () => {
    vi.unstubAllEnvs()
    await outside?.close()
    await world?.close()
  })

  /** An empty store, and what this process' environment says. */
  async function session(): Promise<Session> {
    const directory = await temporaryDirectory()
    await mkdir(join(directory, 'recipes'))
    const env = { ...process.env, STILLROOM_CACHE: join(directory, 'cache') }
    const { signal } = new AbortController()
    return openSession({ directory, env, signal, progress: () => {} })
  }
  const fetchAll = async (ports: Session) => fetchInputs(ports, contextArtifacts(locked), locked)
  const refetch = async (ports: Session) => {
    const { debian, snapshot, oldReleases, ca } = await ports.sources()
    const options = { get: createGet({ ca }), sources: debian, snapshot, oldReleases, now: new Date() }
    return refetchIndexes(locked.base.indexes, { ...options, keys: [world.apt.key] })
  }

  test("a build gets every package from Debian's snapshot service", async () => {
    const report = await fetchAll(await session())
    expect(report).toMatchObject({ fetched: 2, damaged: [] })
    expect(report.overcome.map(({ artifact }) => artifact.name)).toEqual(['widget 1.0 all'])
    expect(new Set(outside.seen)).toEqual(new Set([`${hostOf(services.snapshot)}:443`]))
  })

  test('the locked indexes come from there, too', async () => {
    const again = await refetch(await session())
    expect(again.map(({ index }) => index)).toEqual(indexes.map(({ index }) => index))
    expect(outside.seen.length).toBeGreaterThan(0)
  })

  test('with `none` nothing is asked there, and the error says so', async () => {
    vi.stubEnv('STILLROOM_SNAPSHOT', 'none')
    vi.stubEnv('STILLROOM_OLD_RELEASES', 'none')
    onTestFinished(() => void vi.stubEnv('STILLROOM_OLD_RELEASES', ''))
    const says = expect.stringContaining('STILLROOM_SNAPSHOT (or sources.snapshot) is "none"')
    await expect(fetchAll(await session())).rejects.toMatchObject({ code: 'ARTIFACT_GONE', hint: says })
    await expect(refetch(await session())).rejects.toMatchObject({ code: 'INDEX_INVALID', hint: says })
    expect(outside.seen).toEqual([])
  })

  test('it is asked again when it says for how long it wants to be left alone', async () => {
    world.front.snapshot.on(/widget_1/, tooMany(1), tooMany(1), sound)
    const started = performance.now()
    expect(await fetchAll(await session())).toMatchObject({ fetched: 2 })
    expect(performance.now() - started).toBeGreaterThan(2000)
  })
})

/** All packages that the indexes have, as a base. */
function lockedBase(indexes: readonly FetchedIndex[]): LockedPlatform['base'] {
  const read = readPackages(indexes.map(({ index, packages }) => ({ archive: index.archive, packages })))
  const packages = [...read.values()].map((entry) =>
    DebianPackage.parse({
      ...{ name: entry.name, version: entry.version, architecture: entry.architecture },
      ...{ archive: entry.archive, path: entry.path, size: entry.size, sha256: entry.sha256 },
    }),
  )
  return { kind: 'debian', suite: 'bookworm', indexes: indexes.map(({ index }) => index), seed: [], packages }
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLock } from '../../src/lock/parse-lock.ts'
import type { LockedPlatform } from '../../src/lock/schema.ts'
import type { Timing } from '../../src/net/retry.ts'
import { resolveFile } from '../../src/resolve/file/resolve-file.ts'
import { findSources, type Sources } from '../../src/sources/find-sources.ts'
import { type Locate, locatePypi } from '../../src/sources/locate.ts'
import type { Artifact, Origin } from '../../src/store/artifact.ts'
import { downloadUnpinned } from '../../src/store/download.ts'
import { fetchArtifacts } from '../../src/store/fetch-artifacts.ts'
import type { Store } from '../../src/store/store.ts'
import { sha256 } from '../../src/store/testing/make-artifact.ts'
import { locateFrom } from '../../src/workflows/build/fetch-inputs.ts'
import { archiveStates, distributions, MESH } from './contents.ts'
import type { FaultProxy } from './fault-proxy.ts'
import { gitSources } from './git-fault-sources.ts'
import { registrySources } from './registry-fault-sources.ts'
import type { World } from './world.ts'

/** A kind of source, with one file to fetch from it. */
export interface FaultSource {
  name: string
  /** What the store has afterwards. */
  file: { sha256: string; size: number }
  /** Fetches it as a new run does; gives how many places failed before one gave it. */
  fetch(store: Store): Promise<number>
  /** Where faults are made, and the requests that meet them. */
  front: FaultProxy
  path: RegExp
  /** Other bytes than those wanted may stay in the store, by their own digest: until then it is not known. */
  keepsAny?: true
  /** The first request is for something else than the file: to change a byte of that need not harm. */
  asksFirst?: true
}

const HELLO = join(import.meta.dirname, '../../recipes/hello/lock.json')

/** Each kind of source, as the settings of the world name it, behind a front of its own. */
export async function faultSources(world: World, timing: Partial<Timing>): Promise<FaultSource[]> {
  const found = await findSources({ env: { ...process.env, ...world.env } })
  return [
    ...(await artifactSources(world, found, timing)),
    await unpinnedSource(world, found, timing),
    ...(await registrySources(world, found, timing)),
    ...(await gitSources(world, found)),
  ]
}

/** A download while it is locked, whose digest the recipe knows. */
async function unpinnedSource(world: World, { ca }: Sources, timing: Partial<Timing>): Promise<FaultSource> {
  const front = await world.startFront(world.files)
  const url = `${front.url}/data/mesh.txt`
  const file = { sha256: sha256(MESH), size: MESH.length }
  const step = {
    kind: 'file' as const,
    url,
    sha256: file.sha256,
    to: '/mesh',
    unpack: false,
    strip: 0,
    mode: '0644',
  }
  return {
    name: 'download, locking',
    file,
    front,
    path: /mesh/,
    keepsAny: true,
    fetch: async (store) => {
      const located = { url, label: 'download', ca }
      const { signal } = new AbortController()
      await resolveFile(step, () => downloadUnpinned(located, { store, signal, timing }))
      return 0
    },
  }
}

async function artifactSources(
  world: World,
  found: Sources,
  timing: Partial<Timing>,
): Promise<FaultSource[]> {
  const [state] = await archiveStates()
  const widget = state?.suites['debian bookworm']?.find(({ name }) => name === 'widget')
  const wheel = (await distributions()).find(({ version }) => version === '1.0')
  if (state === undefined || widget === undefined || wheel === undefined)
    throw new Error('the contents changed')
  const locked = await lockedOn(state.date)
  const { signal } = new AbortController()
  const trust = found.ca === undefined ? {} : { ca: found.ca }
  const debian = (front: FaultProxy) => ({ ...found.debian, debian: [`${front.url}/debian`] })
  const indexes = (front: FaultProxy) =>
    found.pypi.indexes.map((url) => url.replace(world.front.index.host, front.host))

  const source = async (
    name: string,
    { server, path, of }: { server: { url: string }; path: RegExp; of: Artifact },
    locate: (front: FaultProxy) => Locate,
  ): Promise<FaultSource> => {
    const front = await world.startFront(server)
    const fetch = async (store: Store) => {
      const { overcome } = await fetchArtifacts([of], { store, locate: locate(front), timing })
      return overcome.flatMap(({ sources }) => sources).length
    }
    return { name, file: of, front, path, fetch }
  }

  const deb = artifact(widget.bytes, 'widget 1.0', { kind: 'debian', archive: 'debian', path: widget.path })
  const python = artifact(wheel.bytes, 'tiny-numbers 1.0', {
    kind: 'pypi',
    name: wheel.name,
    file: wheel.file,
  })
  const mesh = { kind: 'url' as const, url: `${world.files.url}/data/mesh.txt` }
  return Promise.all([
    source('Debian mirror', { server: world.apt, path: /widget_/, of: deb }, (front) =>
      locateFrom({ ...found, debian: debian(front), snapshot: undefined }, locked, signal),
    ),
    source('with a snapshot', { server: world.apt, path: /widget_/, of: deb }, (front) =>
      locateFrom({ ...found, debian: debian(front) }, locked, signal),
    ),
    // the page has its patience from here
    source('Python page', { server: world.index, path: /simple/, of: python }, (front) =>
      locatePypi(
        indexes(front).map((url) => ({ url, ...trust })),
        { signal, timing },
      ),
    ),
    source('Python file', { server: world.index, path: /\.whl$/, of: python }, (front) =>
      locateFrom({ ...found, pypi: { ...found.pypi, indexes: indexes(front) } }, locked, signal),
    ),
    source(
      'download',
      { server: world.files, path: /mesh/, of: artifact(MESH, 'mesh.txt', mesh) },
      (front) => {
        const locate = locateFrom(found, locked, signal)
        return (of) =>
          locate({ ...of, origin: { kind: 'url', url: mesh.url.replace(world.files.url, front.url) } })
      },
    ),
  ])
}

/** A lock whose Debian indexes are of a day. */
async function lockedOn(date: Date): Promise<LockedPlatform> {
  const locked = parseLock(await readFile(HELLO, 'utf8'), HELLO).platforms['linux/amd64']
  if (locked === undefined) throw new Error('hello is not locked')
  const indexes = locked.base.indexes.map((index) => ({ ...index, date: date.toISOString() }))
  return { ...locked, base: { ...locked.base, indexes } }
}

function artifact(bytes: Uint8Array, name: string, origin: Origin): Artifact {
  const path = 'path' in origin ? origin.path : 'file' in origin ? origin.file : name
  return { name, file: path.split('/').at(-1) ?? path, sha256: sha256(bytes), size: bytes.length, origin }
}

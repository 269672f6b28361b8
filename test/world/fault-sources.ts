import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLock } from '../../src/lock/parse-lock.ts'
import type { LockedPlatform } from '../../src/lock/schema.ts'
import { findSources } from '../../src/resolve/sources/find-sources.ts'
import type { Artifact, Origin } from '../../src/store/artifact.ts'
import type { Timing } from '../../src/store/http-origins.ts'
import { type Locate, locatePypi } from '../../src/store/locate.ts'
import { sha256 } from '../../src/store/testing/make-artifact.ts'
import { locateFrom } from '../../src/workflows/fetch-inputs.ts'
import { archiveStates, distributions } from './contents.ts'
import type { FaultProxy } from './fault-proxy.ts'
import type { World } from './world.ts'

/** A kind of source, with one file to fetch from it. */
export interface FaultSource {
  name: string
  artifact: Artifact
  /** Looks the file up anew each time, as a new run does. */
  locate(): Locate
  /** Where faults are made, and the requests that meet them. */
  front: FaultProxy
  path: RegExp
}

const HELLO = join(import.meta.dirname, '../../recipes/hello/lock.json')

/** Each kind of source, as the settings of the world name it, behind a front of its own. */
export async function faultSources(world: World, timing: Partial<Timing>): Promise<FaultSource[]> {
  const [state] = await archiveStates()
  const widget = state?.suites['debian bookworm']?.find(({ name }) => name === 'widget')
  const wheel = (await distributions()).find(({ version }) => version === '1.0')
  if (state === undefined || widget === undefined || wheel === undefined)
    throw new Error('the contents changed')
  const locked = await lockedOn(state.date)
  const found = await findSources({ env: { ...process.env, ...world.env } })
  const { signal } = new AbortController()
  const trust = found.ca === undefined ? {} : { ca: found.ca }
  const debian = (front: FaultProxy) => ({ ...found.debian, debian: [`${front.url}/debian`] })
  const indexes = (front: FaultProxy) =>
    found.pypi.indexes.map((url) => url.replace(world.front.index.host, front.host))

  const deb = artifact(widget.bytes, `${widget.name} ${widget.version}`, {
    kind: 'debian',
    archive: 'debian',
    path: widget.path,
  })
  const python = artifact(wheel.bytes, `${wheel.name} ${wheel.version}`, {
    kind: 'pypi',
    name: wheel.name,
    file: wheel.file,
  })
  const source = async (
    name: string,
    { server, path, of }: { server: { url: string }; path: RegExp; of: Artifact },
    locate: (front: FaultProxy) => Locate,
  ): Promise<FaultSource> => {
    const front = await world.startFront(server)
    return { name, artifact: of, front, path, locate: () => locate(front) }
  }
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
  const path = 'path' in origin ? origin.path : 'file' in origin ? origin.file : 'file'
  return { name, file: path.split('/').at(-1) ?? path, sha256: sha256(bytes), size: bytes.length, origin }
}

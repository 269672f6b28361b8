import { createHash } from 'node:crypto'
import { xz } from '@napi-rs/lzma'
import { createCleartextMessage, generateKey, type PrivateKey, readPrivateKey, sign } from 'openpgp'
import { admit, type Login } from './login.ts'
import { type ServerOptions, startLoopbackServer } from './loopback-server.ts'
import type { Deb } from './make-deb.ts'

/** An archive on one day: which packages each suite has, by `ARCHIVE SUITE`. */
export interface ArchiveState {
  date: Date
  suites: Readonly<Record<string, readonly Deb[]>>
}

/** Signed archives of Debian, and of Ubuntu, which has the same layout, with a snapshot service that remembers each of their states. */
export interface AptArchive {
  /** An archive is at `URL/NAME`, the snapshot service's at `URL/archive/NAME/TIME`. */
  url: string
  host: string
  /** The public key that signs, ASCII-armored. */
  key: string
  /** Has the live archives show another of the states. */
  show(state: number): void
  close(): Promise<void>
}

/** By path below the server's root, as in `debian/dists/bookworm/InRelease`. */
type Files = Map<string, Uint8Array>

/** The keys of a Debian are older than what they sign. */
const KEY_DATE = new Date('2023-01-01T00:00:00Z')
const INDEX = 'main/binary-amd64/Packages'

/** @param states the oldest first; that is what the live archives show at the beginning */
export async function startAptArchive(
  states: readonly ArchiveState[],
  options: ServerOptions & { login?: Login } = {},
): Promise<AptArchive> {
  const { key, publicKey } = await makeKey()
  const kept = await Promise.all(
    states.map(async (state) => ({ time: stamp(state.date), files: await publish(state, key) })),
  )
  let shown = 0
  const find = (path: string): Uint8Array | { redirect: string } | undefined => {
    const [, name, time, rest] = /^archive\/([^/]+)\/(\d{8}T\d{6}Z)\/(.+)$/.exec(path) ?? []
    if (time === undefined) return kept[shown]?.files.get(path)
    const last = kept.findLast((state) => state.time <= time)
    if (last !== undefined && last.time !== time) return { redirect: `/archive/${name}/${last.time}/${rest}` }
    return last?.files.get(`${name}/${rest}`)
  }

  const server = await startLoopbackServer((request, response) => {
    if (!admit(request, response, options.login)) return
    const found = find(decodeURIComponent((request.url ?? '').slice(1)))
    if (found === undefined) response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n')
    else if ('redirect' in found) response.writeHead(302, { location: found.redirect }).end()
    else {
      const headers = { 'content-length': found.length, etag: `"${sha256(found)}"` }
      response.writeHead(200, { 'content-type': 'application/octet-stream', ...headers }).end(found)
    }
  }, options)
  return {
    url: server.url,
    host: server.host,
    key: publicKey,
    show: (state) => {
      shown = state
    },
    close: server.close,
  }
}

/** A curve that the gpgv of every Debian knows. */
async function makeKey(): Promise<{ key: PrivateKey; publicKey: string }> {
  const { privateKey, publicKey } = await generateKey({
    type: 'ecc',
    curve: 'nistP256',
    userIDs: [{ name: 'stillroom test archive', email: 'test@example.org' }],
    date: KEY_DATE,
    format: 'armored',
  })
  return { key: await readPrivateKey({ armoredKey: privateKey }), publicKey }
}

async function publish({ date, suites }: ArchiveState, key: PrivateKey): Promise<Files> {
  const files: Files = new Map()
  for (const [place, debs] of Object.entries(suites)) {
    const [archive = '', suite = ''] = place.split(' ')
    const root = `${archive}/dists/${suite}`
    const origin = archive === 'ubuntu' ? 'Ubuntu' : 'Debian'
    const plain = Buffer.from(debs.map(({ stanza }) => `${stanza}\n`).join(''))
    const packed = await xz.compress(plain)
    const lines = Object.entries({ [INDEX]: plain, [`${INDEX}.xz`]: packed }).map(
      ([path, bytes]) => ` ${sha256(bytes)} ${bytes.length} ${path}`,
    )
    const release = [
      ...[`Origin: ${origin}`, `Label: ${origin}`, `Suite: ${suite}`, `Codename: ${suite}`],
      ...[`Date: ${date.toUTCString()}`, 'Acquire-By-Hash: yes', 'Architectures: amd64', 'Components: main'],
      ...['SHA256:', ...lines, ''],
    ].join('\n')
    const message = await createCleartextMessage({ text: release })
    files.set(`${root}/InRelease`, Buffer.from(await sign({ message, signingKeys: key, date })))
    files.set(`${root}/${INDEX}`, plain)
    files.set(`${root}/${INDEX}.xz`, packed)
    files.set(`${root}/main/binary-amd64/by-hash/SHA256/${sha256(packed)}`, packed)
    for (const { path, bytes } of debs) files.set(`${archive}/${path}`, bytes)
  }
  return files
}

/** As a snapshot service names a time: `20240115T120000Z`. */
function stamp(date: Date): string {
  return date.toISOString().replace(/\.\d+/, '').replace(/[:-]/g, '')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

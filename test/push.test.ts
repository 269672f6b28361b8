import { createHash, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { request as plainRequest } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setInterval } from 'node:timers/promises'
import { zstdCompressSync } from 'node:zlib'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { AttachedFile } from '../src/formats/oci-referrer.ts'
import { fetchPublished, type Published } from '../src/image/fetch-published.ts'
import { configOf, sha256, tarOf } from '../src/image/image-archive.test-data.ts'
import { manifestOf, type PushableImage, pushImage } from '../src/image/push-image.ts'
import type { TransferProgress } from '../src/image/transfer.ts'
import type { WritableImage } from '../src/image/write-archive.ts'
import { fetchBlob } from '../src/sources/registry/fetch-blob.ts'
import { pushTarget } from '../src/sources/registry/push.ts'
import { pushReferrers } from '../src/sources/registry/push-referrers.ts'
import { createRegistries, type RegistrySettings } from '../src/sources/registry/registries.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { readStatement } from '../src/workflows/publish/files-to-attach.ts'
import { readSigningKey, signImage } from '../src/workflows/publish/sign-image.ts'
import { ask } from './world/ask.ts'
import { LOOPBACK_NAMES, makeAuthority } from './world/certificates.ts'
import { type FaultProxy, startFaults } from './world/fault-proxy.ts'
import {
  cutShort,
  cutSilently,
  type Fault,
  forbidden,
  notFound,
  reset,
  unavailable,
  wrongBytes,
} from './world/faults.ts'
import { startLoopbackServer } from './world/loopback-server.ts'
import { type Registry, type RegistryOptions, startRegistry } from './world/registry.ts'

/*
 * Images are pushed to a registry (Debian's docker-registry) and fetched back, without an engine, and with faults on the way.
 */

const LOGIN = { user: 'me', password: 'correct-horse-battery' }
const { signal } = new AbortController()
const timing = { backoff: 1 }

/** Two layers, of which the second fills several pieces of a connection. */
/** The image, and as a registry has it. */
let image: WritableImage
let pushable: PushableImage
let published: (reference: string) => Published

beforeAll(async () => {
  const tars = [
    await tarOf([{ name: 'etc/issue', content: 'below' }]),
    await tarOf([{ name: 'data', content: noise(2_000_000) }]),
  ]
  const layers = tars.map((bytes) => ({
    diffID: `sha256:${sha256(bytes)}`,
    size: bytes.length,
    read: async function* () {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
    },
  }))
  image = { config: configOf(tars), layers }
  const packed = tars.map((bytes) => zstdCompressSync(bytes))
  pushable = {
    config: image.config,
    layers: packed.map((bytes) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
      digest: `sha256:${sha256(bytes)}`,
      size: bytes.length,
      read: async function* () {
        for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
      },
    })),
  }
  published = (reference) => ({
    id: `sha256:${sha256(image.config)}`,
    tree: `sha256:${'0'.repeat(64)}`,
    size: tars.reduce((sum, { length }) => sum + length, 0),
    diffIDs: layers.map(({ diffID }) => diffID),
    published: { reference, manifest: manifestOf(pushable).digest },
  })
})

/** Bytes that compress to about half of them, the same each time. */
function noise(size: number): string {
  const blocks = Array.from({ length: size / 64 }, (_, i) =>
    createHash('sha256').update(String(i)).digest('hex'),
  )
  return blocks.join('')
}

function descriptor() {
  const { bytes: _, ...about } = manifestOf(pushable)
  return about
}

async function registryOf(options: RegistryOptions = {}): Promise<Registry> {
  const registry = await startRegistry(options)
  onTestFinished(() => registry.close())
  return registry
}

async function faultsBefore({ url }: Registry): Promise<FaultProxy> {
  const faults = await startFaults(url)
  onTestFinished(() => faults.close())
  return faults
}

const open = (settings: Partial<RegistrySettings> = {}) =>
  createRegistries({
    mirrors: {},
    defaultRegistry: async () => undefined,
    login: async () => undefined,
    signal,
    timing,
    ...settings,
  })

const targetAt = async (host: string, settings?: Partial<RegistrySettings>) =>
  pushTarget(await open(settings).repository(`${host}/team/app:1`), { signal, timing })

const push = async (host: string, settings?: Partial<RegistrySettings>) =>
  pushImage(await targetAt(host, settings), pushable, '1')

const writes = ({ seen }: FaultProxy) => seen.filter(({ method }) => /POST|PUT|PATCH/.test(method))

describe('pushImage()', () => {
  test.each(['basic', 'token'] as const)(
    'pushes by the login of the registry (%s) and its own certificates, once',
    async (kind) => {
      const authority = await makeAuthority(await temporaryDirectory())
      const tls = await authority.issue(LOOPBACK_NAMES)
      const registry = await registryOf({ login: { ...LOGIN, kind }, tls, ca: authority.ca })
      const settings = {
        ca: authority.ca,
        login: async () => ({ kind: 'password' as const, ...LOGIN }),
      }
      const first = await push(registry.host, settings)
      expect(first).toMatchObject({ manifest: descriptor(), sent: { blobs: 3 } })
      expect(await push(registry.host, settings)).toMatchObject({
        manifest: first.manifest,
        sent: { blobs: 0, bytes: 0 },
      })
      await expect(push(registry.host, { ca: authority.ca })).rejects.toMatchObject({
        code: 'REGISTRY_LOGIN_REFUSED',
        message: expect.stringContaining('cannot write to registry'),
      })
    },
  )

  test('sends nothing that the registry has, and the tag when all is there', async () => {
    const registry = await registryOf()
    const faults = await faultsBefore(registry)
    const told: TransferProgress[] = []
    await pushImage(await targetAt(faults.host), pushable, '1', (state) => told.push(state))
    const total = image.config.length + pushable.layers.reduce((sum, { size }) => sum + size, 0)
    expect(told.at(-1)).toEqual({ blobsDone: 3, blobsTotal: 3, bytesDone: total, bytesTotal: total })
    expect(told.length).toBeGreaterThan(10)
    const paths = writes(faults).map(({ method, path }) => `${method} ${path.replace(/\/uploads\/.*/, '')}`)
    expect(paths).toEqual([
      ...Array<string[]>(3).fill(['POST /v2/team/app/blobs', 'PUT /v2/team/app/blobs']).flat(),
      'PUT /v2/team/app/manifests/1',
    ])
    faults.clear()
    await push(faults.host)
    expect(writes(faults)).toEqual([])
  })

  test('sends a blob again whose upload breaks off', async () => {
    const registry = await registryOf()
    let cuts = 0
    const proxy = await startLoopbackServer((request, response) => {
      if (request.method === 'PUT' && Number(request.headers['content-length']) > 1e6 && cuts < 2) {
        cuts += 1
        request.once('data', () => request.socket.resetAndDestroy())
        return
      }
      const { method, headers } = request
      const onward = plainRequest(`${registry.url}${request.url}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        pipeline(answer, response, () => {})
      })
      pipeline(request, onward, () => {})
    })
    onTestFinished(() => proxy.close())
    expect(await push(proxy.host)).toMatchObject({ sent: { blobs: 3 } })
    expect(cuts).toBe(2)
    expect(await fetched(registry.host)).toEqual(await contentOf(image))
  })

  const UPLOADS = /^\/v2\/team\/app\/blobs\/uploads\//
  test.each<[name: string, path: string | RegExp, faults: Fault[]]>([
    ['an upload is refused for a time', UPLOADS, [unavailable, unavailable]],
    ['a connection is reset', UPLOADS, [reset]],
    ['a manifest is refused for a time', '/v2/team/app/manifests/1', [unavailable, unavailable]],
  ])('goes on when %s', async (_, path, given) => {
    const registry = await registryOf()
    const faults = await faultsBefore(registry)
    const passes: Fault = (real) => (_request, response) =>
      void response.writeHead(real.status, { ...real.headers, connection: 'close' }).end(real.body)
    faults.on(path, ...given, passes)
    await push(faults.host)
    expect(await fetched(registry.host)).toEqual(await contentOf(image))
  })

  /** An answer as if all were well, that names another digest. */
  const otherDigest: Fault = (real) => (_request, response) =>
    void response
      .writeHead(real.status, { ...real.headers, 'docker-content-digest': `sha256:${'1'.repeat(64)}` })
      .end(real.body)
  /** A manifest is taken, and another one is given back. */
  const forgets: Fault = (real) => (request, response) =>
    void response
      .writeHead(real.status, { ...real.headers, 'content-length': real.status === 200 ? '2' : '0' })
      .end(real.status === 200 && request.method === 'GET' ? '{}' : '')
  test.each<[name: string, path: string | RegExp, fault: Fault, code: string, says: string]>([
    ['refuses for good', UPLOADS, unavailable, 'PUSH_FAILED', 'HTTP 503'],
    ['forbids it', UPLOADS, forbidden, 'REGISTRY_LOGIN_REFUSED', 'HTTP 403 for team/app'],
    ['knows no uploads', UPLOADS, notFound, 'PUSH_FAILED', 'HTTP 404'],
    ['names another digest of a blob', UPLOADS, otherDigest, 'PUSH_FAILED', 'expected digest sha256:'],
    [
      'has another manifest then',
      '/v2/team/app/manifests/1',
      forgets,
      'PUSH_FAILED',
      'expected that digest there',
    ],
  ])('fails when the registry %s', async (_, path, fault, code, says) => {
    const registry = await registryOf()
    const faults = await faultsBefore(registry)
    faults.on(path, fault)
    const failed = await push(faults.host).catch((error) => error)
    expect(failed).toMatchObject({ code, message: expect.stringContaining(says) })
    expect(failed.hint).toBeDefined()
  })

  test('never sets the tag of an image with a layer that is another than it is called', async () => {
    const registry = await registryOf()
    const [first, second] = pushable.layers as [PushableImage['layers'][0], PushableImage['layers'][0]]
    const wrong = {
      ...second,
      read: async function* () {
        yield Buffer.alloc(second.size)
      },
    }
    const target = await targetAt(registry.host)
    await expect(pushImage(target, { ...pushable, layers: [first, wrong] }, '1')).rejects.toMatchObject({
      code: 'PUSH_FAILED',
    })
    expect(await target.getManifest('1')).toBeUndefined()
  })
})

/** What an image is made of, each by its digest. */
const contentOf = async ({ config, layers }: WritableImage) =>
  Promise.all(
    [config, ...layers.map((layer) => buffer(layer.read()))].map(async (bytes) => sha256(await bytes)),
  )

interface FetchedOptions {
  mirrors?: string[]
  /** Where what came in part stays. */
  directory?: string
  signal?: AbortSignal
}

/** What was fetched, of which nothing is left on disk then. */
async function fetched(host: string, { mirrors = [], ...options }: FetchedOptions = {}) {
  const reference = `${host}/team/app:1`
  const repositories = await open({ mirrors: { [host]: mirrors } }).repositories(reference)
  const directory = options.directory ?? (await temporaryDirectory())
  const how = { directory, present: [], signal: options.signal ?? signal, timing }
  let content: string[]
  {
    await using found = await fetchPublished(repositories, published(reference), how)
    content = await contentOf(found)
    for (const { packed } of found.layers) {
      const bytes = await buffer(packed?.read() ?? expect.unreachable())
      expect(`sha256:${sha256(bytes)}`).toBe(packed?.diffID)
    }
  }
  expect(await filesIn(directory)).toEqual([])
  return content
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

describe('fetchPublished()', () => {
  const cases = (): [path: string, fault: Fault, code: string, says: string][] => {
    const { id, published: about } = published('x/y:1')
    const digest = pushable.layers[1]?.digest
    const [layer, config] = [`/v2/team/app/blobs/${digest}`, `/v2/team/app/blobs/${id}`]
    const manifest = `/v2/team/app/manifests/${about.manifest}`
    return [
      [layer, wrongBytes, 'ARTIFACT_MISMATCH', 'tampered with or damaged on the way'],
      [layer, cutSilently(1000), 'ARTIFACT_MISMATCH', 'bytes; likely cut short'],
      [layer, cutShort(1000), 'FETCH_FAILED', 'the connection broke off'],
      [layer, notFound, 'ARTIFACT_GONE', 'HTTP 404'],
      [layer, forbidden, 'FETCH_FAILED', 'HTTP 403'],
      [config, wrongBytes, 'ARTIFACT_MISMATCH', `expected ${id}, got sha256:`],
      [manifest, wrongBytes, 'ARTIFACT_MISMATCH', `expected ${about.manifest}, got sha256:`],
      [manifest, notFound, 'REGISTRY_IMAGE_UNKNOWN', 'has no image'],
      [manifest, unavailable, 'FETCH_FAILED', 'HTTP 503'],
    ]
  }

  test('says what is wrong, and takes what a mirror gives wrong from the registry', async () => {
    const registry = await registryOf()
    await push(registry.host)
    for (const [path, fault, code, says] of cases()) {
      const faults = await faultsBefore(registry)
      faults.on(path, fault)
      await expect(fetched(faults.host), says).rejects.toMatchObject({
        code,
        message: expect.stringContaining(says),
      })
      expect(await fetched(registry.host, { mirrors: [faults.url] })).toEqual(await contentOf(image))
    }
  })

  test('goes on in the middle of a layer when a connection breaks off', async () => {
    const registry = await registryOf()
    await push(registry.host)
    const faults = await faultsBefore(registry)
    const layer = `/v2/team/app/blobs/${pushable.layers[1]?.digest}`
    const real: Fault = (answer) => (_request, response) =>
      void response.writeHead(answer.status, answer.headers).end(answer.body)
    faults.on(layer, cutShort(500_000), real)
    expect(await fetched(faults.host)).toEqual(await contentOf(image))
    expect(faults.seen.filter(({ path }) => path === layer).at(-1)?.headers.range).toBe('bytes=500000-')
  })

  test('goes on in the next run where a run was interrupted, and throws nothing away until then', async () => {
    const registry = await registryOf()
    await push(registry.host)
    const directory = await temporaryDirectory()
    const [first, second] = pushable.layers.map(({ digest }) => `/v2/team/app/blobs/${digest}`)
    const interrupt = new AbortController()
    const faults = await faultsBefore(registry)
    faults.on(second as string, (real) => (_request, response) => {
      response.writeHead(200, { 'content-length': String(real.body.length) })
      response.write(real.body.subarray(0, 500_000), () => poll())
    })
    const poll = async () => {
      // both have come as far as they do
      for await (const _ of setInterval(10)) {
        const sizes = await Promise.all(
          (await filesIn(directory)).map(async (path) => (await stat(path)).size),
        )
        if (sizes.includes(500_000) && sizes.includes(pushable.layers[0]?.size as number)) break
      }
      interrupt.abort(new Error('interrupted'))
    }
    const ended = fetched(faults.host, { directory, signal: interrupt.signal })
    await expect(ended).rejects.toThrow('interrupted')

    faults.clear()
    expect(await fetched(faults.host, { directory })).toEqual(await contentOf(image))
    const asked = faults.seen.filter(({ path }) => [first, second].includes(path))
    expect(asked.map(({ path, headers }) => [path, headers.range])).toEqual([[second, 'bytes=500000-']])
  })

  test('gives two runs at once the same image', async () => {
    const registry = await registryOf()
    await push(registry.host)
    const directory = await temporaryDirectory()
    const reference = `${registry.host}/team/app:1`
    const repositories = await open().repositories(reference)
    const run = async () => {
      const how = { directory, present: [], signal, timing }
      await using found = await fetchPublished(repositories, published(reference), how)
      return await contentOf(found)
    }
    const content = await contentOf(image)
    expect(await Promise.all([run(), run(), run()])).toEqual([content, content, content])
    expect(await filesIn(directory)).toEqual([])
  })

  test('takes no layer that is another one, or unpacks to more than the image, whatever its digest', async () => {
    const registry = await registryOf()
    const pack = (bytes: Buffer) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
      digest: `sha256:${sha256(bytes)}`,
      size: bytes.length,
      read: async function* () {
        yield bytes
      },
    })
    const [first] = pushable.layers as [PushableImage['layers'][0]]
    const swapped = zstdCompressSync(await tarOf([{ name: 'data', content: 'another' }]))
    const bomb = zstdCompressSync(Buffer.alloc(64 << 20))
    const cases: [Buffer, string, string][] = [
      [swapped, 'ARTIFACT_MISMATCH', 'another image'],
      [bomb, 'IMAGE_INVALID', 'more bytes than all of the locked image'],
      [swapped.subarray(0, -4), 'IMAGE_INVALID', 'damaged or cut short'],
    ]
    for (const [bytes, code, says] of cases) {
      const wrong = { ...pushable, layers: [first, pack(bytes)] }
      const { manifest } = await pushImage(await targetAt(registry.host), wrong, '1')
      const reference = `${registry.host}/team/app:1`
      const wanted = { ...published(reference), published: { reference, manifest: manifest.digest } }
      const directory = await temporaryDirectory()
      const repositories = await open().repositories(reference)
      await expect(
        fetchPublished(repositories, wanted, { directory, present: [], signal, timing }),
      ).rejects.toMatchObject({ code, message: expect.stringContaining(says) })
      expect(await filesIn(directory)).toEqual([])
    }
  })

  test('takes no manifest that names other layers than the lockfile, whatever its digest', async () => {
    const registry = await registryOf()
    const other = { ...pushable, layers: pushable.layers.slice(0, 1) }
    const pushed = await pushImage(await targetAt(registry.host), other, '1')
    const reference = `${registry.host}/team/app:1`
    const repositories = await open().repositories(reference)
    const wanted = { ...published(reference), published: { reference, manifest: pushed.manifest.digest } }
    await expect(
      fetchPublished(repositories, wanted, {
        directory: await temporaryDirectory(),
        present: [],
        signal,
        timing,
      }),
    ).rejects.toMatchObject({ code: 'ARTIFACT_MISMATCH', message: expect.stringContaining('another image') })
  })
})

test('pushReferrers() attaches files, lists them once, and keeps what others have attached', async () => {
  const registry = await registryOf()
  await push(registry.host)
  const target = await targetAt(registry.host)
  const subject = descriptor()
  const file = (name: string, text = name): AttachedFile => ({
    name,
    type: `application/${name}`,
    bytes: Buffer.from(text),
  })
  expect(await pushReferrers(target, subject, [file('a')])).toBe(1)
  expect(await pushReferrers(target, subject, [file('a'), file('b')])).toBe(1)
  expect(await pushReferrers(target, subject, [file('a'), file('b')])).toBe(0)
  const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'
  const read = async (path: string) => {
    const { body } = await ask(`${registry.url}/v2/team/app/${path}`, { headers: { accept } })
    return JSON.parse(body.toString())
  }
  const list = await read(`manifests/${subject.digest.replace(':', '-')}`)
  const types = list.manifests.map((entry: { artifactType: string }) => entry.artifactType)
  expect(types).toEqual(['application/a', 'application/b'])
  const artifact = await read(`manifests/${list.manifests[1].digest}`)
  expect(artifact).toMatchObject({ subject, layers: [{ digest: `sha256:${sha256(Buffer.from('b'))}` }] })
  expect(await read(`manifests/${subject.digest}`)).toEqual(JSON.parse(String(manifestOf(pushable).bytes)))
})

describe('signImage()', () => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  test('signs as cosign has it, once with each key', async () => {
    const registry = await registryOf()
    await push(registry.host)
    const target = await targetAt(registry.host)
    const manifest = manifestOf(pushable).digest
    const about = { repository: `${registry.host}/team/app`, manifest }
    const tag = `${manifest.replace(':', '-')}.sig`
    const signatures = async () => JSON.parse(String((await target.getManifest(tag))?.bytes))
    await signImage(target, keys.privateKey, about)
    const first = await signatures()
    await signImage(target, keys.privateKey, about)
    expect(await signatures()).toEqual(first)
    await signImage(target, other.privateKey, about)
    const { layers, config } = await signatures()
    expect(layers).toHaveLength(2)
    expect(layers[0]).toEqual(first.layers[0])
    for (const [index, { publicKey }] of [keys, other].entries()) {
      const { mediaType, digest, annotations } = layers[index]
      expect(mediaType).toBe('application/vnd.dev.cosign.simplesigning.v1+json')
      const { body } = await ask(`${registry.url}/v2/team/app/blobs/${digest}`)
      expect(JSON.parse(String(body)).critical).toEqual({
        identity: { 'docker-reference': about.repository },
        image: { 'docker-manifest-digest': manifest },
        type: 'cosign container image signature',
      })
      const signature = Buffer.from(annotations['dev.cosignproject.cosign/signature'], 'base64')
      expect(verify('sha256', body, publicKey, signature)).toBe(true)
    }
    const { body } = await ask(`${registry.url}/v2/team/app/blobs/${config.digest}`)
    expect(JSON.parse(String(body)).rootfs.diff_ids).toEqual(
      layers.map(({ digest }: { digest: string }) => digest),
    )
  })

  test.each<[name: string, text: () => string, says: string]>([
    ['P-384', () => pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey), 'got ec secp384r1'],
    ['Ed25519', () => pem(generateKeyPairSync('ed25519').privateKey), 'got ed25519'],
    [
      'an encrypted key',
      () =>
        String(
          keys.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
        ),
      'it is encrypted',
    ],
    [
      "a key of cosign's own",
      () =>
        '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n',
      'it is a key of cosign that is encrypted',
    ],
    ['a public key', () => String(keys.publicKey.export({ type: 'spki', format: 'pem' })), 'no private key'],
    ['something else', () => 'c2VjcmV0', 'no private key'],
  ])('readSigningKey() refuses %s, and says nothing of what it holds', async (_, text, says) => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, 'key.pem'), text())
    const failed = await readSigningKey(directory, 'key.pem').catch((error) => error)
    expect(failed).toMatchObject({ code: 'KEY_UNUSABLE', message: expect.stringContaining(says) })
    expect(`${failed.message} ${failed.hint} ${failed.cause}`).not.toContain('c2VjcmV0')
  })

  test('readSigningKey() takes PKCS #8 and SEC 1', async () => {
    const directory = await temporaryDirectory()
    for (const type of ['pkcs8', 'sec1'] as const) {
      await writeFile(join(directory, 'key.pem'), keys.privateKey.export({ type, format: 'pem' }))
      expect((await readSigningKey(directory, 'key.pem')).asymmetricKeyType).toBe('ec')
    }
  })
})

const pem = (key: KeyObject) => String(key.export({ type: 'pkcs8', format: 'pem' }))

test('readStatement() takes a statement about this image, and no other', async () => {
  const directory = await temporaryDirectory()
  const about = published('registry.example.org/x:1')
  const statement = (id: string) =>
    JSON.stringify({ subject: [{ name: 'stillroom/x', digest: { sha256: id.slice('sha256:'.length) } }] })
  await writeFile(join(directory, 'right.json'), statement(about.id))
  await writeFile(join(directory, 'other.json'), statement(about.tree))
  await writeFile(join(directory, 'none.json'), 'not JSON')
  expect(String(await readStatement(directory, 'right.json', about))).toBe(statement(about.id))
  for (const [file, says] of [
    ['other.json', `its subject is ${about.tree}`],
    ['none.json', 'it has no subject'],
    ['missing.json', 'ENOENT'],
  ] as const)
    await expect(readStatement(directory, file, about)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(says),
    })
})

test('fetchBlob() asks for a large blob part by part, so that it never waits in memory as a whole', async () => {
  const registry = await registryOf()
  const faults = await faultsBefore(registry)
  const piece = Buffer.alloc(1 << 20, 7)
  const [count, hash] = [70, createHash('sha256')]
  for (let index = 0; index < count; index++) hash.update(piece)
  const digest = `sha256:${hash.digest('hex')}`
  const size = count * piece.length
  const read = async function* () {
    for (let index = 0; index < count; index++) yield piece
  }
  await (await targetAt(registry.host)).pushBlob({ digest, size, read })
  const repositories = await open().repositories(`${faults.host}/team/app:1`)
  const fetched = createHash('sha256')
  for await (const bytes of fetchBlob(repositories, digest, { size, signal, timing })) fetched.update(bytes)
  expect(`sha256:${fetched.digest('hex')}`).toBe(digest)
  const ranges = faults.seen
    .filter(({ path }) => path.includes('/blobs/'))
    .map(({ headers }) => headers.range)
  expect(ranges).toEqual(['bytes=0-67108863', 'bytes=67108864-'])
})

import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { startLoopbackServer } from '../../test/world/loopback-server.ts'
import { composeImage, composeIndex, type OciImage } from '../../test/world/oci-image.ts'
import { createRegistries } from '../sources/registry/registries.ts'
import { tarOf } from './image-archive.test-data.ts'
import { readImageLayout } from './image-tree.ts'
import { MemoryLayerCache } from './layer-source.ts'
import { registryFiles } from './registry-files.ts'
import { treeDigest } from './tree-digest.ts'

const { signal } = new AbortController()
const NOISE = randomBytes(300_000).toString('latin1')
const lower = await tarOf([{ name: 'a', content: NOISE }])
const upper = await tarOf([{ name: 'b', content: 'above' }])
const AMD = await composeImage({ layers: [lower, upper] })
const ARM = await composeImage({
  layers: [await tarOf([{ name: 'c', content: 'arm' }])],
  platform: { os: 'linux', architecture: 'arm64' },
})
const INDEX = composeIndex([AMD, ARM])

type Fault = (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => boolean

/** A registry that has one image as `app:1`. @param fault answers by itself what it gives true for */
async function serve(image: OciImage, fault: Fault = () => false) {
  const all = [image, ...image.manifests]
  const found = new Map<string, Uint8Array>(all.map(({ digest, bytes }) => [`manifests/${digest}`, bytes]))
  found.set('manifests/1', image.bytes)
  for (const { blobs } of all)
    for (const { digest, content } of blobs) found.set(`blobs/${digest}`, content as Uint8Array)
  const asked: string[] = []
  const server = await startLoopbackServer((request, response) => {
    const name = request.url?.replace('/v2/app/', '') ?? ''
    if (name === '/v2/') return response.end('{}')
    asked.push(name + (request.headers.range ? ` ${request.headers.range}` : ''))
    const bytes = found.get(name)
    if (bytes === undefined) return response.writeHead(404).end()
    if (fault(request, response, Buffer.from(bytes))) return
    response.end(bytes)
  })
  onTestFinished(() => server.close())
  const registries = createRegistries({
    mirrors: {},
    signal,
    defaultRegistry: async () => undefined,
    login: async () => undefined,
  })
  const repositories = await registries.repositories(`${server.host}/app`)
  const open = (wanted: string) => registryFiles(repositories, wanted, signal)
  return { asked, open }
}

const [, LOWER] = AMD.blobs as [unknown, { digest: string }]
const isLower = ({ url = '' }: IncomingMessage) => url.endsWith(LOWER.digest)
const expected = async () => {
  const { open } = await serve(AMD)
  return treeDigest((await readImageLayout(await open('1'))).root)
}

test('of an image of several platforms one is read, and nothing of the others is asked for', async () => {
  const { asked, open } = await serve(INDEX)
  const image = await readImageLayout(await open('1'), { platform: 'linux/amd64' })
  expect(image).toMatchObject({ id: AMD.imageId, manifest: AMD.digest })
  expect(treeDigest(image.root)).toBe(await expected())
  const wanted = [
    'manifests/1',
    `manifests/${AMD.digest}`,
    ...AMD.blobs.map(({ digest }) => `blobs/${digest}`),
  ]
  expect(asked.sort()).toEqual(wanted.sort())
  const arm = await readImageLayout(await open('1'), { platform: 'linux/arm64' })
  expect(arm.id).toBe(ARM.imageId)
})

test('layers that are known are not fetched again', async () => {
  const { asked, open } = await serve(AMD)
  const cache = new MemoryLayerCache()
  const first = await readImageLayout(await open(AMD.digest), { cache })
  asked.length = 0
  const again = await readImageLayout(await open(AMD.digest), { cache })
  expect(treeDigest(again.root)).toBe(treeDigest(first.root))
  expect(asked).toEqual([`manifests/${AMD.digest}`, `blobs/${AMD.blobs[0]?.digest}`])
})

test.each([true, false])('what breaks off goes on where it was; ranges: %s', async (ranges) => {
  let broken = 0
  const { asked, open } = await serve(AMD, (request, response, bytes) => {
    if (!isLower(request)) return false
    const start = ranges ? Number(/\d+/.exec(request.headers.range ?? '0')?.[0]) : 0
    const rest = bytes.subarray(start)
    const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length, ...(start > 0 && range) })
    if (broken++ > 0) response.end(rest)
    else response.write(rest.subarray(0, 100_000), () => response.destroy())
    return true
  })
  expect(treeDigest((await readImageLayout(await open('1'))).root)).toBe(await expected())
  expect(asked.filter((name) => name.includes(LOWER.digest))).toEqual([
    `blobs/${LOWER.digest}`,
    expect.stringMatching(/ bytes=\d+-$/),
  ])
})

test('what a registry gives for a digest, and is something else, is refused', async () => {
  const damaged = await serve(AMD, (request, response, bytes) => {
    if (!isLower(request)) return false
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    response.end(bytes)
    return true
  })
  await expect(readImageLayout(await damaged.open('1'))).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: expect.stringContaining(`expected ${LOWER.digest}`),
  })
  const longer = await serve(AMD, (request, response, bytes) => {
    if (!isLower(request)) return false
    response.end(Buffer.concat([bytes, Buffer.alloc(100)]))
    return true
  })
  await expect(readImageLayout(await longer.open('1'))).rejects.toMatchObject({ code: 'FETCH_FAILED' })
  const other = await serve(AMD, (request, response) => {
    if (!request.url?.endsWith(AMD.digest)) return false
    response.end(ARM.bytes)
    return true
  })
  await expect(other.open(AMD.digest).then((open) => readImageLayout(open))).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: expect.stringContaining(`expected ${AMD.digest}, actual ${ARM.digest}`),
  })
})

test('what is not there, or not for everybody, is said', async () => {
  const { open } = await serve(AMD)
  await expect(open('2')).rejects.toMatchObject({ code: 'REGISTRY_IMAGE_UNKNOWN' })
  const { open: forbidden } = await serve(AMD, (request, response) => {
    if (!isLower(request)) return false
    response.writeHead(403).end()
    return true
  })
  await expect(readImageLayout(await forbidden('1'))).rejects.toMatchObject({
    code: 'REGISTRY_LOGIN_REFUSED',
  })
})

test('a blob of which no size is stated is not fetched', async () => {
  const bytes = Buffer.from(AMD.bytes.toString().replaceAll(/,\s*"size": \d+/g, ''))
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const { open } = await serve({ ...AMD, bytes, digest })
  await expect(readImageLayout(await open('1'))).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
})

import { hash } from 'node:crypto'
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { tarMembers } from '../formats/tar/tar-members.ts'
import { TAR_END, tarHeader, tarPadding } from '../formats/tar/write-tar.ts'
import { temporaryDirectory } from '../store/testing/temporary-directory.ts'
import { storedImage, storedLayers } from './layer-store.ts'

const sha256 = (bytes: string | Uint8Array) => `sha256:${hash('sha256', bytes)}`
const hex = (digest: string) => digest.slice('sha256:'.length)

/** A layer as its tar archive, and the same as Docker's store has it: its files, and the lines that say what stands between them. */
function layerOf(files: Record<string, string>) {
  const tar: Buffer[] = []
  const lines: object[] = []
  for (const [path, text] of Object.entries(files)) {
    const content = Buffer.from(text)
    const header = tarHeader({ path, type: 'file', size: content.length })
    const padding = tarPadding(content.length)
    tar.push(header, content, padding)
    lines.push({ type: 2, payload: header.toString('base64'), position: lines.length })
    lines.push({
      ...{ type: 1, payload: 'AAAAAAAAAAA=', position: lines.length },
      // as Go writes it: a name that is not UTF-8 has a field of its own, and a size of 0 has none
      ...(/^[\0-\x7f]*$/.test(path)
        ? { name: path }
        : { name_raw: Buffer.from(path, 'latin1').toString('base64') }),
      ...(content.length > 0 && { size: content.length }),
    })
    lines.push({ type: 2, payload: padding.toString('base64'), position: lines.length })
  }
  lines.push({ type: 2, payload: TAR_END.toString('base64'), position: lines.length })
  return { files, tar: Buffer.concat([...tar, TAR_END]), record: lines }
}

/** The data directory of an engine that has one image. */
async function engineWith(layers: ReturnType<typeof layerOf>[]) {
  const root = await temporaryDirectory()
  const put = async (path: string, content: string | Uint8Array) => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
  const diffIDs = layers.map(({ tar }) => sha256(tar))
  const config = JSON.stringify({ rootfs: { type: 'layers', diff_ids: diffIDs } })
  const id = sha256(config)
  await put(`image/overlay2/imagedb/content/sha256/${hex(id)}`, config)
  let chain = ''
  const records: string[] = []
  for (const [index, { files, record }] of layers.entries()) {
    const diffID = diffIDs[index] as string
    chain = index === 0 ? diffID : sha256(`${chain} ${diffID}`)
    const directory = `image/overlay2/layerdb/sha256/${hex(chain)}`
    await put(`${directory}/diff`, diffID)
    await put(`${directory}/cache-id`, `layer${index}`)
    records.push(`${directory}/tar-split.json.gz`)
    await put(records[index] as string, gzipSync(record.map((line) => `${JSON.stringify(line)}\n`).join('')))
    for (const [path, text] of Object.entries(files)) {
      const name = Buffer.from(join(root, `overlay2/layer${index}/diff`, path), 'latin1')
      await mkdir(dirname(name.toString('latin1')), { recursive: true })
      await writeFile(name, text)
    }
  }
  return { root, id, config, diffIDs, put, record: records[0] as string }
}

const FILES = { 'etc/hostname': 'host\n', 'etc/empty': '', 'usr/large': 'x'.repeat(3_000_000) }
const LAYERS = [layerOf(FILES), layerOf({ 'usr/bin/hello': '#!/bin/sh\n', 'usr/bin/\xff': 'no UTF-8\n' })]

test('storedImage() gives the layers byte for byte, with the config', async () => {
  const { root, id, config, diffIDs } = await engineWith(LAYERS)
  const found = new Map<string, Buffer>()
  for await (const { member, content } of tarMembers((await storedImage(root, id)) ?? [])) {
    const parts: Buffer[] = []
    for await (const bytes of content) parts.push(Buffer.from(bytes))
    found.set(member.name, Buffer.concat(parts))
  }
  const blob = (digest: string) => `blobs/sha256/${hex(digest)}`
  expect(found.get(blob(id))?.toString()).toBe(config)
  for (const [index, diffID] of diffIDs.entries())
    expect(found.get(blob(diffID))?.equals(LAYERS[index]?.tar as Buffer)).toBe(true)
  expect(JSON.parse(found.get('manifest.json')?.toString() ?? '')).toEqual([
    { Config: blob(id), RepoTags: null, Layers: diffIDs.map(blob) },
  ])
})

test('storedLayers() gives those that are wanted, and looks at no others', async () => {
  const { root, id, config, diffIDs, put, record } = await engineWith(LAYERS)
  await put(record, 'damaged')
  const [first, second] = diffIDs as [string, string]
  const stored = await storedLayers(root, id, new Set([second]))
  expect(stored?.config.toString()).toBe(config)
  const [layer, ...others] = stored?.layers ?? []
  expect([layer?.diffID, layer?.size, others]).toEqual([second, LAYERS[1]?.tar.length, []])
  expect((await buffer(Readable.from(layer?.read() ?? []))).equals(LAYERS[1]?.tar as Buffer)).toBe(true)
  expect(await storedLayers(root, id, new Set([first]))).toBeUndefined()
})

type Engine = Awaited<ReturnType<typeof engineWith>>
const file = ({ root }: Engine, path: string) => join(root, 'overlay2/layer0/diff', path)

test.each<[string, (engine: Engine) => Promise<unknown>]>([
  ['the store is not there', ({ root }) => rm(join(root, 'image'), { recursive: true })],
  ['the config is another', ({ put, id }) => put(`image/overlay2/imagedb/content/sha256/${hex(id)}`, '{}')],
  ['a layer is another', ({ put, record }) => put(join(dirname(record), 'diff'), sha256('other'))],
  ['a layer lies elsewhere', ({ put, record }) => put(join(dirname(record), 'cache-id'), '../../..')],
  ['a record is not there', ({ root, record }) => rm(join(root, record))],
  ['a record is not packed', ({ put, record }) => put(record, '{}\n')],
  ['a record is cut short', ({ put, record }) => put(record, gzipSync('{"type":2,"pay'))],
  ['a record has an unknown piece', ({ put, record }) => put(record, gzipSync('{"type":3}\n'))],
  [
    'a record leads out of its layer',
    ({ put, record }) => put(record, gzipSync('{"type":1,"name":"../../secret","size":5}\n')),
  ],
  ['a file is not there', (engine) => rm(file(engine, 'etc/hostname'))],
  ['a file is of another size', (engine) => writeFile(file(engine, 'etc/hostname'), 'other host\n')],
  [
    'a file was copied up without its content',
    async (engine) => {
      await rm(file(engine, 'usr/large'))
      await writeFile(file(engine, 'usr/large'), '')
      await truncate(file(engine, 'usr/large'), 3_000_000)
    },
  ],
  [
    'a link stands for a directory',
    async (engine) => {
      await rm(file(engine, 'etc'), { recursive: true })
      const outside = join(await temporaryDirectory(), 'etc')
      await mkdir(outside)
      await writeFile(join(outside, 'hostname'), 'host\n')
      await symlink(outside, file(engine, 'etc'))
    },
  ],
])('storedImage() leaves it to the engine when %s', async (_, change) => {
  const engine = await engineWith(LAYERS)
  await change(engine)
  expect(await storedImage(engine.root, engine.id)).toBeUndefined()
})

test('storedImage() says when a file goes while it is read', async () => {
  const engine = await engineWith(LAYERS)
  const stream = await storedImage(engine.root, engine.id)
  await rm(file(engine, 'usr/large'))
  await expect(buffer(stream ?? Readable.from([]))).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: 'A layer of the image was removed or changed while it was read',
  })
})

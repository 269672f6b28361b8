import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type PackageIndex, startIndex } from '../../../test/world/package-index.ts'
import { makeSdist, makeWheel } from '../../../test/world/python-distributions.ts'
import { zipMembers } from '../../formats/zip.ts'
import { splitUserinfo } from '../../net/redact-url.ts'
import { parseSimplePage } from '../../sources/simple-page.ts'
import { FileCache } from '../../store/file-cache.ts'
import { openStore, type Store } from '../../store/store.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { type IndexRelay, openIndexRelay } from './index-relay.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const LOGIN = { user: 'me', password: 's3cret' }
const PIP = { python: '3.11', sources: ['h3-source'] }

interface Relayed {
  index: PackageIndex
  store: Store
  contents: FileCache
  relay: IndexRelay
  /** What pip gets for a project: file names, and where they are. */
  page(name: string): Promise<{ file: string; url: string; sha256?: string }[]>
  content(url: string): Promise<Buffer>
}

async function startRelayed({ password } = LOGIN): Promise<Relayed> {
  const index = await startIndex({ login: LOGIN })
  const directory = await temporaryDirectory()
  const store = await openStore(join(directory, 'store'))
  const root = `http://${LOGIN.user}:${password}@${index.host}/simple`
  const contents = new FileCache(join(directory, 'contents'), 1, 1 << 20)
  const relay = await openIndexRelay({
    indexes: [root],
    settings: { 'index-url': root },
    ca: undefined,
    store,
    contents,
    signal: new AbortController().signal,
  })
  if (relay === undefined) throw new Error('there is no relay')
  onTestFinished(async () => {
    await relay[Symbol.asyncDispose]()
    await index.close()
  })
  const settings = relay.settingsFor(PIP)
  return {
    index,
    store,
    contents,
    relay,
    page: async (name) => {
      const url = `${settings['index-url']}/${name}/`
      const answer = await fetch(url)
      return parseSimplePage(await answer.text(), answer.headers.get('content-type') ?? '', url)
    },
    content: async (url) => Buffer.from(await (await fetch(url)).arrayBuffer()),
  }
}

const membersOf = async (wheel: Buffer) => {
  const members = new Map<string, string>()
  for await (const { name, content } of zipMembers(wheel)) {
    const parts: Buffer[] = []
    for await (const part of content()) parts.push(part)
    members.set(name, Buffer.concat(parts).toString())
  }
  return members
}

test.each(['html', 'json'] as const)(
  'a wheel is shown with its METADATA alone, and fetched when it is taken: %s',
  async (form) => {
    const { index, store, relay, page, content } = await startRelayed()
    index.speak(form)
    const wheel = makeWheel({
      name: 'h3-big',
      version: '1.0',
      requires: ['h3-other>=2'],
      files: { 'h3.py': 'X = 1\n' },
    })
    index.add(wheel, makeWheel({ name: 'h3-big', version: '2.0' }))
    index.yank('h3_big-2.0-py3-none-any.whl', 'wrong')
    const [first, second] = await page('h3-big')
    expect([first, second]).toMatchObject([{ file: wheel.file }, { yanked: true }])

    const members = await membersOf(await content(first?.url ?? ''))
    expect([...members.keys()]).toEqual(
      ['METADATA', 'WHEEL', 'RECORD'].map((name) => `h3_big-1.0.dist-info/${name}`),
    )
    expect(members.get('h3_big-1.0.dist-info/METADATA')).toContain('Requires-Dist: h3-other>=2')
    expect(await store.has(sha256(wheel.bytes), wheel.bytes.length)).toBe(false)

    const expected = { file: wheel.file, size: wheel.bytes.length, sha256: sha256(wheel.bytes) }
    expect(await relay.findKept('h3-big', wheel.file)).toEqual(expected)
    expect(await readFile(store.path(expected.sha256))).toEqual(Buffer.from(wheel.bytes))
    expect(await relay.findKept('h3-big', 'h3_big-2.0-py3-none-any.whl')).toBe(undefined)
    relay.check()
  },
)

test('pages that pip will ask for are read before, once, and none of those is missed when nobody asks', async () => {
  const { index, relay, page } = await startRelayed()
  index.add(makeWheel({ name: 'h3-known', version: '1.0' }))
  const asked = () => index.asked().filter((path) => path.includes('/simple/'))
  relay.expect(['h3-known', 'h3-gone'])
  await expect.poll(asked).toHaveLength(2)
  index.add(makeWheel({ name: 'h3-known', version: '2.0' }))
  expect((await page('H3_Known')).map(({ file }) => file)).toEqual(['h3_known-1.0-py3-none-any.whl'])
  expect(await page('h3-gone')).toEqual([])
  expect(asked()).toHaveLength(2)
  relay.check()
})

test('a page that could not be read before is an error when pip asks for it, and not sooner', async () => {
  const { relay, page } = await startRelayed({ ...LOGIN, password: 'wrong' })
  relay.expect(['h3-known'])
  relay.check()
  await expect(page('h3-known')).rejects.toThrow()
  expect(() => relay.check()).toThrow(expect.objectContaining({ code: 'FETCH_FAILED' }))
})

test('what is in the store is asked of nobody', async () => {
  const { index, store, relay, page, content } = await startRelayed()
  const wheel = makeWheel({ name: 'h3-kept', version: '1.0' })
  index.add(wheel)
  await store.put(wheel.bytes)
  const [shown] = await page('h3-kept')
  index.remove(wheel.file)
  await content(shown?.url ?? '')
  expect(await relay.findKept('h3-kept', wheel.file)).toMatchObject({ sha256: sha256(wheel.bytes) })
  relay.check()
})

test('METADATA is kept for the next time, and read from a wheel where an index gives none apart', async () => {
  const { index, contents, relay, page, content } = await startRelayed()
  const wheel = makeWheel({ name: 'h3-apart', version: '1.0', requires: ['h3-other'] })
  index.add(wheel)
  index.hide(wheel.file)
  const [shown] = await page('h3-apart')
  const first = await content(shown?.url ?? '')
  expect((await membersOf(first)).get('h3_apart-1.0.dist-info/METADATA')).toContain('Requires-Dist: h3-other')
  expect(await contents.usage()).toMatchObject({ entries: 1 })
  relay.check()
})

test('of other systems, other Pythons and refused source nothing is shown', async () => {
  const { index, page } = await startRelayed()
  const tags = [
    'py3-none-any',
    'cp311-cp311-manylinux2014_x86_64',
    'cp38-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64',
    'cp311-cp311-win_amd64.linux_x86_64',
    'cp311-none-linux_i686',
    'cp310-cp310-manylinux2014_x86_64',
    'cp311-cp311-manylinux2014_aarch64',
    'cp311-cp311-musllinux_1_2_aarch64',
    'cp313-cp313t-manylinux2014_x86_64',
    'cp311-cp311-macosx_11_0_arm64',
    'py3-none-win_amd64.win32',
  ]
  index.add(...tags.map((each) => makeWheel({ name: 'h3-tags', version: '1.0', tags: each })))
  index.add(
    await makeSdist({ name: 'h3-tags', version: '1.0' }),
    await makeSdist({ name: 'h3-source', version: '1.0' }),
  )
  expect((await page('h3-tags')).map(({ file }) => file.replace('h3_tags-1.0-', ''))).toEqual(
    tags.slice(0, 5).map((each) => `${each}.whl`),
  )
  expect(await page('H3_Source')).toMatchObject([{ file: 'h3_source-1.0.tar.gz' }])
})

test('a pip that does not say of which Python it is sees wheels for all', async () => {
  const { index, relay } = await startRelayed()
  for (const tags of ['cp310-cp310-linux_x86_64', 'cp312-cp312-linux_x86_64'])
    index.add(makeWheel({ name: 'h3-tags', version: '1.0', tags }))
  const settings = relay.settingsFor({ python: undefined, sources: [] })
  const text = await (await fetch(`${settings['index-url']}/h3-tags/`)).text()
  expect(text.match(/<a /g)).toHaveLength(2)
})

test('source comes whole, and by it into the store', async () => {
  const { index, store, relay, page, content } = await startRelayed()
  const source = await makeSdist({ name: 'h3-source', version: '1.0' })
  index.add(source)
  for (const { url, sha256: stated } of await page('h3-source'))
    expect(sha256(await content(url))).toBe(stated)
  expect(await relay.findKept('h3-source', source.file)).toMatchObject({ sha256: sha256(source.bytes) })
  expect(await store.has(sha256(source.bytes), source.bytes.length)).toBe(true)
})

test('a wheel that says something else than the METADATA beside it is refused', async () => {
  const { index, relay, page, content } = await startRelayed()
  const wheel = makeWheel({ name: 'h3-lie', version: '1.0' })
  index.add({ ...wheel, metadata: Buffer.from('Metadata-Version: 2.1\nName: h3-lie\nVersion: 1.0\n') })
  const [shown] = await page('h3-lie')
  await content(shown?.url ?? '')
  await expect(relay.findKept('h3-lie', wheel.file)).rejects.toMatchObject({
    code: 'PIP_FAILED',
    message: `the METADATA that an index gives beside ${wheel.file} is not what is in it`,
  })
})

test('an index that fails is told, as pip goes on without it', async () => {
  const { relay, page } = await startRelayed({ ...LOGIN, password: 'wrong' })
  await page('h3-refused').catch(() => {})
  expect(() => relay.check()).toThrow(/cannot read index .*HTTP 401/)
})

test('without its secret it answers nobody, and no login is in what pip gets', async () => {
  const { index, relay } = await startRelayed()
  index.add(makeWheel({ name: 'h3-mine', version: '1.0' }))
  const address = relay.settingsFor(PIP)['index-url'] ?? ''
  const without = address.replace(/\/[0-9a-f]{32}\//, '/')
  expect((await fetch(`${without}/h3-mine/`)).status).toBe(403)
  expect(await (await fetch(`${address}/h3-mine/`)).text()).not.toContain(LOGIN.password)
  expect(splitUserinfo({ url: address })).toEqual({ url: address })
})

test.each([
  [{}, []],
  [{ 'index-url': 'http://index.example.org/simple' }, ['http://index.example.org/simple']],
  [
    { 'index-url': 'https://index.example.org/simple', 'trusted-host': 'index.example.org' },
    ['https://index.example.org/simple'],
  ],
])('what pip takes only when told to is left to it: %j', async (settings, indexes) => {
  const store = await openStore(await temporaryDirectory())
  const contents = new FileCache(await temporaryDirectory(), 1, 1 << 20)
  const { signal } = new AbortController()
  const named = settings as Record<string, string>
  expect(await openIndexRelay({ indexes, settings: named, ca: undefined, store, contents, signal })).toBe(
    undefined,
  )
})

import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { sha256 } from '../src/image/image-archive.test-data.ts'
import { serializeLock } from '../src/lock/serialize-lock.ts'
import { openStore } from '../src/store/store.ts'
import type { PullStoreResult } from '../src/workflows/store/pull-store.ts'
import type { PushStoreResult } from '../src/workflows/store/push-store.ts'
import { debianPackage, lockedProject } from './support/locked-project.ts'
import { failure, stillroom, stillroomJson } from './support/stillroom.ts'
import { startFaults } from './world/fault-proxy.ts'
import { wrongBytes } from './world/faults.ts'
import { startLoopbackServer } from './world/loopback-server.ts'
import { type Registry, type RegistryOptions, startRegistry } from './world/registry.ts'

/*
 * The artifacts of lockfiles go to a registry (Debian's docker-registry), and to other machines from there.
 */

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-team-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function registryOf(options?: RegistryOptions): Promise<Registry> {
  const registry = await startRegistry(options)
  onTestFinished(() => registry.close())
  return registry
}

/** Settings of a machine whose mirrors have nothing. */
let cut: Record<string, string>
beforeAll(async () => {
  const { url, close } = await startLoopbackServer((_request, response) => void response.writeHead(404).end())
  const mirrors = { STILLROOM_DEBIAN: `${url}/debian`, STILLROOM_DEBIAN_SECURITY: `${url}/debian-security` }
  cut = { ...mirrors, STILLROOM_SNAPSHOT: 'none', STILLROOM_OLD_RELEASES: 'none' }
  return close
})

/** A project whose recipe `x` needs these packages, and a machine whose store has them. */
async function projectOf(...contents: string[]) {
  const cache = await scratch()
  const store = await openStore(join(cache, 'store'))
  const packages = contents.map((text, index) => {
    const bytes = Buffer.from(text)
    return { ...debianPackage(`package-${index}`, '1'), size: bytes.length, sha256: sha256(bytes), bytes }
  })
  for (const { bytes } of packages) await store.put(bytes)
  const directory = await lockedProject({
    steps: [],
    locked: [],
    packages: packages.map(({ bytes: _, ...entry }) => entry),
  })
  // the one package that every such project has
  const dpkg = Buffer.from('dpkg')
  const path = join(directory, 'recipes/x/lock.json')
  const lock = JSON.parse(await readFile(path, 'utf8'))
  for (const entry of lock.platforms['linux/amd64'].base.packages)
    if (entry.name === 'dpkg') Object.assign(entry, { size: dpkg.length, sha256: sha256(dpkg) })
  await writeFile(path, serializeLock(lock))
  await store.put(dpkg)
  return { directory, env: { ...cut, STILLROOM_CACHE: cache } }
}

const emptyMachine = async () => ({ ...cut, STILLROOM_CACHE: await scratch() })

const push = async (host: string, { directory, env }: Awaited<ReturnType<typeof projectOf>>) =>
  stillroomJson<PushStoreResult>(directory, ['store', 'push', `${host}/team/store`], { env })

test('store push sends each artifact once, and takes nothing from what others have pushed', async () => {
  const registry = await registryOf()
  const one = await projectOf('first', 'second')
  const pushed = await push(registry.host, one)
  expect(pushed).toMatchObject({ store: `${registry.host}/team/store`, files: 3, sent: { files: 3 } })
  expect(await push(registry.host, one)).toMatchObject({ tags: pushed.tags, sent: { files: 0, bytes: 0 } })
  const other = await push(registry.host, await projectOf('second', 'third'))
  expect(other).toMatchObject({ files: 3, sent: { files: 1 } })

  const env = await emptyMachine()
  const pull = ['store', 'pull', `${registry.host}/team/store`]
  const pulled = await stillroomJson<PullStoreResult>(one.directory, pull, { env })
  expect(pulled).toMatchObject({ files: 4, fetched: 4 })
  expect(pulled.tags).toEqual([pushed.tags.x, other.tags.x].sort())
  const store = await openStore(join(env.STILLROOM_CACHE, 'store'))
  for (const text of ['dpkg', 'first', 'second', 'third'])
    expect(String(await buffer(createReadStream(store.path(sha256(text)))))).toBe(text)
  expect(
    await stillroomJson<PullStoreResult>(one.directory, [...pull, '--recipe', 'x'], { env }),
  ).toMatchObject({
    files: 4,
    fetched: 0,
  })
})

test('pushers at the same time lose nothing of each other', async () => {
  const registry = await registryOf()
  const projects = await Promise.all(['a', 'b', 'c', 'd'].map((text) => projectOf(text)))
  for (const pushed of await Promise.all(projects.map((project) => push(registry.host, project))))
    expect(pushed).toMatchObject({ files: 2 })
  const env = await emptyMachine()
  const { directory } = projects[0] as (typeof projects)[0]
  const pull = ['store', 'pull', `${registry.host}/team/store`]
  expect(await stillroomJson<PullStoreResult>(directory, pull, { env })).toMatchObject({
    files: 5,
    fetched: 5,
  })
})

test('a machine whose mirrors are cut gets all that a lock needs from the store in its settings', async () => {
  const [registry, second] = [await registryOf(), await registryOf()]
  const project = await projectOf('first', 'second')
  const { tags } = await push(registry.host, project)
  // what a push lacks it fetches, as a build does
  const { directory } = project
  const away = { ...(await emptyMachine()), STILLROOM_STORE: `${registry.host}/team/store` }
  expect(await push(second.host, { directory, env: away })).toMatchObject({ tags, sent: { files: 3 } })
  const failed = await failure(directory, ['store', 'push', `${second.host}/team/store`], {
    env: await emptyMachine(),
  })
  expect(failed).toMatchObject({ exitCode: 3, code: 'ARTIFACT_GONE' })
  const closed = await registryOf({ login: { user: 'me', password: 'secret', kind: 'basic' } })
  const refused = { ...(await emptyMachine()), STILLROOM_STORE: `${closed.host}/team/store` }
  const { stderr } = await stillroom(directory, ['store', 'push', `${second.host}/team/store`], {
    env: refused,
  })
  expect(stderr).toContain(`not all from the store ${closed.host}/team/store: `)
})

test('store pull keeps nothing that is wrong, and names what is not there', async () => {
  const registry = await registryOf()
  const project = await projectOf('first')
  await push(registry.host, project)
  const faults = await startFaults(registry.url)
  onTestFinished(() => faults.close())
  faults.on(`/v2/team/store/blobs/sha256:${sha256('first')}`, wrongBytes)
  const env = await emptyMachine()
  const pull = (...args: string[]) => failure(project.directory, ['store', 'pull', ...args], { env })
  expect(await pull(`${faults.host}/team/store`)).toMatchObject({ exitCode: 3, code: 'ARTIFACT_MISMATCH' })
  const store = await openStore(join(env.STILLROOM_CACHE, 'store'))
  expect(await store.has(sha256('first'), 5)).toBe(false)
  for (const args of [[`${registry.host}/team/other`], [`${registry.host}/team/store`, '--recipe', 'y']])
    expect(await pull(...args)).toMatchObject({ code: 'REGISTRY_IMAGE_UNKNOWN' })
  expect(await pull(`${registry.host}/team/store:1`)).toMatchObject({ exitCode: 2, code: 'USAGE' })
})

import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
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
import { GitStep } from '../src/recipe/schema.ts'
import { archiveServices } from '../src/resolve/debian/archive-services.ts'
import { type FetchedIndex, fetchIndexes } from '../src/resolve/debian/fetch-indexes.ts'
import { readPackages } from '../src/resolve/debian/read-packages.ts'
import { refetchIndexes } from '../src/resolve/debian/refetch-indexes.ts'
import { type GitOptions, refetchGit, resolveGit } from '../src/resolve/git/resolve-git.ts'
import { openStore } from '../src/store/store.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { fetchInputs } from '../src/workflows/build/fetch-inputs.ts'
import { openSession, type Session } from '../src/workflows/session.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { type CommitArchive, startCommitArchive } from './world/commit-archive.ts'
import { type ConnectProxy, startConnectProxy } from './world/connect-proxy.ts'
import { sound, tooMany } from './world/faults.ts'
import { type GitServer, startGitServer } from './world/git-server.ts'
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
    indexes = await fetchIndexes(
      { suite: 'bookworm' },
      {
        get: createGet({ ca: world.authority.ca, signal: new AbortController().signal }),
        sources: { debian: [`${url}/debian`], 'debian-security': [`${url}/debian-security`] },
        keys: [world.apt.key],
        now: new Date('2024-01-16T00:00:00Z'),
      },
    )
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
    const options = {
      get: createGet({ ca, signal: new AbortController().signal }),
      sources: debian,
      snapshot,
      oldReleases,
      now: new Date(),
    }
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

describe.skipIf(possible !== true)('with a git server that has lost a commit', () => {
  const FILES = { 'a.txt': 'a\n', bin: { executable: '#!/bin/sh\n' }, link: { link: 'a.txt' } }
  let git: GitServer
  let commits: CommitArchive
  let commit: string
  let bundle: Buffer

  beforeEach(async () => {
    git = await startGitServer()
    commits = await startCommitArchive()
    const part = await git.commit('part', { 'x.txt': 'part\n' })
    commits.keep(part, await git.bundle('part'))
    commit = await git.commit('tool', {
      ...FILES,
      '.gitmodules': '[submodule "p"]\n\tpath = p\n\turl = ../part.git\n',
      p: { commit: part },
    })
    bundle = await git.bundle('tool')
  })
  afterEach(async () => {
    await commits.close()
    await git.close()
  })

  const options = async (archive: CommitArchive | undefined) => {
    const temporary = await temporaryDirectory()
    const store = await openStore(join(temporary, 'store'))
    const used: string[] = []
    const onUse = (swhid: string) => void used.push(swhid)
    const fetching: GitOptions = {
      env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      mirrors: {},
      ca: undefined,
      archive: archive && { url: archive.url, ca: undefined, pause: 1, onUse },
      temporary,
      signal: new AbortController().signal,
      keep: (content, expected) => store.put(content, expected),
      fetchLarge: () => Promise.reject(new Error('nothing is large here')),
      backoff: 1,
    }
    return { store, used, options: fetching }
  }
  const lock = async () => {
    const wanted = { kind: 'git', url: `${git.url}/tool.git`, ref: 'main', to: '/opt/x', submodules: true }
    return resolveGit(GitStep.parse(wanted), (await options(undefined)).options)
  }

  test.each([
    [
      'after a force-push',
      () => git.commit('tool', { b: 'b' }, { again: true }).then(() => git.prune('tool')),
    ],
    ['of a repository that was removed', () => git.remove('tool')],
    ['of a host that is gone', () => git.close()],
  ])('it comes from the archive of commits, %s, to the same bytes', async (_, lose) => {
    const locked = await lock()
    commits.keep(commit, bundle)
    await git.remove('part')
    await lose()
    const { store, used, options: fetching } = await options(commits)
    await refetchGit(locked, fetching)
    expect(await store.verify(locked)).toBe(true)
    expect(used).toEqual([commit, locked.submodules[0]?.commit].map((id) => `swh:1:rev:${id}`))
    expect(commits.seen.slice(0, 3)).toEqual([
      `POST bundle ${commit}`,
      `GET bundle ${commit}`,
      `GET raw ${commit}`,
    ])
  })

  test('what the archive gives instead of it is refused', async () => {
    const locked = await lock()
    await git.commit('tool', { ...FILES, 'a.txt': 'b\n' }, { again: true })
    await git.prune('tool')
    const { options: fetching, store } = await options(commits)
    const refused = (what: RegExp) =>
      expect(refetchGit(locked, fetching)).rejects.toMatchObject({
        code: 'GIT_COMMIT_GONE',
        message: expect.stringMatching(what),
      })
    // another history under its name
    commits.keep(commit, await git.bundle('tool'))
    await refused(/does not hold the commit/)
    commits.keep(commit, Buffer.from('no tar at all'.repeat(100)))
    await refused(/is not a tar archive/)
    expect(await store.verify(locked)).toBe(false)
  })

  test('a file of it that was exchanged is found by its id', async () => {
    const locked = await lock()
    await git.remove('tool')
    const directory = await temporaryDirectory()
    await execa('tar', ['-x', '-C', directory], { input: bundle })
    const repository = join(directory, 'tool.git')
    const inside = async (...args: string[]) => (await execa('git', ['-C', repository, ...args])).stdout
    // loose objects, of which one has the content of another under its own name
    const [pack] = (await readdir(join(repository, 'objects/pack'))).filter((name) => name.endsWith('.pack'))
    if (pack !== undefined) {
      await rename(join(repository, 'objects/pack', pack), join(directory, 'pack'))
      await rm(join(repository, 'objects/pack'), { recursive: true })
      await execa('git', ['-C', repository, 'unpack-objects', '-q'], { inputFile: join(directory, 'pack') })
    }
    const path = (id: string) => join(repository, 'objects', id.slice(0, 2), id.slice(2))
    const [wrong, right] = [
      await inside('rev-parse', `${commit}:bin`),
      await inside('rev-parse', `${commit}:a.txt`),
    ]
    await rm(path(right))
    await copyFile(path(wrong), path(right))
    const tar = await execa('tar', ['-cz', '-C', directory, 'tool.git'], { encoding: 'buffer' })
    commits.keep(commit, Buffer.from(tar.stdout))
    const { options: fetching, store } = await options(commits)
    await expect(refetchGit(locked, fetching)).rejects.toMatchObject({ code: 'GIT_OBJECT_INVALID' })
    expect(await store.verify(locked)).toBe(false)
  })

  test('without an archive, or with one that lacks it, the error names the commit for archives', async () => {
    const locked = await lock()
    await git.remove('tool')
    const none = (await options(undefined)).options
    await expect(refetchGit(locked, none)).rejects.toMatchObject({
      code: 'GIT_REPOSITORY_GONE',
      hint: expect.stringContaining(`may have it as swh:1:rev:${commit}, and was not asked`),
    })
    await expect(refetchGit(locked, (await options(commits)).options)).rejects.toMatchObject({
      code: 'GIT_REPOSITORY_GONE',
      message: expect.stringContaining(`${commits.url} has no swh:1:rev:${commit}`),
    })
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

import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { GitStep } from '../src/recipe/schema.ts'
import type { LfsDownload } from '../src/resolve/git/lfs-batch.ts'
import { type GitOptions, refetchGit, resolveGit } from '../src/resolve/git/resolve-git.ts'
import { fetchArtifacts } from '../src/store/fetch-artifacts.ts'
import { openStore, type Store } from '../src/store/store.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { type GitServer, startGitServer } from './world/git-server.ts'

const LOGIN = { user: 'me', password: 'correct-horse-battery' }

let server: GitServer
let store: Store
beforeEach(async () => {
  server = await startGitServer({ login: LOGIN })
  store = await openStore(await temporaryDirectory())
})
afterEach(() => server.close())

const base = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
const withToken = () => ({ ...base, STILLROOM_GIT_TOKENS: `${server.url}/=${LOGIN.user}:${LOGIN.password}` })

function options(env: GitOptions['env'] = withToken()): GitOptions {
  return {
    env,
    mirrors: {},
    ca: undefined,
    temporary: tmpdir(),
    signal: new AbortController().signal,
    keep: (content, expected) => store.put(content, expected),
    fetchLarge,
    backoff: 1,
  }
}

async function fetchLarge(downloads: readonly LfsDownload[]) {
  const artifacts = downloads.map(({ oid, size, url }) => {
    return { name: oid, file: oid, sha256: oid, size, origin: { kind: 'url' as const, url } }
  })
  const locate = async ({ sha256 }: { sha256: string }) =>
    downloads.filter(({ oid }) => oid === sha256).map((found) => ({ ...found, sha256, label: 'git-lfs' }))
  await fetchArtifacts(artifacts, { store, locate })
  return (sha256: string) => store.path(sha256)
}

const step = (fields: Partial<GitStep> = {}, name = 'tool') =>
  GitStep.parse({ kind: 'git', url: `${server.url}/${name}.git`, ref: 'main', to: '/opt/tool', ...fields })

const list = async (sha256: string) => (await execa('tar', ['-tvf', store.path(sha256)])).stdout
const unpack = async (sha256: string, path: string) =>
  (await execa('tar', ['-xOf', store.path(sha256), path], { stripFinalNewline: false })).stdout

describe('a ref', () => {
  test('is a branch, a tag, a full ref or a commit', async () => {
    const first = await server.commit('tool', { a: '1' })
    await server.tag('tool', 'v1', first)
    const second = await server.commit('tool', { a: '2' })
    const commitOf = async (ref: string) => (await resolveGit(step({ ref }), options())).commit
    expect(await commitOf('main')).toBe(second)
    expect(await commitOf('v1')).toBe(first)
    expect(await commitOf('refs/heads/main')).toBe(second)
    expect(await commitOf(first)).toBe(first)
  })

  test('that is both a branch and a tag must be told apart', async () => {
    const first = await server.commit('tool', { a: '1' })
    await server.tag('tool', 'main', first)
    await server.commit('tool', { a: '2' })
    await expect(resolveGit(step(), options())).rejects.toMatchObject({
      code: 'GIT_REF_AMBIGUOUS',
      hint: 'write "refs/heads/main" or "refs/tags/main" in the recipe',
    })
  })

  test('that is not there is an error with those that are', async () => {
    await server.commit('tool', { a: '1' })
    await expect(resolveGit(step({ ref: 'dev' }), options())).rejects.toMatchObject({
      code: 'GIT_REF_UNKNOWN',
      hint: 'it has: main',
    })
  })
})

describe('a locked commit', () => {
  test('is found after a force-push, and a named error when it is gone', async () => {
    await server.commit('tool', { a: '1' })
    const locked = await resolveGit(step(), options())
    await server.commit('tool', { b: '2' }, { again: true })
    await store.discard(locked.sha256)
    await refetchGit(locked, options())
    expect(await store.verify(locked)).toBe(true)

    await server.prune('tool')
    await expect(refetchGit(locked, options())).rejects.toMatchObject({
      code: 'GIT_COMMIT_GONE',
      message: expect.stringContaining(locked.commit),
    })
    await server.remove('tool')
    await expect(refetchGit(locked, options())).rejects.toMatchObject({ code: 'GIT_REPOSITORY_GONE' })
  })
})

describe('a login', () => {
  test('that is missing or wrong is an error that shows no secret', async () => {
    await server.commit('tool', { a: '1' })
    await expect(resolveGit(step(), options(base))).rejects.toMatchObject({ code: 'GIT_LOGIN_REFUSED' })
    const wrong = { ...base, STILLROOM_GIT_TOKENS: `${server.url}/=me:s3cret-and-wrong` }
    const error = await resolveGit(step(), options(wrong)).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'GIT_LOGIN_REFUSED' })
    const shown = error as { message: string; hint: string; details: unknown }
    expect(JSON.stringify([shown.message, shown.hint, shown.details])).not.toContain('s3cret')
  })

  test("comes from the user's own askpass", async () => {
    await server.commit('tool', { a: '1' })
    const directory = await temporaryDirectory()
    const askpass = `${directory}/askpass`
    await execa('sh', ['-c', 'cat > "$1"; chmod 700 "$1"', 'sh', askpass], {
      input: '#!/bin/sh\ncase $1 in User*) echo me ;; *) echo "$MY_TOKEN" ;; esac\n',
    })
    const env = { ...base, GIT_ASKPASS: askpass, MY_TOKEN: LOGIN.password }
    expect(await resolveGit(step(), options(env))).toMatchObject({ kind: 'git' })
  })

  test('is in no archive and on no command line', async () => {
    await server.commit('tool', { a: '1' })
    const seen: string[] = []
    const watch = setInterval(async () => {
      const { stdout } = await execa('ps', ['-eo', 'args', '-ww'])
      seen.push(stdout)
    }, 20)
    onTestFinished(() => clearInterval(watch))
    const { sha256 } = await resolveGit(step(), options())
    clearInterval(watch)
    expect((await readFile(store.path(sha256))).includes(LOGIN.password)).toBe(false)
    expect(seen.some((text) => text.includes('git'))).toBe(true)
    expect(seen.filter((text) => text.includes(LOGIN.password))).toEqual([])
  })
})

describe('submodules', () => {
  const modules = (url: string) => `[submodule "p"]\n\tpath = vendor/part\n\turl = ${url}\n`

  test('are pinned with those within them, or left as empty directories', async () => {
    const inner = await server.commit('inner', { 'i.txt': 'inner\n' })
    const part = await server.commit('part', {
      '.gitmodules': '[submodule "deep one"]\n\tpath = deep\n\turl = ../inner.git\n',
      deep: { commit: inner },
      'x.txt': 'part\n',
    })
    await server.commit('tool', { '.gitmodules': modules('../part.git'), 'vendor/part': { commit: part } })
    const locked = await resolveGit(step({ submodules: true }), options())
    expect(locked.submodules).toMatchObject([
      { path: 'vendor/part', url: `${server.url}/part.git`, commit: part },
      { path: 'vendor/part/deep', url: `${server.url}/inner.git`, commit: inner },
    ])
    expect(await unpack(locked.sha256, 'vendor/part/deep/i.txt')).toBe('inner\n')
    // the branch of the submodule moves: its commit does not
    await server.commit('part', { 'x.txt': 'moved\n' })
    await store.discard(locked.sha256)
    await refetchGit(locked, options())
    expect(await store.verify(locked)).toBe(true)

    const without = await resolveGit(step(), options())
    expect(without.submodules).toEqual([])
    expect(await list(without.sha256)).toMatch(/^d.* vendor\/part\/$/m)
    expect(await list(without.sha256)).not.toContain('x.txt')
  })

  test.each(['file:///etc', '/etc', 'ext::sh -c id', '-u./x', 'https://me:s3cret@git.example.org/x'])(
    'are not fetched from "%s"',
    async (url) => {
      const part = await server.commit('part', { 'x.txt': 'part\n' })
      await server.commit('tool', { '.gitmodules': modules(url), 'vendor/part': { commit: part } })
      const error = await resolveGit(step({ submodules: true }), options()).catch((reason: Error) => reason)
      expect(error).toMatchObject({ code: 'GIT_SUBMODULE_INVALID' })
      expect(String(error)).not.toContain('s3cret')
    },
  )
})

describe('git-lfs', () => {
  test('gives content for the pointers that attributes name, and for no other', async () => {
    const content = 'large\n'.repeat(100_000)
    const pointer = server.keepLarge(Buffer.from(content))
    await server.commit('tool', {
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\nplain.bin -filter\n',
      'data/m.bin': pointer,
      'data/same.bin': pointer,
      'plain.bin': pointer,
      'committed.bin': 'no pointer\n',
      'note.txt': pointer,
    })
    const locked = await resolveGit(step({ lfs: true }), options())
    expect(locked.lfs.map(({ path }) => path)).toEqual(['data/m.bin', 'data/same.bin'])
    expect(await unpack(locked.sha256, 'data/m.bin')).toBe(content)
    expect(await unpack(locked.sha256, 'plain.bin')).toBe(pointer)
    expect(await unpack(locked.sha256, 'note.txt')).toBe(pointer)
    const without = await resolveGit(step(), options())
    expect(without).toMatchObject({ tree: locked.tree, lfs: [] })
    expect(await unpack(without.sha256, 'data/m.bin')).toBe(pointer)
  })

  test('is asked for what a mirror of the repository lacks', async () => {
    const mirror = await startGitServer()
    onTestFinished(() => mirror.close())
    const files = {
      '.gitattributes': '*.bin filter=lfs\n',
      'm.bin': server.keepLarge(Buffer.from('large\n')),
    }
    expect(await mirror.commit('tool', files)).toBe(await server.commit('tool', files))
    const mirrors = { [`${server.url}/`]: [`${mirror.url}/`] }
    const locked = await resolveGit(step({ lfs: true }), { ...options(), mirrors })
    expect(await unpack(locked.sha256, 'm.bin')).toBe('large\n')
  })

  test('that lost the content is a named error', async () => {
    const oid = 'ab'.repeat(32)
    await server.commit('tool', {
      '.gitattributes': '*.bin filter=lfs\n',
      'm.bin': `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 5\n`,
    })
    await expect(resolveGit(step({ lfs: true }), options())).rejects.toMatchObject({
      code: 'GIT_LFS_GONE',
      message: expect.stringContaining(oid),
    })
  })
})

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import { smallLock } from '../../lock/small-lock.test-data.ts'
import { openSession, type Session } from '../session.ts'
import { diffLock } from './diff-lock.ts'

interface Project {
  directory: string
  session: Session
  put(path: string, text: string): void
  git(...args: string[]): string
  commit(subject: string): string
}

/** A git repository on branch main, with nothing committed. */
async function makeProject(): Promise<Project> {
  const directory = mkdtempSync(join(tmpdir(), 'stillroom-diff-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const env = {
    ...process.env,
    ...{
      STILLROOM_CACHE: join(directory, '.cache'),
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
    },
    ...{ GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.org' },
    ...{ GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.org' },
  }
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', directory, ...args], { encoding: 'utf8', env, stdio: 'pipe' }).trim()
  git('init', '--quiet', '--initial-branch=main')
  const signal = new AbortController().signal
  return {
    directory,
    session: await openSession({ directory, env, signal, progress: () => {} }),
    put: (path, text) => {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), text)
    },
    git,
    commit: (subject) => {
      git('add', '--all', '--', ':!.cache')
      git('commit', '--quiet', '--message', subject)
      return git('rev-parse', 'HEAD')
    },
  }
}

/** The small lock by another name, with a change. */
function lockOf(recipe: string, change: (platform: LockedPlatform) => void = () => {}): Lockfile {
  const lock = { ...structuredClone(smallLock), recipe }
  change(lock.platforms['linux/amd64'] as LockedPlatform)
  return lock
}

const withDpkg = (version: string) => (platform: LockedPlatform) => {
  if (platform.base.kind === 'debian')
    Object.assign(platform.base.packages[0] ?? {}, { version, sha256: version.at(-1)?.repeat(64) })
}

const lockPath = (recipe: string) => `recipes/${recipe}/lock.json`

test('diffLock() compares the working tree with where the branch left the default branch', async () => {
  const { session, put, git, commit } = await makeProject()
  for (const name of ['changed', 'gone', 'same']) put(lockPath(name), serializeLock(lockOf(name)))
  put('generated/changed/Dockerfile', 'FROM scratch\nARG A=1\n')
  const fork = commit('first')
  git('checkout', '--quiet', '-b', 'topic')
  put(lockPath('changed'), serializeLock(lockOf('changed', withDpkg('1.22.1'))))
  commit('on the branch')
  git('checkout', '--quiet', 'main')
  put(lockPath('later'), serializeLock(lockOf('later')))
  commit('on main meanwhile')
  git('checkout', '--quiet', 'topic')
  put('generated/changed/Dockerfile', 'FROM scratch\nARG A=2\n')
  put(lockPath('new'), serializeLock(lockOf('new')))
  git('rm', '--quiet', '--cached', lockPath('gone'))
  rmSync(join(session.directory, lockPath('gone')))

  const diff = await diffLock(session, {})
  expect(diff).toMatchObject({ base: fork.slice(0, 12), head: 'working tree', level: 'minor', unchanged: 1 })
  expect(diff.recipes.map(({ recipe, status }) => `${recipe} ${status}`)).toEqual([
    'changed changed',
    'gone removed',
    'new added',
  ])
  expect(diff.recipes[0]).toMatchObject({
    packages: [{ name: 'dpkg', class: 'minor', from: { version: '1.21.22' }, to: { version: '1.22.1' } }],
    dockerfile: { added: 1, removed: 1, patch: '@@ -1,2 +1,2 @@\n FROM scratch\n-ARG A=1\n+ARG A=2' },
  })
})

test('diffLock() of revisions reads what is committed there, and one recipe alone when asked', async () => {
  const { session, put, commit } = await makeProject()
  const versions = ['1.22.1', '1.22.2', '1.22.3']
  const commits = versions.map((version) => {
    for (const name of ['one', 'two']) put(lockPath(name), serializeLock(lockOf(name, withDpkg(version))))
    return commit(version)
  }) as [string, string, string]
  put(lockPath('one'), 'not looked at')
  const diff = await diffLock(session, { base: commits[2], head: commits[0] })
  expect(diff).toMatchObject({ level: 'downgrade', unchanged: 0 })
  expect(diff.recipes).toHaveLength(2)
  const one = await diffLock(session, { base: 'HEAD~1', head: 'main', recipes: ['two'] })
  expect(one.recipes.map(({ recipe, level }) => [recipe, level])).toEqual([['two', 'patch']])
  expect(await diffLock(session, { base: 'HEAD', head: 'main' })).toMatchObject({ level: null, unchanged: 2 })
})

test('diffLock() takes lockfiles by their path', async () => {
  const { directory, session, put } = await makeProject()
  put('old.json', serializeLock(lockOf('one')))
  put(lockPath('one'), serializeLock(lockOf('one', withDpkg('1.22.1'))))
  put(lockPath('two'), serializeLock(lockOf('two')))
  const [old, present] = [join(directory, 'old.json'), join(directory, lockPath('one'))]
  for (const head of [undefined, present]) {
    const diff = await diffLock(session, { base: old, head })
    expect(diff.recipes.map(({ recipe }) => recipe)).toEqual(['one'])
    expect(diff.recipes[0]?.packages).toMatchObject([{ name: 'dpkg', class: 'minor' }])
  }
})

test('diffLock() shows the commits of a project between', async () => {
  const { session, put, commit, git } = await makeProject()
  const pinned = (commitId: string, tree: string) =>
    lockOf('one', ({ steps }) => void Object.assign(steps[4] ?? {}, { commit: commitId, tree }))
  const tree = () => git('rev-parse', 'HEAD:recipes/one/solver')
  put('recipes/one/solver/main.py', 'print(1)\n')
  const first = commit('begin')
  put(lockPath('one'), serializeLock(pinned(first, tree())))
  commit('lock')
  const subjects = ['mend the mesh', '::error:: \u001b[31m<b>red</b>']
  for (const [i, subject] of subjects.entries()) {
    put('recipes/one/solver/main.py', `print(${i + 2})\n`)
    commit(subject)
  }
  const last = git('rev-parse', 'HEAD')
  put(lockPath('one'), serializeLock(pinned(last, tree())))
  const diff = await diffLock(session, { base: 'HEAD' })
  const [change] = diff.recipes[0]?.packages ?? []
  expect(change).toMatchObject({ ecosystem: 'project', name: 'solver', class: 'other', asked: true })
  expect(change?.log?.added.map(({ subject }) => subject)).toEqual(subjects.toReversed())
  expect(change?.log?.added[0]?.commit).toBe(last)
})

test('diffLock() shows the commits of a repository of this machine', async () => {
  const [{ session, put, commit }, other] = [await makeProject(), await makeProject()]
  other.put('recipes/a', '1')
  const first = other.commit('one')
  other.put('recipes/a', '2')
  const last = other.commit('two')
  const pinned = (id: string) =>
    lockOf(
      'one',
      ({ steps }) =>
        void Object.assign(steps[2] ?? {}, {
          url: `file://${other.directory}`,
          commit: id,
          sha256: id.padEnd(64, '0'),
        }),
    )
  put(lockPath('one'), serializeLock(pinned(last)))
  commit('lock')
  put(lockPath('one'), serializeLock(pinned(first)))
  const diff = await diffLock(session, { base: 'HEAD' })
  expect(diff.recipes[0]?.packages[0]?.log).toEqual({
    added: [],
    removed: [{ commit: last, subject: 'two' }],
    omitted: 0,
  })
})

test.each([
  ['a revision that is none', { base: 'nope' }, 'REVISION_UNKNOWN', 'git knows no such commit'],
  ['a revision like an option', { base: '--output=x' }, 'REVISION_UNKNOWN', ''],
  ['a file that is missing', { base: 'nope.json' }, 'LOCK_MISSING', 'nope.json'],
  ['a recipe that no side has', { base: 'HEAD', recipes: ['three'] }, 'RECIPE_NOT_FOUND', '"three"'],
  ['a lockfile that was edited', { base: 'HEAD' }, 'LOCK_INVALID', 'recipes/one/lock.json'],
  [
    'a lockfile that was edited and committed',
    { base: 'HEAD', head: 'broken' },
    'LOCK_INVALID',
    'broken:recipes/one/lock.json',
  ],
])('diffLock() refuses %s', async (_, options, code, message) => {
  const { session, put, git, commit } = await makeProject()
  put(lockPath('one'), serializeLock(lockOf('one')))
  commit('first')
  git('checkout', '--quiet', '-b', 'broken')
  put(lockPath('one'), `${serializeLock(lockOf('one'))} `)
  commit('broken')
  git('checkout', '--quiet', 'main')
  put(lockPath('one'), `${serializeLock(lockOf('one'))} `)
  await expect(diffLock(session, options)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  })
})

test('diffLock() without a default branch asks for what to compare with', async () => {
  const { session, put, git, commit } = await makeProject()
  put(lockPath('one'), serializeLock(lockOf('one')))
  commit('first')
  git('branch', '--move', 'trunk')
  await expect(diffLock(session, {})).rejects.toMatchObject({
    code: 'REVISION_UNKNOWN',
    hint: expect.stringContaining('stillroom diff lock BASE'),
  })
})

import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseGitIndex } from '../formats/git/git-index.ts'
import { readInventory } from './read-inventory.ts'
import { membersOf, treeOf } from './tree.test-data.ts'

const environment = {
  PATH: process.env.PATH,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@b.example',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@b.example',
}

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'stillroom-git-'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const gitIn =
  (directory: string) =>
  (...args: string[]) =>
    execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], {
      cwd: directory,
      env: environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()

function repository(name: string, ...init: string[]) {
  const directory = join(root, name)
  execFileSync('git', ['init', '-q', '-b', 'main', ...init, directory], { env: environment })
  const git = gitIn(directory)
  for (const file of ['a.txt', 'ab.txt', 'abcdefgh', 'été.py', 'z'])
    writeFileSync(join(directory, file), `${file}\n`)
  chmodSync(join(directory, 'z'), 0o755)
  symlinkSync('a.txt', join(directory, 'link'))
  git('add', '.')
  git('commit', '-q', '-m', 'one')
  return { directory, git }
}

async function checkoutsOf(directory: string) {
  const { packages, problems } = await readInventory(await treeOf(membersOf(directory, 'srv/it')))
  return { checkouts: packages.filter(({ kind }) => kind === 'git'), problems }
}

describe('git', () => {
  it.each(['2', '3', '4'])('reads an index of version %s as `git ls-files` does', async (version) => {
    const { directory, git } = repository(`v${version}`)
    // only an extended entry makes git write version 3
    if (version === '3') git('update-index', '--skip-worktree', 'ab.txt')
    else git('update-index', '--index-version', version)
    git('remote', 'add', 'origin', 'https://user:s3cret@git.example/group/it.git?token=s3cret')
    if (version === '4') git('pack-refs', '--all')
    const listed = git('ls-files', '-s', '-z').split('\0').filter(Boolean)
    const { checkouts, problems } = await checkoutsOf(directory)
    expect(problems).toEqual([])
    expect(checkouts).toHaveLength(1)
    const [checkout] = checkouts
    expect(checkout).toMatchObject({
      name: 'srv/it',
      version: git('rev-parse', 'HEAD'),
      origin: { url: 'https://git.example/group/it.git' },
      modified: [],
    })
    expect(checkout?.files.map(({ path }) => Buffer.from(path, 'latin1').toString())).toEqual(
      listed.map((line) => `srv/it/${line.split('\t')[1]}`),
    )
    expect(checkout?.files.map(({ digest }) => digest?.value)).toEqual(
      listed.map((line) => (line.startsWith('120000') ? undefined : line.split(' ')[1])),
    )
    expect(JSON.stringify(checkouts)).not.toContain('s3cret')
  })

  it('lists what `git status` calls changed', async () => {
    const { directory, git } = repository('changed')
    appendFileSync(join(directory, 'a.txt'), 'more')
    unlinkSync(join(directory, 'ab.txt'))
    chmodSync(join(directory, 'z'), 0o644)
    unlinkSync(join(directory, 'link'))
    symlinkSync('z', join(directory, 'link'))
    writeFileSync(join(directory, 'untracked'), '')
    const status = git('diff-files', '--name-only').split('\n')
    const { checkouts } = await checkoutsOf(directory)
    expect(checkouts[0]?.modified).toEqual(status.map((path) => `srv/it/${path}`))
    expect(status).toEqual(['a.txt', 'ab.txt', 'link', 'z'])
  })

  it('follows submodules and linked work trees', async () => {
    const inner = repository('inner')
    const { directory, git } = repository('outer')
    git('submodule', '--quiet', 'add', inner.directory, 'sub')
    git('commit', '-q', '-m', 'two')
    appendFileSync(join(directory, 'sub', 'z'), 'more')
    const { checkouts, problems } = await checkoutsOf(directory)
    expect(problems).toEqual([])
    expect(checkouts.map(({ name, version, modified }) => ({ name, version, modified }))).toEqual([
      { name: 'srv/it', version: git('rev-parse', 'HEAD'), modified: [] },
      { name: 'srv/it/sub', version: inner.git('rev-parse', 'HEAD'), modified: ['srv/it/sub/z'] },
    ])
  })

  it('reads a SHA-256 repository, and says that it has no digests of it', async () => {
    const { directory, git } = repository('sha256', '--object-format=sha256')
    const { checkouts, problems } = await checkoutsOf(directory)
    expect(checkouts[0]).toMatchObject({ version: git('rev-parse', 'HEAD'), modified: [] })
    expect(problems).toMatchObject([{ reason: 'no digest of 5 files of the checkout was taken' }])
  })

  it('tells when there is no commit, no index, or one that is split', async () => {
    const empty = join(root, 'empty')
    execFileSync('git', ['init', '-q', empty], { env: environment })
    expect((await checkoutsOf(empty)).problems).toMatchObject([{ reason: 'it leads to no commit' }])
    const { directory, git } = repository('split')
    git('update-index', '--split-index')
    expect((await checkoutsOf(directory)).problems[0]?.reason).toContain('required extension "link"')
    rmSync(join(directory, '.git', 'index'))
    expect((await checkoutsOf(directory)).problems[0]?.reason).toContain('there is no index')
  })
})

describe('parseGitIndex()', () => {
  it('ends with a problem for every damage', () => {
    const { directory, git } = repository('damage')
    for (const version of ['2', '4']) {
      git('update-index', '--index-version', version)
      const file = Buffer.from(
        membersOf(directory, '').find(({ name }) => name === '.git/index')?.content ?? '',
      )
      expect(parseGitIndex(file, 'sha1').problem).toBeUndefined()
      fc.assert(
        fc.property(fc.nat(file.length - 21), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const damaged = Buffer.from(file)
          damaged[at] = (damaged[at] ?? 0) ^ flip
          expect(parseGitIndex(damaged, 'sha1').problem).toBeDefined()
          // without a checksum whatever is read must end
          damaged.fill(0, damaged.length - 20)
          parseGitIndex(damaged, 'sha1')
          expect(parseGitIndex(file.subarray(0, at), 'sha1').problem).toBeDefined()
        }),
      )
    }
  })
})

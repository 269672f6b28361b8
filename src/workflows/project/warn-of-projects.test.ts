import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gitRunner } from '../../resolve/git/run-git.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { describeProject, warnOfRepositories } from './warn-of-projects.ts'

const git = gitRunner({ env: process.env, signal: new AbortController().signal })
const KEY = ['-----BEGIN OPENSSH', 'PRIVATE KEY-----\nb3BlbnNzaA==\n'].join(' ')

async function warningsOf(files: Record<string, string | Buffer>, exclude?: string[]): Promise<string[]> {
  const directory = await temporaryDirectory()
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, 'code', path)), { recursive: true })
    await writeFile(join(directory, 'code', path), content)
  }
  const run = (...args: string[]) => execFileSync('git', args, { cwd: directory }).toString().trim()
  run('init', '--quiet')
  run('add', '--all', '--force')
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org']
  run(...identity, 'commit', '--quiet', '--no-gpg-sign', '--message', 'test')
  return describeProject(git, join(directory, 'code'), 'code', {
    commit: run('rev-parse', 'HEAD'),
    tree: run('rev-parse', 'HEAD:code'),
    ...(exclude && { part: { directory: 'code', exclude } }),
  })
}

describe('warnOfRepositories()', () => {
  it('says of a repository of more than 100 MB how large it is', () => {
    const step = {
      kind: 'git',
      commit: '1'.repeat(40),
      tree: '2'.repeat(40),
      sha256: '3'.repeat(64),
    } as const
    const at = (url: string, size: number) => ({ ...step, url, size, submodules: [], lfs: [] })
    const notes: unknown[] = []
    const steps = [at('https://example.org/small.git', 100e6), at('https://example.org/large.git', 101e6)]
    warnOfRepositories({ progress: (event) => notes.push(event) }, steps)
    expect(notes).toMatchObject([{ text: expect.stringContaining('large.git brings 101.0 MB') }])
  })
})

describe('describeProject()', () => {
  it('says nothing of sources, public keys, and examples of settings', async () => {
    const warnings = await warningsOf({
      'main.py': 'print("hello")\n',
      '.env.example': 'API_KEY=\n',
      'keys/id_ed25519.pub': 'ssh-ed25519 AAAA me@example.org\n',
      'ca.pem': '-----BEGIN CERTIFICATE-----\n',
      '.npmrc': 'save-exact=true\n',
      'environment.yml': 'name: test\n',
    })
    expect(warnings).toEqual([])
  })

  it('says nothing of what is left out', async () => {
    const files = { '.env': 'A=b\n', 'keys/id_ed25519': KEY, 'keys.py': '' }
    expect(await warningsOf(files, ['.env', 'keys'])).toEqual([])
    expect((await warningsOf(files, ['keys'])).join()).toContain('.env')
  })

  it('names each key, login and file of settings', async () => {
    const secret = {
      '.env': 'DEBUG=1\n',
      'deploy/.env.production': 'A=b\n',
      'keys/id_ed25519': KEY,
      'server.pem': KEY,
      'store.p12': '\0\x01',
      '.netrc': 'machine example.org\n',
      '.npmrc': '//registry.example.org/:_authToken=abc\n',
      '.docker/config.json': '{}',
      'notes.txt': `see:\n${KEY}`,
      'pip.conf': '[global]\nindex-url = https://me:word@example.org/simple\n',
    }
    const [warning, ...more] = await warningsOf({ ...secret, 'main.py': '' })
    expect(more).toEqual([])
    expect(warning).toMatch(/^WARNING: project "code" takes 10 files into the image/)
    for (const path of Object.keys(secret)) expect(warning).toContain(`  ${path} (`)
    expect(warning).not.toContain('main.py')
    expect(warning).toContain('git rm --cached FILE')
  })

  it('says what is large of more than 100 MB', async () => {
    // what compresses well is committed fast
    const megabyte = Buffer.alloc(1e6)
    expect(await warningsOf({ 'a.bin': Buffer.alloc(99e6), 'b.bin': megabyte })).toEqual([])
    const [warning] = await warningsOf({ 'data/a.bin': Buffer.alloc(100e6), 'b.bin': megabyte })
    expect(warning).toMatch(/^WARNING: project "code" takes 101.0 MB into the image/)
    expect(warning).toContain('  data/a.bin (100.0 MB)\n  b.bin (1.0 MB)\n')
  })
})

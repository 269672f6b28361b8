import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { git, makeRepository, PLAIN_ENV } from './make-repository.test-data.ts'
import { askGit, type GitRefusal, gitRunner, runGit } from './run-git.ts'

const { signal } = new AbortController()

const ask = async (env: Record<string, string>, host: string) => {
  const options = { env, extendEnv: false, input: `protocol=https\nhost=${host}\n\n`, reject: false }
  return (await execa('git', ['credential', 'fill'], options)).stdout
}

describe('gitRunner()', () => {
  const base = PLAIN_ENV

  it('gives a token to its host alone', async () => {
    const tokens = 'https://git.example.org/=s3cret https://git.example.org:8443=me:other'
    const { env, secrets } = gitRunner({ env: { ...base, STILLROOM_GIT_TOKENS: tokens }, signal })
    expect(await ask(env, 'git.example.org')).toContain('username=token\npassword=s3cret')
    expect(await ask(env, 'git.example.org:8443')).toContain('username=me\npassword=other')
    expect(await ask(env, 'evil.example.org')).not.toContain('password')
    expect(env.STILLROOM_GIT_TOKENS).toBeUndefined()
    expect(secrets).toEqual(['s3cret', 'other'])
    // what is on a command line are the helper's words
    expect(env.GIT_CONFIG_VALUE_1).not.toContain('s3cret')
  })

  it("keeps the user's own set-up, but no repository's", async () => {
    const user = {
      ...base,
      SSH_AUTH_SOCK: '/run/agent',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.proxy',
      GIT_CONFIG_VALUE_0: 'x',
      STILLROOM_GIT_TOKENS: 'https://git.example.org/=s3cret',
    }
    // configuration that was given for one command may hold a proxy or safe.directory
    const kept = ['GIT_CONFIG_PARAMETERS', 'GIT_CONFIG_COUNT', 'GIT_NO_REPLACE_OBJECTS']
    const names = (await git('/', ['rev-parse', '--local-env-vars']))
      .split('\n')
      .filter((one) => !kept.includes(one))
    expect(names.length).toBeGreaterThan(8)
    const { env } = gitRunner({
      env: { ...user, ...Object.fromEntries(names.map((each) => [each, '/elsewhere'])) },
      signal,
    })
    expect(env).toMatchObject({
      SSH_AUTH_SOCK: '/run/agent',
      GIT_CONFIG_COUNT: '3',
      GIT_CONFIG_KEY_0: 'http.proxy',
      GIT_TERMINAL_PROMPT: '0',
    })
    expect(Object.values(env)).not.toContain('/elsewhere')
  })

  it('shows no token in its complaint', () => {
    const broken = () => gitRunner({ env: { STILLROOM_GIT_TOKENS: 'git.example.org=s3cret' }, signal })
    expect(broken).toThrow(/expected https:\/\/HOST\/=\[USER:\]TOKEN/)
    expect(broken).not.toThrow(/s3cret/)
  })
})

describe('runGit()', () => {
  let root: string
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'stillroom-run-git-'))
    await makeRepository(join(root, 'r'), [[{ mode: '100644', path: 'a', content: 'a' }]], [])
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  it("takes the user's safe.directory for a repository of another owner, and no less", async () => {
    const config = join(root, 'gitconfig')
    await writeFile(config, `[safe]\n\tdirectory = ${join(root, 'r')}\n`)
    const foreign = { ...PLAIN_ENV, GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' }
    const words = ['-C', join(root, 'r'), 'status', '--porcelain']
    const refused = await askGit(gitRunner({ env: foreign, signal }), words)
    expect((refused as GitRefusal).said).toContain('dubious ownership')
    const env = { ...foreign, GIT_CONFIG_GLOBAL: config }
    expect(await askGit(gitRunner({ env, signal }), words)).toBe('')
  })

  it('ends with the reason of a signal that aborts while git works', async () => {
    const control = new AbortController()
    const pipe = join(root, 'pipe')
    await execa('mkfifo', [pipe])
    const running = runGit(gitRunner({ env: PLAIN_ENV, signal: control.signal }), ['hash-object', pipe])
    const ended = expect(running).rejects.toThrow('enough')
    // opens when git has opened it to read, and git waits for what is written
    await using _writer = await open(pipe, 'w')
    control.abort(new Error('enough'))
    await ended
    await expect(runGit(gitRunner({ env: PLAIN_ENV, signal: control.signal }), ['version'])).rejects.toThrow(
      'enough',
    )
  })
  it('does not wait for what an aborted git leaves behind', async () => {
    const control = new AbortController()
    const pipe = join(root, 'left')
    await execa('mkfifo', [pipe])
    const alias = `alias.leave=!sleep 1000 & echo $! >${pipe}; wait`
    const running = runGit(gitRunner({ env: PLAIN_ENV, signal: control.signal }), ['-c', alias, 'leave'])
    const ended = expect(running).rejects.toThrow('enough')
    const left = Number(await readFile(pipe, 'utf8'))
    onTestFinished(() => void process.kill(left))
    control.abort(new Error('enough'))
    await ended
  })
})

import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { gitEnvironment, gitSecrets } from './git-environment.ts'

const ask = async (env: Record<string, string>, host: string) => {
  const options = { env, extendEnv: false, input: `protocol=https\nhost=${host}\n\n`, reject: false }
  return (await execa('git', ['credential', 'fill'], options)).stdout
}

describe('gitEnvironment()', () => {
  const base = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }

  it('gives a token to its host alone', async () => {
    const tokens = 'https://git.example.org/=s3cret https://git.example.org:8443=me:other'
    const env = gitEnvironment({ ...base, STILLROOM_GIT_TOKENS: tokens })
    expect(await ask(env, 'git.example.org')).toContain('username=token\npassword=s3cret')
    expect(await ask(env, 'git.example.org:8443')).toContain('username=me\npassword=other')
    expect(await ask(env, 'evil.example.org')).not.toContain('password')
    expect(env.STILLROOM_GIT_TOKENS).toBeUndefined()
    expect(gitSecrets({ STILLROOM_GIT_TOKENS: tokens })).toEqual(['s3cret', 'other'])
    // what is on a command line are the helper's words
    expect(env.GIT_CONFIG_VALUE_1).not.toContain('s3cret')
  })

  it("keeps the user's own set-up, but no repository's", () => {
    const env = gitEnvironment({
      ...base,
      SSH_AUTH_SOCK: '/run/agent',
      GIT_DIR: '/elsewhere',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.proxy',
      GIT_CONFIG_VALUE_0: 'x',
      STILLROOM_GIT_TOKENS: 'https://git.example.org/=s3cret',
    })
    expect(env).toMatchObject({
      SSH_AUTH_SOCK: '/run/agent',
      GIT_CONFIG_COUNT: '3',
      GIT_CONFIG_KEY_0: 'http.proxy',
      GIT_TERMINAL_PROMPT: '0',
    })
    expect(env.GIT_DIR).toBeUndefined()
  })

  it('shows no token in its complaint', () => {
    const broken = () => gitEnvironment({ STILLROOM_GIT_TOKENS: 'git.example.org=s3cret' })
    expect(broken).toThrow(/expected https:\/\/HOST\/=\[USER:\]TOKEN/)
    expect(broken).not.toThrow(/s3cret/)
  })
})

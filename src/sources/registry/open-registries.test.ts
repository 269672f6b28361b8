import { expect, test } from 'vitest'
import { findDockerLogin } from './open-registries.ts'

const encode = (text: string) => Buffer.from(text).toString('base64')
const machine = (config: unknown, helpers: Record<string, string> = {}) => ({
  readFile: async () => (typeof config === 'string' ? config : JSON.stringify(config)),
  run: async (program: string, _: readonly string[], input = '') =>
    helpers[`${program.replace('docker-credential-', '')} ${input}`],
})
const find = (keys: string[], config: unknown, helpers?: Record<string, string>) =>
  findDockerLogin('config.json', keys, machine(config, helpers))

test('findDockerLogin() takes the helper named for the registry, the store for all, then the file', async () => {
  const config = {
    auths: {
      'a.example': { auth: encode('file:pass:word') },
      'https://b.example/v1/': { auth: encode('b:b') },
      'd.example': { identitytoken: 'refresh' },
    },
    credHelpers: { 'c.example': 'ours' },
    credsStore: 'desktop',
  }
  const helpers = {
    'ours c.example': '{"ServerURL":"c.example","Username":"<token>","Secret":"refresh"}',
    'desktop e.example': '{"Username":"e","Secret":"s"}',
    'desktop a.example': 'credentials not found in native keychain',
  }
  expect(await find(['a.example'], config, helpers)).toEqual({
    kind: 'password',
    user: 'file',
    password: 'pass:word',
  })
  expect(await find(['b.example'], config, helpers)).toMatchObject({ user: 'b' })
  expect(await find(['c.example'], config, helpers)).toEqual({ kind: 'identity', token: 'refresh' })
  expect(await find(['d.example'], config, helpers)).toEqual({ kind: 'identity', token: 'refresh' })
  expect(await find(['e.example'], config, helpers)).toMatchObject({ user: 'e' })
  expect(await find(['f.example'], config, helpers)).toBeUndefined()
})

test('findDockerLogin() never runs what is no plain helper name', async () => {
  const config = { credsStore: '../../bin/evil' }
  expect(await find(['a.example'], config, { '../../bin/evil a.example': '{}' })).toBeUndefined()
})

test('findDockerLogin() shows nothing of a file that it cannot read', async () => {
  const error = await find(['a.example'], '{"auths": {"a.example": {"auth": "c2VjcmV0"} ').catch((e) => e)
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
  expect(`${error.message} ${error.hint} ${error.cause}`).not.toContain('c2VjcmV0')
})

import { describe, expect, test } from 'vitest'
import type { ImageConfig } from '../../formats/oci.ts'
import { imageBase, smallLock } from '../../lock/small-lock.test-data.ts'
import { Recipe } from '../../recipe/schema.ts'
import { configCredentials } from '../credentials.ts'
import { compareConfig, readConfig, redactConfig } from './compare-config.ts'

const debian = smallLock.platforms['linux/amd64']?.base ?? expect.unreachable()
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const recipe = Recipe.parse({
  base: { kind: 'debian', suite: 'bookworm' },
  steps: [],
  env: { LANG: 'C.UTF-8' },
  user: { name: 'me', uid: 1000, home: '/home/me', shell: '/bin/bash' },
  workdir: '/home/me',
  entrypoint: ['/bin/run'],
  cmd: ['-v'],
  labels: { title: 'x' },
  expose: ['8000-8001/tcp'],
  volumes: ['/data'],
})

/** What an engine writes for the recipe. */
const CONFIG = {
  User: 'me',
  WorkingDir: '/home/me',
  Env: [PATH, 'LANG=C.UTF-8'],
  Entrypoint: ['/bin/run'],
  Cmd: ['-v'],
  Labels: { title: 'x' },
  ExposedPorts: { '8001/tcp': {}, '8000/tcp': {} },
  Volumes: { '/data': {} },
}

const image = (changes: object = {}, top: object = {}) =>
  ({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [] },
    config: { ...CONFIG, ...changes },
    ...top,
  }) as unknown as ImageConfig
const rules = (config: ImageConfig, of = recipe, base: typeof debian = debian) =>
  compareConfig(config, of, base).map(({ rule, subject }) => `${rule} ${subject}`)

describe('compareConfig()', () => {
  test('finds nothing in what an engine writes for the recipe', () => {
    expect(rules(image())).toEqual([])
  })

  test.each([
    ['config-env', { Env: [PATH, 'LANG=C'] }, 'Env/LANG'],
    ['config-env', { Env: [PATH, 'LANG=C.UTF-8', 'LD_PRELOAD=/evil.so'] }, 'Env/LD_PRELOAD'],
    ['config-env', { Env: ['LANG=C.UTF-8'] }, 'Env/PATH'],
    ['config-user', { User: '' }, 'User'],
    ['config-workdir', { WorkingDir: '/' }, 'WorkingDir'],
    ['config-entrypoint', { Entrypoint: ['/bin/evil'] }, 'Entrypoint'],
    ['config-entrypoint', { Entrypoint: null }, 'Entrypoint'],
    ['config-cmd', { Cmd: [] }, 'Cmd'],
    ['config-labels', { Labels: { title: 'x', more: 'y' } }, 'Labels/more'],
    ['config-ports', { ExposedPorts: { '8000/tcp': {} } }, 'ExposedPorts'],
    ['config-volumes', { Volumes: {} }, 'Volumes'],
    ['config-other', { StopSignal: 'SIGKILL' }, 'StopSignal'],
    ['config-other', { Healthcheck: { Test: ['CMD', 'evil'] } }, 'Healthcheck'],
    ['config-other', { OnBuild: ['RUN evil'] }, 'OnBuild'],
    ['config-other', { Shell: ['/bin/evil'] }, 'Shell'],
  ])('%s: %j', (rule, changes, field) => {
    expect(rules(image(changes))).toEqual([`${rule} config/${field}`])
  })

  test('another platform', () => {
    expect(rules(image({}, { architecture: 'arm64' }))).toEqual(['config-other config/platform'])
  })

  test('says what was expected, and no secret', () => {
    expect(compareConfig(image({ User: 'root' }), recipe, debian)).toEqual([
      {
        rule: 'config-user',
        severity: 'error',
        subject: 'config/User',
        message: 'User is "root", expected "me"',
        expected: '"me"',
        actual: '"root"',
      },
    ])
    const [finding] = compareConfig(image({ Env: [...CONFIG.Env, 'API_TOKEN=hunter2'] }), recipe, debian)
    expect(JSON.stringify(finding)).not.toContain('hunter2')
  })

  test('takes from a base that was an image what the recipe does not set', () => {
    const plain = Recipe.parse({ base: { kind: 'image', reference: imageBase.reference }, steps: [] })
    const { configuration } = imageBase
    const below = {
      User: configuration.user,
      WorkingDir: configuration.workdir,
      Env: Object.entries(configuration.env).map(([name, value]) => `${name}=${value}`),
      Entrypoint: configuration.entrypoint,
      Cmd: configuration.cmd,
      Labels: configuration.labels,
      ExposedPorts: { '8888/tcp': {} },
      Volumes: { '/data': {} },
    }
    expect(rules(image(below), plain, imageBase)).toEqual([])
    const own = { ...plain, entrypoint: ['/bin/own'] }
    expect(rules(image({ ...below, Entrypoint: ['/bin/own'] }), own, imageBase)).toEqual([
      'config-cmd config/Cmd',
    ])
  })
})

describe('configCredentials()', () => {
  const found = (config: ImageConfig, allowed = {}) =>
    configCredentials(config, allowed).map(({ subject, message }) => `${subject}: ${message}`)

  test('finds them in variables, labels and commands, and never shows them', () => {
    const secret = { Env: ['API_TOKEN=hunter2'], Labels: { url: 'https://me:hunter2@git.example/x' } }
    const history = [{ created_by: 'RUN DB_PASSWORD=hunter2 make' }, { created_by: 'RUN make' }]
    expect(found(image(secret, { history }))).toEqual([
      'config/Env/API_TOKEN: the config holds a secret variable',
      'config/Labels/url: the config holds a login in an address',
      'config/history/0: the config holds a secret variable in the command that made a layer',
    ])
    expect(JSON.stringify(redactConfig(readConfig(image(secret))))).not.toContain('hunter2')
  })

  test('leaves out what the recipe itself sets, and what is empty', () => {
    const config = image({ Env: ['API_TOKEN=public', 'SECRET='] })
    expect(found(config, { API_TOKEN: 'public' })).toEqual([])
    expect(found(config, { API_TOKEN: 'other' })).toHaveLength(1)
  })
})

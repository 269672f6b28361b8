import { describe, expect, test } from 'vitest'
import { type EngineProbes, findEngine } from './find-engine.ts'

const DIRECTORY = '/cache/engine/default'
const ENV_FILE = `export DOCKER_HOST='unix://${DIRECTORY}/docker.sock'
export DOCKER_CONFIG='/it'\\''s/config'
export PATH='/cache/engine/bin.trixie.1':"$PATH"
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH
`
/** proc(5): the second field may hold spaces and parentheses, the 22nd is the start time. */
const stat = (state: string, start: string) => `42 (a) b) ${state} ${'0 '.repeat(18)}${start} 0 0\n`
const RUNNING = {
  [`${DIRECTORY}/env`]: ENV_FILE,
  [`${DIRECTORY}/pid`]: '42 777 overlay2\n',
  '/proc/42/stat': stat('S', '777'),
}
const PRIVATE = {
  kind: 'private',
  settings: {
    DOCKER_HOST: `unix://${DIRECTORY}/docker.sock`,
    DOCKER_CONFIG: "/it's/config",
    clients: '/cache/engine/bin.trixie.1',
  },
}

/** Finds an engine on a machine in memory; whether the user's own was asked shows in `asked`. */
async function find(env: Record<string, string>, files: Record<string, string> = {}, ownWorks = false) {
  let asked = false
  const probes: EngineProbes = {
    env: { STILLROOM_CACHE: '/cache', ...env },
    read: async (path) => files[path],
    ownWorks: async () => {
      asked = true
      return ownWorks
    },
  }
  return { choice: await findEngine(probes), asked }
}

describe('findEngine()', () => {
  test('takes the engine that DOCKER_HOST names before all others', async () => {
    const found = await find({ DOCKER_HOST: 'tcp://elsewhere:1' }, RUNNING, true)
    expect(found).toEqual({ choice: { kind: 'environment' }, asked: false })
  })

  test('takes a running private engine before the own one of the user, which is not asked', async () => {
    expect(await find({}, RUNNING, true)).toEqual({ choice: PRIVATE, asked: false })
  })

  test('takes the own engine of the user when no private one runs', async () => {
    expect(await find({}, {}, true)).toEqual({ choice: { kind: 'environment' }, asked: true })
  })

  test('wants a private one to be started when nothing else works', async () => {
    expect(await find({})).toEqual({ choice: { kind: 'start' }, asked: true })
  })

  test('with STILLROOM_ENGINE=private takes a private one only, whatever DOCKER_HOST says', async () => {
    const env = { STILLROOM_ENGINE: 'private', DOCKER_HOST: 'tcp://elsewhere:1' }
    expect(await find(env, RUNNING, true)).toEqual({ choice: PRIVATE, asked: false })
    expect(await find(env, {}, true)).toEqual({ choice: { kind: 'start' }, asked: false })
  })

  test('with STILLROOM_ENGINE=none starts none and looks for none', async () => {
    const found = await find({ STILLROOM_ENGINE: 'none' }, RUNNING, true)
    expect(found).toEqual({ choice: { kind: 'environment' }, asked: false })
  })

  test('refuses another value of STILLROOM_ENGINE', async () => {
    await expect(find({ STILLROOM_ENGINE: 'docker' })).rejects.toMatchObject({
      code: 'ENGINE_MISSING',
      message: 'STILLROOM_ENGINE is "docker"',
      hint: 'set it to private or none, or unset it',
    })
  })

  test.for([
    ['has ended', { '/proc/42/stat': undefined }],
    ['has ended, and its number is that of another process', { '/proc/42/stat': stat('S', '778') }],
    ['has ended, and nobody has reaped it', { '/proc/42/stat': stat('Z', '777') }],
    ['is still starting', { [`${DIRECTORY}/env`]: undefined }],
    ['has left half a file', { [`${DIRECTORY}/pid`]: '4' }],
    ['has settings that are not complete', { [`${DIRECTORY}/env`]: "export DOCKER_HOST='unix:///x'\n" }],
  ] as const)('does not take a private one that %s', async ([, changed]) => {
    const files = { ...RUNNING, ...changed } as Record<string, string>
    expect(await find({}, files)).toEqual({ choice: { kind: 'start' }, asked: true })
  })
})

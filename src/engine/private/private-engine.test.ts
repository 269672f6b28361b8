import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { engineEnvironment, privateEngine, runningSettings, settingsScript } from './private-engine.ts'

const run = promisify(execFile)
const settings = { DOCKER_HOST: "unix:///it's/a.sock", DOCKER_CONFIG: '/$HOME/`x`', clients: '/a b' }

describe('privateEngine()', () => {
  test.for(['', 'A', '-a', 'a/b', '..', 'a'.repeat(24)])('refuses the name "%s"', (name) => {
    expect(() => privateEngine('/cache', name)).toThrow(`not "${name}"`)
  })

  test('lies below the cache directory, with one root file system for all', () => {
    const [one, other] = [privateEngine('/cache', 'one'), privateEngine('/cache', 'other')]
    expect(one.socket).toBe('/cache/engine/one/docker.sock')
    expect(other.root).toBe(one.root)
  })
})

describe('settingsScript()', () => {
  test('gives a shell the settings, and is read back as them', async () => {
    const script = settingsScript(settings)
    const env = { PATH: '/usr/bin:/bin', DOCKER_CONTEXT: 'x', DOCKER_TLS_VERIFY: '1' }
    const { stdout } = await run('/bin/sh', ['-c', `${script}env -0`], { env })
    const shown = Object.fromEntries(stdout.split('\0').map((line) => line.split(/=(.*)/s).slice(0, 2)))
    const expected = Object.entries(engineEnvironment(settings, env)).filter(
      ([, value]) => value !== undefined,
    )
    expect(shown).toMatchObject(Object.fromEntries(expected))
    expect(shown).not.toHaveProperty('DOCKER_CONTEXT')
    expect(shown).not.toHaveProperty('DOCKER_TLS_VERIFY')

    const files: Record<string, string> = {
      '/c/engine/default/env': script,
      '/c/engine/default/pid': '1 9 overlay2\n',
      '/proc/1/stat': `1 (sh) S ${'0 '.repeat(18)}9 0\n`,
    }
    expect(await runningSettings(privateEngine('/c'), async (path) => files[path])).toEqual(settings)
  })
})

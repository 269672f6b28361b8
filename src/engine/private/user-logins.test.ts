import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { withUserLogins } from './user-logins.ts'

test("a private engine's users have their own logins, also those made after it was started, and its plugins", async () => {
  const root = await temporaryDirectory()
  const own = join(root, 'engine/config')
  await mkdir(join(own, 'cli-plugins'), { recursive: true })
  await writeFile(join(own, 'cli-plugins/docker-buildx'), 'buildx')
  const settings = { DOCKER_HOST: 'unix:///x', DOCKER_CONFIG: own, clients: '/clients' }
  const of = (env: Record<string, string>) => withUserLogins(settings, env)
  const login = async (directory: string, text: string) => {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'config.json'), text)
  }
  const read = async (env: Record<string, string>) =>
    readFile(join((await of(env)).DOCKER_CONFIG, 'config.json'), 'utf8')

  const home = { HOME: join(root, 'home') }
  const before = await of(home)
  await login(join(root, 'home/.docker'), 'late')
  expect(await readFile(join(before.DOCKER_CONFIG, 'config.json'), 'utf8')).toBe('late')
  expect(await readFile(join(before.DOCKER_CONFIG, 'cli-plugins/docker-buildx'), 'utf8')).toBe('buildx')

  await login(join(root, 'other'), 'other')
  const other = { ...home, DOCKER_CONFIG: join(root, 'other') }
  expect(await read(other)).toBe('other')
  expect(await read(home)).toBe('late')

  // in the environment of the engine it stays as it is
  const within = await of(other)
  expect(await of({ ...home, DOCKER_CONFIG: within.DOCKER_CONFIG })).toEqual(within)
  expect((await of({ ...home, DOCKER_CONFIG: own })).DOCKER_CONFIG).toBe(own)
})

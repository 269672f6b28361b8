import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { put } from './support/project.ts'

const BIN = join(import.meta.dirname, '../bin')

/** A checkout whose one dependency is in it, and whose program says that it ran. */
async function makeCheckout(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'stillroom-setup-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'bin'))
  for (const name of ['stillroom', 'setup.sh']) await copyFile(join(BIN, name), join(root, 'bin', name))
  await put(root, 'bin/run.js', "console.log('ran')\n")
  const own = { name: 'checkout', version: '1.0.0', dependencies: { part: 'file:part' } }
  const scripts = { postinstall: 'echo installed >> installs' }
  await put(root, 'package.json', JSON.stringify({ ...own, type: 'module', scripts }))
  await put(root, 'part/package.json', '{ "name": "part", "version": "1.0.0" }')
  const packages = {
    '': { ...own, hasInstallScript: true },
    part: { version: '1.0.0' },
    'node_modules/part': { resolved: 'part', link: true },
  }
  const lock = { name: own.name, version: own.version, lockfileVersion: 3, requires: true, packages }
  await put(root, 'package-lock.json', JSON.stringify(lock))
  return root
}

const run = (root: string) => execa(join(root, 'bin/stillroom'), ['--version'], { reject: false })
const installs = async (root: string) => (await readFile(join(root, 'installs'), 'utf8')).trim().split('\n')

test.each([
  ['that died', async () => String((await execa('sh', ['-c', 'echo $$'])).stdout)],
  ['that died before it said who it is', async () => undefined],
])('a set-up takes over the lock of one %s', async (_, ownerOf) => {
  const root = await makeCheckout()
  await mkdir(join(root, '.setup-lock'))
  const owner = await ownerOf()
  if (owner !== undefined) await put(root, '.setup-lock/pid', `${owner}\n`)
  const { exitCode, stdout, stderr } = await run(root)
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toBe('ran')
  expect(await installs(root)).toEqual(['installed'])
  expect(existsSync(join(root, '.setup-lock'))).toBe(false)
})

test('set-ups at the same time install once, also when there is a dead one', async () => {
  const root = await makeCheckout()
  const { stdout: dead } = await execa('sh', ['-c', 'echo $$'])
  await put(root, '.setup-lock/pid', `${dead}\n`)
  const all = await Promise.all([1, 2, 3, 4].map(() => run(root)))
  expect(all.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(all.map(() => [0, 'ran']))
  expect(await installs(root)).toEqual(['installed'])
  expect(existsSync(join(root, '.setup-lock'))).toBe(false)
})

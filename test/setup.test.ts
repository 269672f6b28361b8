import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
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

const dead = `${spawnSync('true').pid}.1`
const links = async (root: string) => (await readdir(root)).filter((name) => name.startsWith('.setup-lock'))

test.each([
  ['that died', ['0']],
  ['that died when it had taken over', ['0', '1000000001.1', '1000000002.1']],
])('a set-up takes over the lock of one %s', async (_, holders) => {
  const root = await makeCheckout()
  for (const [n, holder] of holders.entries())
    await symlink(holders[n + 1] ?? dead, join(root, `.setup-lock.${holder}`))
  const { exitCode, stdout, stderr } = await run(root)
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toBe('ran')
  expect(await installs(root)).toEqual(['installed'])
  expect(await links(root)).toEqual([])
})

test('set-ups at the same time install once, also when there is a dead one', async () => {
  const root = await makeCheckout()
  await symlink(dead, join(root, '.setup-lock.0'))
  const all = await Promise.all([1, 2, 3, 4].map(() => run(root)))
  expect(all.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(all.map(() => [0, 'ran']))
  expect(await installs(root)).toEqual(['installed'])
  expect(await links(root)).toEqual([])
})

test('of set-ups that find a dead one, no two ever hold the lock together', async () => {
  const root = await makeCheckout()
  await symlink(dead, join(root, '.setup-lock.0'))
  // mkdir fails while another holds it; each ends without giving it back
  const holds = `root=$1; . ${join(BIN, 'setup.sh')}
    say() { :; }; sleep() { command sleep 0.05; }
    lock; mkdir "$root/held" && rmdir "$root/held" || exit 9; trap - EXIT`
  const several = 'for round in 1 2 3 4 5 6 7 8; do sh -c "$1" sh "$2" || exit; done'
  const all = [1, 2, 3, 4, 5, 6].map(() => execa('sh', ['-c', several, 'sh', holds, root], { reject: false }))
  for (const { exitCode, stderr } of await Promise.all(all)) expect(exitCode, stderr).toBe(0)
})

import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import type { Json } from '../src/lock/canonical-json.ts'
import { inputsChecksum } from '../src/lock/lock-inputs.ts'
import { parseLock } from '../src/lock/parse-lock.ts'
import type { Lockfile } from '../src/lock/schema.ts'
import { serializeLock } from '../src/lock/serialize-lock.ts'
import { copyProject, put } from './support/project.ts'
import { commandLine, stillroom } from './support/stillroom.ts'

const LOCK = 'recipes/hello/lock.json'

/** A repository with the lock of `hello` and two branches, each of which changed it. */
async function twoBranches(ours: (lock: Lockfile) => Lockfile, theirs: (lock: Lockfile) => Lockfile) {
  const directory = await copyProject('hello')
  const git = (...args: string[]) =>
    execa('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], {
      cwd: directory,
      reject: false,
    })
  // installed as npm does it, and on no PATH
  const program = join(directory, 'node_modules/.bin/stillroom')
  await put(
    directory,
    'node_modules/.bin/stillroom',
    `#!/bin/sh\nexec '${process.execPath}' '${commandLine()}' "$@"\n`,
  )
  await chmod(program, 0o755)
  await git('init', '--quiet')
  expect(await stillroom(directory, ['init'])).toMatchObject({ exitCode: 0 })
  const commit = async (message: string) => {
    await git('add', '--all')
    await git('commit', '--quiet', '--no-gpg-sign', '--message', message)
  }
  await commit('base')
  const read = () => readFile(join(directory, LOCK), 'utf8')
  const base = parseLock(await read(), LOCK)
  const [mine, other] = [serializeLock(ours(base)), serializeLock(theirs(base))]
  await git('switch', '--quiet', '--create', 'theirs')
  await put(directory, LOCK, other)
  await commit('theirs')
  await git('switch', '--quiet', '--create', 'ours', 'HEAD~1')
  await put(directory, LOCK, mine)
  await commit('ours')
  return { directory, base, mine, read, git, merge: () => git('merge', '--no-edit', 'theirs') }
}

function withField(name: string, value: Json) {
  return (lock: Lockfile): Lockfile => {
    const fields = { ...lock.inputs.fields, [name]: value }
    return { ...lock, inputs: { checksum: inputsChecksum(fields), fields } }
  }
}

/** What a relock of one step gives, with a version that the archive has not. */
function withVersion(kind: 'apt' | 'pip', version: string) {
  return (lock: Lockfile): Lockfile => {
    const platforms = Object.entries(lock.platforms).map(([name, platform]) => {
      const steps = platform.steps.map((step) => {
        if (step.kind === 'apt' && kind === 'apt')
          return { ...step, packages: step.packages.map((one, i) => (i === 0 ? { ...one, version } : one)) }
        if (step.kind === 'pip' && kind === 'pip')
          return { ...step, files: step.files.map((one) => ({ ...one, version })) }
        return step
      })
      return [name, { ...platform, steps, image: null }]
    })
    return { ...lock, platforms: Object.fromEntries(platforms) }
  }
}

test('git merge of two branches merges their locks by meaning', async () => {
  const [env, pip] = [withField('env', { LANG: 'C' }), withVersion('pip', '6.2')]
  const { base, read, git, merge } = await twoBranches(env, pip)
  const { exitCode, stdout, stderr } = await merge()
  expect({ exitCode, stdout, stderr }).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('merged the lockfile of recipe "hello"'),
  })
  expect(await read()).toBe(serializeLock(env(pip(base))))
  expect((await git('status', '--porcelain', '--', 'recipes')).stdout).toBe('')
})

test('changes that have to do with each other leave a conflict, our lock as it was, and what to do', async () => {
  const { mine, read, git, merge } = await twoBranches(
    withVersion('apt', '1:2.3-4'),
    withVersion('pip', '6.2'),
  )
  const { exitCode, stdout, stderr } = await merge()
  expect(exitCode).toBe(1)
  expect(stdout).toContain(`Merge conflict in ${LOCK}`)
  expect(stderr).toContain('platforms["linux/amd64"].steps[1] was not resolved with what comes before it now')
  expect(stderr).toContain('stillroom lock recipe hello')
  expect(await read()).toBe(mine)
  expect((await git('status', '--porcelain', '--', LOCK)).stdout).toBe(`UU ${LOCK}`)
})

test('a file that is no lockfile is an error, and nothing is written', async () => {
  const directory = await copyProject('hello')
  const before = await readFile(join(directory, LOCK), 'utf8')
  await put(directory, 'other.json', '{}\n')
  const outcome = await stillroom(directory, ['merge', 'lock', LOCK, LOCK, 'other.json'])
  expect(outcome).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('LOCK_INVALID') })
  const missing = await stillroom(directory, ['merge', 'lock', LOCK, LOCK, 'nowhere.json'])
  expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('LOCK_MISSING') })
  expect(await readFile(join(directory, LOCK), 'utf8')).toBe(before)
})

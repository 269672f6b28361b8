import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { InitResult } from '../src/workflows/project/init-project.ts'
import { makeProject, put } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const WRITTEN = [
  'stillroom.config.ts',
  'package.json',
  'recipes/hello/recipe.ts',
  '.github/workflows/stillroom-pull-request.yml',
  '.github/workflows/stillroom-nightly.yml',
  '.gitattributes',
  '.gitignore',
]

async function freshRepository(): Promise<string> {
  const directory = await makeProject()
  await rm(join(directory, 'package.json'))
  await execa('git', ['init', '--quiet'], { cwd: directory })
  return directory
}

/** Every file with its bytes, git's configuration among them. */
async function contents(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const texts = await Promise.all(paths.map((path) => readFile(path, 'latin1')))
  return Object.fromEntries(paths.map((path, i) => [path, texts[i] ?? '']))
}

test('init in a fresh git repository: its recipe loads, and a second run changes no byte', async () => {
  const directory = await freshRepository()
  const first = await stillroomJson<InitResult>(directory, ['init'])
  expect(first.files).toEqual(WRITTEN.map((path) => ({ path, outcome: 'written' })))
  expect(first.mergeDriver).toEqual({ outcome: 'registered' })
  const driver = await execa('git', ['config', 'merge.stillroom-lock.driver'], { cwd: directory })
  expect(driver.stdout).toBe('PATH="$PATH:node_modules/.bin" stillroom merge lock %O %A %B')
  const merge = await execa('git', ['check-attr', 'merge', 'recipes/hello/lock.json'], { cwd: directory })
  expect(merge.stdout).toBe('recipes/hello/lock.json: merge: stillroom-lock')

  expect(await stillroomJson(directory, ['list', 'recipes'])).toEqual({
    recipes: [{ name: 'hello', locked: false, image: null }],
  })
  const check = await stillroom(directory, ['lock', 'recipe', 'hello', '--check'])
  expect(check).toMatchObject({
    exitCode: 1,
    stderr: '',
    stdout: expect.stringMatching(/stale:\n.*base: locked nothing, now .*bookworm/s),
  })

  expect(first.next).toEqual([
    expect.stringMatching(/^add stillroom to the dependencies in package.json/),
    'stillroom lock recipe hello',
    'stillroom build recipe hello',
  ])

  const before = await contents(directory)
  const second = await stillroomJson<InitResult>(directory, ['init'])
  expect(second.files).toEqual(WRITTEN.map((path) => ({ path, outcome: 'kept' })))
  expect(second.mergeDriver).toEqual({ outcome: 'kept' })
  expect(await contents(directory)).toEqual(before)
})

test('init names the way from a Dockerfile to a recipe', async () => {
  const directory = await freshRepository()
  await put(directory, 'Dockerfile', 'FROM debian:12\nCOPY . /srv/flow\n')
  const { next } = await stillroomJson<InitResult>(directory, ['init'])
  expect(next.at(-1)).toBe('stillroom adopt dockerfile Dockerfile')
  const adopted = await stillroom(directory, ['adopt', 'dockerfile', 'Dockerfile', 'flow'])
  expect(adopted).toMatchObject({ exitCode: 0 })
  expect(await readFile(join(directory, 'recipes/flow/recipe.ts'), 'utf8')).toContain("project('../..',")
})

test('init keeps files that are there, and appends only the lines that are missing', async () => {
  const directory = await freshRepository()
  await put(directory, 'package.json', '{ "type": "module", "name": "mine" }\n')
  await put(directory, 'recipes/mine/recipe.ts', 'export default {}\n')
  await put(directory, '.gitignore', '*.log\nnode_modules/')
  await put(directory, '.gitattributes', 'generated/** -text linguist-generated\n')
  await execa('git', ['config', 'merge.stillroom-lock.driver', 'npx stillroom merge lock %O %A %B'], {
    cwd: directory,
  })
  const { files, mergeDriver } = await stillroomJson<InitResult>(directory, ['init'])
  expect(Object.fromEntries(files.map(({ path, outcome }) => [path, outcome]))).toEqual({
    'stillroom.config.ts': 'written',
    'package.json': 'kept',
    '.github/workflows/stillroom-pull-request.yml': 'written',
    '.github/workflows/stillroom-nightly.yml': 'written',
    '.gitattributes': 'extended',
    '.gitignore': 'extended',
  })
  expect(mergeDriver).toEqual({ outcome: 'kept' })
  const read = (path: string) => readFile(join(directory, path), 'utf8')
  expect(await read('package.json')).toBe('{ "type": "module", "name": "mine" }\n')
  expect(await read('.gitignore')).toBe(
    '*.log\nnode_modules/\ngenerated/*/artifacts/\ngenerated/*/metadata.json\nshared/\n',
  )
  expect(await read('.gitattributes')).toBe(
    'generated/** -text linguist-generated\nrecipes/*/lock.json -text linguist-generated merge=stillroom-lock\n',
  )
  expect(await readdir(join(directory, 'recipes'))).toEqual(['mine'])
})

test('init outside a git repository makes the directory, and says that git knows no merge driver', async () => {
  const directory = await makeProject()
  const outcome = await stillroom(directory, ['init', 'new/images'])
  expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 })
  expect(outcome.stdout).toContain('no merge driver: fatal: not a git repository')
  expect(await readdir(join(directory, 'new/images'))).toContain('stillroom.config.ts')
})

test('init in a part of a repository says that GitHub reads workflows at its root only', async () => {
  const directory = await freshRepository()
  const { next, mergeDriver } = await stillroomJson<InitResult>(directory, ['init', 'images/all'])
  expect(mergeDriver).toEqual({ outcome: 'registered' })
  const driver = await execa('git', ['config', 'merge.stillroom-lock.driver'], { cwd: directory })
  expect(driver.stdout).toContain('PATH="$PATH:images/all/node_modules/.bin" stillroom')
  expect(next).toContain(
    'move .github to the root of the repository, and add "-C images/all/" to each stillroom in it',
  )
  const { stdout } = await stillroom(directory, ['init', 'images/all'])
  expect(stdout).toContain('next:\n  add stillroom')
})

test('init where a file is in the way of a directory is wrong usage', async () => {
  const directory = await makeProject({ recipes: 'a cook book\n' })
  const outcome = await stillroom(directory, ['init'])
  expect(outcome).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('not a directory') })
})

test('init in a read-only directory is NOT_WRITABLE', async ({ skip }) => {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-init-'))
  const root = process.getuid?.() === 0
  onTestFinished(async () => {
    if (root) await execa('umount', [directory], { reject: false })
    else await chmod(directory, 0o755)
    await rm(directory, { recursive: true, force: true })
  })
  if (root) {
    // permissions don't hold root back, a mount does
    const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'none', directory], {
      reject: false,
    })
    if (mounted.failed) return skip('root may not mount here')
  } else {
    await chmod(directory, 0o555)
  }
  const outcome = await stillroom(directory, ['init'])
  expect(outcome).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('code: NOT_WRITABLE') })
  expect(await readdir(directory)).toEqual([])
})

test("the workflows that init writes are this repository's own, but for how stillroom is run", async () => {
  const directory = await makeProject()
  await stillroom(directory, ['init'])
  for (const name of ['pull-request', 'nightly']) {
    const own = await readFile(join(import.meta.dirname, `../.github/workflows/${name}.yml`), 'utf8')
    const written = await readFile(join(directory, `.github/workflows/stillroom-${name}.yml`), 'utf8')
    const actions = [...written.matchAll(/uses: (\S+)/g)].map(([, action]) => action ?? '')
    expect(actions.length).toBeGreaterThan(0)
    for (const action of actions) expect(action).toMatch(/^actions\/[a-z-]+@[0-9a-f]{40}$/)
    for (const [use] of own.matchAll(/uses: actions\/\S+/g)) expect(written).toContain(use)
    for (const [right] of own.matchAll(/^ +(contents|issues|pull-requests): \w+/gm))
      expect(written).toContain(right)
    expect(written).not.toContain('./bin/')
  }
})

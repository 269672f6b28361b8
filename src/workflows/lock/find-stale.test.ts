import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { LockedPlatform } from '../../lock/schema.ts'
import { smallLock } from '../../lock/small-lock.test-data.ts'
import { loadInputs } from '../project/load-inputs.ts'
import { writeLock } from '../project/lock-file.ts'
import { checkLock, findStale, generateRecipe } from './find-stale.ts'

const BASE = "base: { kind: 'debian', suite: 'bookworm' }"
const locked = smallLock.platforms['linux/amd64'] as LockedPlatform

/** A project with a recipe that is locked and generated, then with what has changed since. */
async function makeProject({
  recipe = `export default { ${BASE} }`,
  after = {} as Record<string, string>,
} = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-stale-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  await put('package.json', '{ "type": "module" }')
  await put('recipes/tiny/recipe.ts', recipe)
  const ports = { directory, env: {}, signal: new AbortController().signal }
  const { inputs } = await loadInputs(ports, 'tiny')
  const platforms = { 'linux/amd64': { ...locked, steps: [], image: null } }
  await writeLock(directory, 'tiny', { ...smallLock, recipe: 'tiny', inputs, platforms })
  await generateRecipe(ports, 'tiny', { check: false })
  for (const [path, text] of Object.entries(after)) await put(path, text)
  return ports
}

describe('findStale()', () => {
  test('finds nothing in a project that is locked and generated', async () => {
    expect(await findStale(await makeProject())).toEqual([])
  })

  test('names the recipe that has no lock, and the command that makes one', async () => {
    const ports = await makeProject({ after: { 'recipes/other/recipe.ts': `export default { ${BASE} }` } })
    expect(await findStale(ports)).toEqual([
      { recipe: 'other', mend: 'stillroom lock recipe other', reasons: expect.any(Array) },
    ])
    expect(await checkLock(ports, 'other')).toMatchObject({
      stale: true,
      changes: expect.arrayContaining([expect.objectContaining({ field: 'base', expected: undefined })]),
    })
  })

  test('names each generated file that is not what the recipe gives', async () => {
    const ports = await makeProject({
      after: { 'generated/tiny/Dockerfile': 'FROM scratch\n', 'generated/tiny/notes.txt': 'mine' },
    })
    expect(await findStale(ports)).toEqual([
      {
        recipe: 'tiny',
        mend: 'stillroom generate recipe tiny',
        reasons: ['edited: generated/tiny/Dockerfile', 'extra: generated/tiny/notes.txt'],
      },
    ])
  })

  test('goes on after a recipe that cannot be read', async () => {
    const ports = await makeProject({ after: { 'recipes/broken/recipe.ts': 'export default {' } })
    expect(await findStale(ports)).toMatchObject([
      { recipe: 'broken', reasons: [expect.stringMatching(/^RECIPE_SYNTAX: /)] },
    ])
  })
})

test('checkLock() lists the fields that a lock was made from and the recipe no longer has', async () => {
  const before = await makeProject({ recipe: `export default { ${BASE}, env: { LANG: 'C' } }` })
  const now = await makeProject()
  const old = await loadInputs(before, 'tiny')
  const platforms = { 'linux/amd64': { ...locked, steps: [], image: null } }
  await writeLock(now.directory, 'tiny', { ...smallLock, recipe: 'tiny', inputs: old.inputs, platforms })
  expect(await checkLock(now, 'tiny')).toEqual({
    recipe: 'tiny',
    stale: true,
    changes: [{ field: 'env', expected: { LANG: 'C' }, actual: undefined }],
  })
})

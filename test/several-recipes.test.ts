import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { GenerateReport, GenerateReports } from '../src/commands/generate/recipe.ts'
import type { LockReports } from '../src/commands/lock/recipe.ts'
import { copyProject, put } from './support/project.ts'
import { commandLine, failure, stillroom, stillroomJson } from './support/stillroom.ts'

const RECIPE = `import { debian, defineRecipe } from 'stillroom'
export default defineRecipe({ base: debian('trixie') })
`

/** A project with `hello` locked, and `other`, whose context differs from its lock. */
async function twoRecipes(): Promise<string> {
  const directory = await copyProject('hello')
  const recipe = await readFile(join(directory, 'recipes/hello/recipe.ts'), 'utf8')
  const lock = await readFile(join(directory, 'recipes/hello/lock.json'), 'utf8')
  await put(directory, 'recipes/other/recipe.ts', recipe)
  await put(directory, 'recipes/other/lock.json', lock.replace('"recipe": "hello"', '"recipe": "other"'))
  return directory
}

test('recipes are worked on in turn, and one that fails keeps none of the others from it', async () => {
  const directory = await twoRecipes()
  const args = ['generate', 'recipe', 'missing', 'hello', 'other', '--check']
  const { exitCode, stdout, stderr } = await stillroom(directory, args)
  expect(exitCode).toBe(2)
  expect(stdout).toMatch(/^generated\/hello is up to date\ngenerated\/other differs:\n/)
  expect(stderr).toMatch(
    /^- recipe missing, 1 of 3\nerror: .*"missing".*\n {2}hint: .*\n {2}code: RECIPE_NOT_FOUND\n- recipe hello, 2 of 3\n- recipe other, 3 of 3$/,
  )
})

test('the exit code is the greatest of theirs', async () => {
  const directory = await twoRecipes()
  const check = async (...names: string[]) =>
    (await stillroom(directory, ['generate', 'recipe', ...names, '--check'])).exitCode
  expect(await check('hello', 'hello')).toBe(0)
  expect(await check('other', 'hello')).toBe(1)
  expect(await check('missing', 'other')).toBe(2)
  expect(await check('other', 'missing')).toBe(2)
})

test('--json gives an array of several, and of one the same object as ever', async () => {
  const directory = await twoRecipes()
  const one = await stillroomJson<GenerateReport>(directory, ['generate', 'recipe', 'hello'])
  expect(one).toEqual({ recipe: 'hello', changes: [] })
  const several = await stillroomJson<GenerateReports>(directory, ['generate', 'recipe', 'hello', 'missing'])
  expect(several).toEqual([
    one,
    { recipe: 'missing', error: expect.objectContaining({ code: 'RECIPE_NOT_FOUND' }) },
  ])
  const locks = await stillroomJson<LockReports>(directory, ['lock', 'recipe', 'hello', 'hello', '--check'])
  expect(locks).toEqual([
    expect.objectContaining({ recipe: 'hello', stale: false }),
    expect.objectContaining({ recipe: 'hello', stale: false }),
  ])
  for (const [verb, code] of [
    ['build', 'RECIPE_NOT_FOUND'],
    ['audit', 'LOCK_MISSING'],
  ] as const)
    expect(await stillroomJson(directory, [verb, 'recipe', 'missing', 'absent'])).toMatchObject([
      { recipe: 'missing', error: { code } },
      { recipe: 'absent', error: { code } },
    ])
})

test('a signal ends all of it', async () => {
  const directory = await copyProject('hello')
  await put(directory, 'recipes/first/recipe.ts', RECIPE)
  await put(directory, 'recipes/second/recipe.ts', RECIPE)
  // a mirror that never answers
  const server = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = { STILLROOM_DEBIAN: mirror, STILLROOM_SNAPSHOT: 'none' }
  const asked = once(server, 'request')
  const running = execa(process.execPath, [commandLine(), 'lock', 'recipe', 'first', 'second'], {
    ...{ cwd: directory, env, reject: false },
  })
  await asked
  running.kill('SIGINT')
  const { exitCode, stdout, stderr } = await running
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
  expect(stderr).toContain('recipe first, 1 of 2')
  expect(stderr).toContain('code: INTERRUPTED')
  expect(stderr).not.toContain('second')
})

test('what is of one recipe is refused of several', async () => {
  const directory = await copyProject('hello')
  for (const option of [
    ['--format', 'sarif'],
    ['--sbom', 'spdx'],
    ['--output', 'audit.txt'],
  ])
    expect(await failure(directory, ['audit', 'recipe', 'hello', 'other', ...option])).toMatchObject({
      exitCode: 2,
      code: 'USAGE',
    })
})

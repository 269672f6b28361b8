import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { Recipe } from '../../recipe/schema.ts'
import { loadOthers } from './load-others.ts'

const directories: string[] = []
afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))))

/** A project whose recipes take files from others, by name. */
async function project(sources: Record<string, string[]>) {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-others-'))
  directories.push(directory)
  const recipes = Object.entries(sources).map(([name, from]) => {
    const steps = from.map((each) => ({
      kind: 'copy',
      from: { kind: 'recipe', name: each },
      path: '/a',
      to: '/a',
    }))
    return [name, { base: { kind: 'debian', suite: 'bookworm' }, steps }] as const
  })
  for (const [name] of recipes) {
    await mkdir(join(directory, 'recipes', name), { recursive: true })
    await writeFile(join(directory, 'recipes', name, 'recipe.ts'), '')
  }
  const written = new Map<string, unknown>(recipes)
  const load = (name: string) =>
    loadOthers(directory, name, Recipe.parse(written.get(name)), async (_, path) =>
      written.get(path.split('/').at(-2) ?? ''),
    )
  return load
}

it.each<[Record<string, string[]>, string]>([
  [{ a: ['a'] }, 'a -> a'],
  [{ a: ['b'], b: ['c'], c: ['b'] }, 'a -> b -> c -> b'],
])('refuses the circle of %j', async (sources, circle) => {
  const load = await project(sources)
  await expect(load('a')).rejects.toMatchObject({
    code: 'RECIPE_CIRCLE',
    message: expect.stringContaining(circle),
  })
})

it('names the recipe that takes files from one that is not there', async () => {
  const load = await project({ a: ['b'], b: ['tol'], tool: [] })
  await expect(load('a')).rejects.toMatchObject({
    code: 'RECIPE_NOT_FOUND',
    message: 'recipe "b" takes files from recipe "tol": There is no recipe "tol"',
    hint: expect.stringContaining('Did you mean "tool"?'),
  })
})

it('says of one without a lock that it has none, and of two ways to one recipe nothing', async () => {
  const load = await project({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] })
  expect([...(await load('a'))]).toEqual([
    ['b', { lock: undefined, identity: null }],
    ['c', { lock: undefined, identity: null }],
  ])
})

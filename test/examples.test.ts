import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { debian } from '../src/index.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { loadRecipe } from '../src/workflows/project/load-recipe.ts'
import { NIGHTLY } from './support/nightly.ts'
import { commitAll, makeProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { type FileServer, startFileServer } from './world/file-server.ts'
import { type GitServer, startGitServer } from './world/git-server.ts'
import { makeTar } from './world/make-tar.ts'

const EXAMPLES = join(import.meta.dirname, '../docs/examples')
const names = (await readdir(join(EXAMPLES, 'recipes'))).sort()
/**
 * What can be built here: the base of `image` is an address of example.org, and test/registry builds on one; `copy` needs another
 * recipe, as test/other-recipes has; what is special in `seed` is in test/seed. By day those that other tests have no like of.
 */
const built = names.filter(
  (name) =>
    !['base', 'copy', 'image', 'seed'].includes(name) &&
    (NIGHTLY || ['git', 'file', 'project'].includes(name)),
)
if (!NIGHTLY) console.warn('skipped by day: building the examples of apt, pip and run (STILLROOM_NIGHTLY=1)')

let git: GitServer
let files: FileServer
beforeAll(async () => {
  git = await startGitServer()
  files = await startFileServer()
  const commit = await git.commit('team/solver', { README: 'solver\n' })
  await git.tag('team/solver', 'v1.0', commit)
  const meshes = await makeTar({ 'meshes-1.0/': { directory: true }, 'meshes-1.0/channel.xml': '<mesh/>\n' })
  files.put('/meshes-1.0.tar.gz', gzipSync(meshes))
})
afterAll(async () => {
  await git?.close()
  await files?.close()
})

test('there is an example of each kind of step and of base', async () => {
  const recipes = await Promise.all(names.map((name) => loadRecipe(EXAMPLES, name)))
  const kinds = recipes.flatMap(({ recipe: { base, steps } }) => [
    base.kind,
    ...steps.map(({ kind }) => kind),
  ])
  const all = [
    'apt',
    'copy',
    debian('bookworm').kind,
    'file',
    'git',
    'image',
    'pip',
    'project',
    'recipe',
    'run',
  ]
  expect([...new Set(kinds)].sort()).toEqual(all)
})

describe.each(built)('the example %s', (name) => {
  test('is locked, built and passes its checks and its audit', async () => {
    const directory = await makeProject()
    const recipe = `example-${name}`
    await cp(join(EXAMPLES, 'recipes', name), join(directory, 'recipes', recipe), { recursive: true })
    const path = join(directory, 'recipes', recipe, 'recipe.ts')
    const text = await readFile(path, 'utf8')
    await writeFile(
      path,
      text.replace('https://git.example.org', git.url).replace('https://data.example.org', files.url),
    )
    await commitAll(directory)
    const locked = await stillroom(directory, ['lock', 'recipe', recipe])
    expect(locked.exitCode, locked.stderr).toBe(0)
    const report = await stillroomJson<BuildReport>(directory, ['build', 'recipe', recipe])
    expect(report).toMatchObject({ verdict: 'recorded', audit: { verdict: 'clean', explainedShare: 1 } })
    expect(report.checks.filter(({ passed }) => !passed)).toEqual([])
  })
})

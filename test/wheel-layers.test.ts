import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseLock } from '../src/lock/parse-lock.ts'
import type { LockedImage, PythonFile } from '../src/lock/schema.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { commitAll, makeProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { startIndex } from './world/package-index.ts'
import { makeSdist, makeWheel } from './world/python-distributions.ts'

/** Text that no zip makes small. */
const noise = (bytes: number) => randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64')

const recipeOf = (
  requirements: string[],
  more = '',
) => `import { apt, debian, defineRecipe, pip, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python3-setuptools']),
    pip(${JSON.stringify(requirements)}, { sdists: { 'h3-made': [] }${more} }),
    run('ls /usr/local/lib/python3*/dist-packages > /packages'),
  ],
  checks: [{ name: 'import', command: ['python3', '-c', 'import h3_huge, h3_mid, h3_made, h3_pair.one, h3_pair.two; print(h3_huge.SIZE)'], expect: '33' }],
})
`

test('large wheels have layers to themselves, others one together, and a package more leaves these as they are', async () => {
  const index = await startIndex()
  onTestFinished(() => index.close())
  const both = { 'h3_pair/__init__.py': '' }
  index.add(
    makeWheel({
      name: 'h3-huge',
      version: '1.0',
      // a file that another layer has, too, in another form
      files: {
        'h3_huge/__init__.py': 'SIZE = 33\n',
        'h3_huge/data': noise(45e6),
        'h3_pair/__init__.py': 'ONE = 1\n',
      },
    }),
    makeWheel({
      name: 'h3-mid',
      version: '1.0',
      files: { 'h3_mid/__init__.py': '', 'h3_mid/data': noise(12e6), ...both, 'h3_pair/one.py': '' },
    }),
    makeWheel({ name: 'h3-low', version: '1.0' }),
    await makeSdist({ name: 'h3-made', version: '1.0', files: { 'h3_made.py': '' }, build: 'setuptools' }),
    // a package that two projects have part in, each with the file that makes it one
    makeWheel({ name: 'h3-two', version: '1.0', files: { ...both, 'h3_pair/two.py': '' } }),
    makeWheel({ name: 'h3-more', version: '1.0' }),
  )
  const first = ['h3-huge', 'h3-mid', 'h3-low', 'h3-made', 'h3-two']
  const directory = await makeProject({ 'recipes/wheels/recipe.ts': recipeOf(first) })
  const options = { env: { PIP_INDEX_URL: `${index.url}/simple`, PIP_EXTRA_INDEX_URL: '' } }
  const path = join(directory, 'recipes/wheels/lock.json')
  const locked = async () => {
    const platform = parseLock(await readFile(path, 'utf8'), path).platforms['linux/amd64']
    const files = platform?.steps.flatMap((step): PythonFile[] => (step.kind === 'pip' ? step.files : []))
    const layers = Object.fromEntries((files ?? []).map(({ name, layer }) => [name, layer]))
    return { layers, image: platform?.image as LockedImage }
  }
  const lock = async () => {
    const outcome = await stillroom(directory, ['lock', 'recipe', 'wheels'], options)
    expect(outcome.exitCode, outcome.stderr).toBe(0)
    return outcome
  }
  const build = (...args: string[]) =>
    stillroomJson<BuildReport>(directory, ['build', 'recipe', 'wheels', ...args], options)
  const ask = async (requirements: string[], more?: string) => {
    await writeFile(join(directory, 'recipes/wheels/recipe.ts'), recipeOf(requirements, more))
    await commitAll(directory)
    return lock()
  }

  await lock()
  const layers = { 'h3-huge': 1, 'h3-mid': 2, 'h3-low': 2, 'h3-made': undefined, 'h3-two': 2 }
  expect((await locked()).layers).toEqual(layers)
  const good = {
    audit: { verdict: 'clean' },
    checks: [{ name: 'packages' }, { name: 'import', passed: true }],
  }
  expect(await build()).toMatchObject({ verdict: 'recorded', ...good })
  // base, apt, two of wheels, pip, run
  const { image } = await locked()
  expect(image.diffIDs).toHaveLength(6)
  expect(await build('--no-cache')).toMatchObject({ verdict: 'identical', ...good })

  // the image that the step is resolved in is of layers that are there
  const { stderr } = await ask([...first, 'h3-more'])
  expect(stderr).not.toContain('building what comes before')
  expect((await locked()).layers).toEqual({ ...layers, 'h3-more': undefined })
  expect(await build()).toMatchObject({ verdict: 'recorded', ...good })
  const { image: second } = await locked()
  expect(second.diffIDs.slice(0, 4)).toEqual(image.diffIDs.slice(0, 4))
  expect(second.diffIDs).toHaveLength(6)
  expect(await build('--no-cache')).toMatchObject({ verdict: 'identical', ...good })

  // what cleans up in the step's layer must find all of it there
  await ask(first, ", after: 'rm /usr/local/lib/python3.11/dist-packages/h3_mid/data'")
  expect((await locked()).layers).toEqual({
    ...layers,
    'h3-huge': undefined,
    'h3-mid': undefined,
    'h3-low': undefined,
    'h3-two': undefined,
  })
  expect(await build()).toMatchObject({ verdict: 'recorded', ...good })
  expect((await locked()).image.diffIDs).toHaveLength(4)
})

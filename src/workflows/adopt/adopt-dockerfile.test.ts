import { globSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { adoptDockerfile } from './adopt-dockerfile.ts'
import { checkDockerfiles } from './check-dockerfiles.ts'

async function project(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-adopt-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await mkdir(join(directory, 'old'))
  await writeFile(
    join(directory, 'old/Dockerfile'),
    'FROM python:3.11-slim\nCOPY a/requirements.txt /tmp/\nRUN pip install -r /tmp/requirements.txt\n',
  )
  await mkdir(join(directory, 'old/a'))
  await writeFile(join(directory, 'old/a/requirements.txt'), 'six==1.16.0\n')
  return directory
}

const portsOf = (directory: string) => ({
  directory,
  env: process.env,
  signal: new AbortController().signal,
})

test('adoptDockerfile() writes the recipe and its requirements files, and never over another', async () => {
  const directory = await project()
  const result = await adoptDockerfile(portsOf(directory), 'old/Dockerfile', {})
  expect(result).toMatchObject({
    name: 'old',
    files: ['recipes/old/recipe.ts', 'recipes/old/a/requirements.txt'],
    next: ['stillroom lock recipe old', 'stillroom build recipe old --twice'],
  })
  const recipe = join(directory, 'recipes/old/recipe.ts')
  expect(await readFile(recipe, 'utf8')).toContain("pip([requirementsFile('a/requirements.txt')])")
  expect(await readFile(join(directory, 'recipes/old/a/requirements.txt'), 'utf8')).toBe('six==1.16.0\n')
  await writeFile(recipe, 'mine')
  await expect(adoptDockerfile(portsOf(directory), 'old/Dockerfile', {})).rejects.toMatchObject({
    code: 'RECIPE_EXISTS',
  })
  expect(await readFile(recipe, 'utf8')).toBe('mine')
})

test.each([
  ['none', {}, 'DOCKERFILE_UNREADABLE'],
  ['old', {}, 'DOCKERFILE_UNREADABLE'],
  ['old/Dockerfile', { name: '../up' }, 'USAGE'],
])('adoptDockerfile() of %s with %j is %s', async (path, options, code) => {
  await expect(adoptDockerfile(portsOf(await project()), path, options)).rejects.toMatchObject({ code })
})

test('checkDockerfiles() reads requirements files of the context alone', async () => {
  const directory = await project()
  const check = await checkDockerfiles(directory, ['old/Dockerfile'])
  expect(check.files[0]?.findings.map(({ rule }) => rule)).toEqual([
    'image-floating',
    'cache-kept',
    'pip-unhashed',
  ])
  const within = await checkDockerfiles(directory, ['old/Dockerfile'], { context: 'old/a' })
  expect(within.files[0]?.findings.map(({ rule }) => rule)).toEqual([
    'image-floating',
    'cache-kept',
    'unread',
  ])
})

test('a link that leads out of the build context gives nothing', async () => {
  const directory = await project()
  const requirements = join(directory, 'old/a/requirements.txt')
  await writeFile(join(directory, 'private.txt'), 'six==1.16.0\n')
  await rm(requirements)
  await symlink('../../private.txt', requirements)
  const { files } = await adoptDockerfile(portsOf(directory), 'old/Dockerfile', {})
  expect(files).toEqual(['recipes/old/recipe.ts'])
})

test('every adopted recipe is loaded as those of a project are', async () => {
  const adopted = new URL('../../../test/adopt/adopted/', import.meta.url).pathname
  const names = globSync('recipes/*/recipe.ts', { cwd: adopted }).map((path) => path.split('/')[1] ?? '')
  const program = `
    import { loadRecipe } from ${JSON.stringify(new URL('../project/load-recipe.ts', import.meta.url).href)}
    const loaded = []
    for (const name of ${JSON.stringify(names)}) loaded.push((await loadRecipe(${JSON.stringify(adopted)}, name)).name)
    console.log(JSON.stringify(loaded))`
  const { stdout } = await execa(process.execPath, [
    '--conditions=stillroom-source',
    '--input-type=module',
    '--eval',
    program,
  ])
  expect(names.length).toBeGreaterThanOrEqual(20)
  expect(JSON.parse(stdout)).toEqual(names)
})

test('adoptDockerfile() takes directories of the repository where they are', async () => {
  const directory = await project()
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  await write('requirements.txt', 'six==1.16.0\n')
  await write('src/a.py', '')
  await write('.dockerignore', '# none of\n.git\n/data/raw/\nsrc/big\n**/*.pyc\n')
  const dockerfile = (...lines: string[]) =>
    write('Dockerfile', ['FROM debian:bookworm', ...lines].join('\n'))
  const stepsOf = async (name: string) => {
    const { notes } = await adoptDockerfile(portsOf(directory), 'Dockerfile', { name })
    const recipe = await readFile(join(directory, `recipes/${name}/recipe.ts`), 'utf8')
    return {
      recipe: recipe.replaceAll(/\s+/g, ' ').replaceAll(',]', ']'),
      notes: notes.map(({ text }) => text),
    }
  }
  await dockerfile('WORKDIR /app', 'COPY . .', 'COPY src /opt/code')
  // what is not in git cannot be pinned
  const without = await stepsOf('none')
  expect(without.recipe).toContain("project('files/app', { to: '/app' })")
  await execa('git', ['init', '-q'], { cwd: directory })
  const whole = await stepsOf('whole')
  expect(whole.recipe).toContain(
    "project('../..', { to: '/app', exclude: ['recipes', 'generated', 'history', 'data/raw', 'src/big'] })",
  )
  expect(whole.recipe).toContain("project('../../src', { to: '/opt/code', exclude: ['big'] })")
  expect(whole.notes).toEqual(Array(2).fill(expect.stringContaining('**/*.pyc')))

  // files alone, patterns, directories within each other and of the system are nobody's to take so
  await dockerfile(
    'COPY requirements.txt src/*.py /app/',
    'COPY . /etc',
    'COPY src /opt/a',
    'COPY old /opt/a/b',
  )
  expect((await stepsOf('parts')).recipe.match(/project\('[^']*'/g)).toEqual(
    ['app', 'etc', 'opt-a'].map((name) => `project('files/${name}'`),
  )
})

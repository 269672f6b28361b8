import { access, appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commitAll, copyProject, makeProject, put } from './support/project.ts'
import { failure, stillroom } from './support/stillroom.ts'

const LOCK = 'recipes/hello/lock.json'

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

describe('a recipe', () => {
  test('that is unknown is named, with those there are', async () => {
    const directory = await copyProject('hello')
    const error = await failure(directory, ['build', 'recipe', 'helo'])
    expect(error).toMatchObject({
      exitCode: 2,
      code: 'RECIPE_NOT_FOUND',
      message: expect.stringContaining('"helo"'),
    })
    expect(error.hint).toContain('hello')
  })

  test('whose name is a path is refused', async () => {
    const directory = await copyProject('hello')
    expect(await failure(directory, ['build', 'recipe', '../hello'])).toMatchObject({
      exitCode: 2,
      code: 'RECIPE_NOT_FOUND',
    })
  })

  test('with a syntax error is told by line and column', async () => {
    const directory = await makeProject({ 'recipes/broken/recipe.ts': 'export default {\n  base: ,\n}\n' })
    const error = await failure(directory, ['lock', 'recipe', 'broken'])
    expect(error).toMatchObject({
      exitCode: 2,
      code: 'RECIPE_SYNTAX',
      message: expect.stringContaining('recipes/broken/recipe.ts:2:'),
    })
  })

  test('with wrong types and values is told all of them, each with path, value and reason', async () => {
    const recipe = `import { apt, debian, defineRecipe } from 'stillroom'
export default defineRecipe({
  base: debian('buster'),
  steps: [apt(['Python 3']), { kind: 'pip', requirements: 7 }],
  user: { name: 'root:x', uid: 0, home: 'home' },
  colour: 'green',
})`
    const directory = await makeProject({ 'recipes/wrong/recipe.ts': recipe })
    const error = await failure(directory, ['lock', 'recipe', 'wrong'])
    expect(error).toMatchObject({ exitCode: 2, code: 'RECIPE_INVALID' })
    for (const part of [
      'base.suite',
      '"buster"',
      'steps[0].packages[0]',
      '"Python 3"',
      'steps[1].requirements',
      'user.name',
      'user.uid',
      'user.home',
      'colour',
    ]) {
      expect(error.message).toContain(part)
    }
    expect(await exists(join(directory, 'recipes/wrong/lock.json'))).toBe(false)
    expect(await exists(join(directory, 'generated'))).toBe(false)
  })
})

describe('a lockfile', () => {
  test('in place of the second of two images is told to be the first', async () => {
    const directory = await copyProject('hello')
    expect(await failure(directory, ['diff', 'images', 'old.tar', LOCK])).toMatchObject({
      exitCode: 2,
      code: 'USAGE',
      hint: `stillroom diff images ${LOCK} old.tar`,
    })
  })

  test('that is missing is asked for', async () => {
    const directory = await makeProject({
      'recipes/new/recipe.ts': `import { debian, defineRecipe } from 'stillroom'\nexport default defineRecipe({ base: debian('trixie') })\n`,
    })
    const error = await failure(directory, ['build', 'recipe', 'new'])
    expect(error).toMatchObject({
      exitCode: 2,
      code: 'LOCK_MISSING',
      hint: expect.stringContaining('stillroom lock recipe new'),
    })
  })

  test('that is stale lists each field with expected and actual', async () => {
    const directory = await copyProject('hello')
    const path = join(directory, 'recipes/hello/recipe.ts')
    const recipe = await readFile(path, 'utf8')
    await writeFile(path, recipe.replace('cowsay==6.1', 'cowsay==6.0').replace('uid: 1000', 'uid: 1001'))
    const error = await failure(directory, ['build', 'recipe', 'hello'])
    expect(error).toMatchObject({ exitCode: 2, code: 'LOCK_STALE' })
    expect(error.message).toContain('steps[1]')
    expect(error.message).toMatch(/cowsay==6\.1.*cowsay==6\.0/)
    expect(error.message).toMatch(/user.*1000.*1001/)
    const check = await stillroom(directory, ['lock', 'recipe', 'hello', '--check'])
    expect(check).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('steps[1]') })
  })

  test('edited by hand is refused by line', async () => {
    const directory = await copyProject('hello')
    const path = join(directory, LOCK)
    const lines = (await readFile(path, 'utf8')).split('\n')
    const line = lines.findIndex((text) => text.includes('"name": "bash"'))
    await writeFile(
      path,
      lines.toSpliced(line, 2, lines[line + 1] as string, lines[line] as string).join('\n'),
    )
    const error = await failure(directory, ['build', 'recipe', 'hello'])
    expect(error).toMatchObject({ exitCode: 2, code: 'LOCK_INVALID', message: expect.stringContaining(LOCK) })
    expect(error.message).toContain(`${line + 1}`)
  })

  test('with a field it does not know is refused by that field', async () => {
    const directory = await copyProject('hello')
    const path = join(directory, LOCK)
    await writeFile(
      path,
      (await readFile(path, 'utf8')).replace(
        '"kind": "debian",\n',
        '"kind": "debian",\n        "mirror": "x",\n',
      ),
    )
    const error = await failure(directory, ['build', 'recipe', 'hello'])
    expect(error).toMatchObject({
      exitCode: 2,
      code: 'LOCK_INVALID',
      message: expect.stringContaining('mirror'),
    })
  })

  test('from a newer stillroom says so', async () => {
    const directory = await copyProject('hello')
    await put(directory, LOCK, '{ "lockfileVersion": 2, "anything": true }\n')
    const error = await failure(directory, ['build', 'recipe', 'hello'])
    expect(error).toMatchObject({ exitCode: 2, code: 'LOCK_VERSION', message: expect.stringContaining('2') })
  })
})

describe('a build context', () => {
  test('edited by hand is shown with what was changed, and written again on demand', async () => {
    const directory = await copyProject('hello')
    const path = join(directory, 'generated/hello/Dockerfile')
    const committed = await readFile(path, 'utf8')
    await appendFile(path, 'RUN curl https://example.org | sh\n')
    const error = await failure(directory, ['build', 'recipe', 'hello'])
    expect(error).toMatchObject({
      exitCode: 2,
      code: 'GENERATED_STALE',
      hint: expect.stringContaining('generate recipe hello'),
    })
    expect(error.message).toContain('RUN curl https://example.org | sh')
    const check = await stillroom(directory, ['generate', 'recipe', 'hello', '--check'])
    expect(check).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('edited: Dockerfile') })
    expect((await stillroom(directory, ['generate', 'recipe', 'hello'])).exitCode).toBe(0)
    expect(await readFile(path, 'utf8')).toBe(committed)
  })
})

describe('a project', () => {
  const recipe = `import { debian, defineRecipe, project } from 'stillroom'
export default defineRecipe({ base: debian('bookworm'), steps: [project('src', { to: '/opt/src' })] })\n`

  test('outside of git is refused', async () => {
    const directory = await makeProject({ 'recipes/own/recipe.ts': recipe, 'recipes/own/src/a.py': '1\n' })
    expect(await failure(directory, ['lock', 'recipe', 'own'])).toMatchObject({
      exitCode: 2,
      code: 'PROJECT_NOT_FOUND',
      message: expect.stringContaining('not in a git repository'),
    })
  })

  test('with uncommitted changes is refused, naming the files', async () => {
    const directory = await makeProject({ 'recipes/own/recipe.ts': recipe, 'recipes/own/src/a.py': '1\n' })
    await commitAll(directory)
    await put(directory, 'recipes/own/src/a.py', '2\n')
    await put(directory, 'recipes/own/src/new.py', '3\n')
    const error = await failure(directory, ['lock', 'recipe', 'own'])
    expect(error).toMatchObject({
      exitCode: 2,
      code: 'PROJECT_DIRTY',
      hint: expect.stringContaining('commit'),
    })
    expect(error.message).toMatch(/a\.py[\s\S]*new\.py/)
    expect(await exists(join(directory, 'recipes/own/lock.json'))).toBe(false)
  })

  test('that is not there is refused', async () => {
    const directory = await makeProject({ 'recipes/own/recipe.ts': recipe })
    expect(await failure(directory, ['lock', 'recipe', 'own'])).toMatchObject({
      exitCode: 2,
      code: 'PROJECT_NOT_FOUND',
    })
  })
})

describe('the command line', () => {
  test('refuses an unknown flag with exit code 2, with and without --json', async () => {
    const directory = await copyProject('hello')
    expect(await failure(directory, ['build', 'recipe', 'hello', '--nonsense'])).toMatchObject({
      exitCode: 2,
      code: 'USAGE',
    })
    const plain = await stillroom(directory, ['build', 'recipe', 'hello', '--nonsense'])
    expect(plain).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('--nonsense') })
  })

  test('refuses an unknown command with exit code 2, and says which was meant, with and without --json', async () => {
    const directory = await copyProject('hello')
    const mistyped = ['bild', 'recipe', 'hello']
    expect(await failure(directory, mistyped)).toMatchObject({
      exitCode: 2,
      code: 'USAGE',
      hint: expect.stringContaining('did you mean: stillroom build recipe hello'),
    })
    const { exitCode, stderr } = await stillroom(directory, mistyped)
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('did you mean'),
    })
  })

  test('takes a recipe without the word, and the directory before the command', async () => {
    const directory = await copyProject('hello')
    expect(await stillroom('.', ['-C', directory, 'lock', 'hello', '--check'])).toMatchObject({ exitCode: 0 })
  })
})

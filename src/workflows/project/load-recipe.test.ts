import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'

const directories: string[] = []
afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))))

async function project(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-recipe-'))
  directories.push(directory)
  for (const [path, text] of Object.entries({ 'package.json': '{"type": "module"}', ...files })) {
    await mkdir(join(directory, dirname(path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  return directory
}

/** Loads recipes in a process of its own: the test runner has its own way of importing modules. */
const LOADER = `
  import { loadRecipe } from ${JSON.stringify(new URL('load-recipe.ts', import.meta.url).href)}
  process.on('message', async ([directory, name]) => {
    const result = await loadRecipe(directory, name).catch((error) => {
      const { code, message, hint, details } = error
      return { code, message, hint, details, bug: code === undefined ? error.stack : undefined }
    })
    process.send(result)
  })`
const loader = spawn(process.execPath, ['--input-type=module', '--eval', LOADER], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
})
afterAll(() => void loader.disconnect())

async function load(directory: string, name: string): Promise<Record<string, unknown>> {
  loader.send([directory, name])
  const [result] = await once(loader, 'message')
  return result
}

const BASE = "base: { kind: 'debian', suite: 'bookworm' }"
const recipeOf = (text: string) => project({ 'recipes/hello/recipe.ts': text })

describe('loadRecipe()', () => {
  it('reads a recipe and fills in the defaults', async () => {
    const directory = await recipeOf(
      `const port: number = 1\nexport default { ${BASE}, expose: [\`\${port}/tcp\`] }`,
    )
    expect(await load(directory, 'hello')).toMatchObject({
      name: 'hello',
      directory: join(directory, 'recipes', 'hello'),
      recipe: { platform: 'linux/amd64', expose: ['1/tcp'], steps: [], layout: 'layers' },
    })
  })

  it('lets a recipe import stillroom where it is installed', async () => {
    const directory = await project({
      'recipes/hello/recipe.ts': `import { debian, defineRecipe } from 'stillroom'\nexport default defineRecipe({ base: debian('bookworm') })`,
      'node_modules/stillroom/package.json': '{"type": "module", "exports": "./index.js"}',
      'node_modules/stillroom/index.js': `export const defineRecipe = (x) => x; export const debian = (suite) => ({ kind: 'debian', suite })`,
    })
    expect(await load(directory, 'hello')).toMatchObject({ recipe: { base: { suite: 'bookworm' } } })
  })

  it('lets Node say nothing of a package.json without a type', async () => {
    const directory = await project({
      'package.json': '{}',
      'recipes/hello/recipe.ts': `process.emitWarning('of the recipe')\nexport default { ${BASE} }`,
    })
    const url = JSON.stringify(new URL('load-recipe.ts', import.meta.url).href)
    const code = `const { loadRecipe } = await import(${url}); await loadRecipe(${JSON.stringify(directory)}, 'hello')`
    const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code])
    expect(stderr).toContain('of the recipe')
    expect(stderr).not.toContain('MODULE_TYPELESS_PACKAGE_JSON')
  })

  it('suggests the nearest name', async () => {
    const directory = await project({
      'recipes/hello/recipe.ts': '',
      'recipes/fenics-tf/recipe.ts': '',
      'recipes/x/y': '',
    })
    expect(await load(directory, 'helo')).toMatchObject({
      code: 'RECIPE_NOT_FOUND',
      message: 'There is no recipe "helo"',
      hint: 'Did you mean "hello"? Recipes here: fenics-tf, hello',
    })
  })

  it.each(['../hello', 'hello/../hello', '', '.', 'Hello', 'a--b', 'hello\n'])(
    'refuses the name %j',
    async (name) => {
      const directory = await recipeOf(`export default { ${BASE} }`)
      expect(await load(directory, name)).toMatchObject({ code: 'RECIPE_NOT_FOUND' })
    },
  )

  it('says that there are no recipes', async () => {
    expect(await load(await project({}), 'hello')).toMatchObject({
      hint: 'There is no recipes/NAME/recipe.ts here',
    })
  })

  const file = 'recipes/hello/recipe.ts'
  it.each([
    ['a syntax error', '\nexport default { base: , }', `${file}:2:24: SyntaxError: Expression expected`],
    [
      'a name declared twice',
      'const a = 1\nconst a = 2\nexport default a',
      `${file}: SyntaxError: Identifier 'a' has already`,
    ],
    [
      'an enum',
      'export default 1\n  enum A { B }',
      `${file}:2:3: SyntaxError: TypeScript enum is not supported`,
    ],
    ['an exception', "\n  throw new Error('boom')\nexport {}", `${file}:2:9: boom`],
    ['a name that is not there', 'export default foo(1)', `${file}:1:1: ReferenceError: foo is not defined`],
    [
      'an export that is not there',
      "import { nope } from 'node:fs'\nexport default nope",
      `${file}:1:10: SyntaxError: The requested module`,
    ],
    ['a thrown string', "throw 'x'\nexport {}", `${file}: it threw x`],
    [
      'stillroom not installed',
      "import 'stillroom'\nexport default 1",
      `${file}: Cannot find package 'stillroom'`,
    ],
  ])('reports %s with its place', async (_, text, message) => {
    const error = await load(await recipeOf(text), 'hello')
    expect(error).toMatchObject({ code: 'RECIPE_SYNTAX', message: expect.stringContaining(message) })
  })

  it('reports all that is wrong, with path, value and reason', async () => {
    const error = await load(
      await recipeOf(`export default {
        base: { kind: 'debian', suite: 'woody' },
        steps: [{ kind: 'apt', packages: ['A b', 'ok'], recommends: 1 }, { kind: 'brew' }, { kind: 'run', command: 5 }, { kind: 'run', command: [1] }],
        env: { 'A B': 'x', C: 3 }, cakes: 1,
      }`),
      'hello',
    )
    expect(error.code).toBe('RECIPE_INVALID')
    expect(error.message).toMatchInlineSnapshot(`
      "recipes/hello/recipe.ts: the recipe is not valid:
        base.suite: "woody" must be "bullseye" or "bookworm" or "trixie"
        steps[0].packages[0]: "A b" must be a Debian package name, optionally followed by "=VERSION" or "/SUITE"
        steps[0].recommends: 1 must be a boolean
        steps[1].kind: "brew" has no "kind" of "apt", "pip", "git", "file", "project", "copy", "run"
        steps[2].command: 5 must be an array or a string
        steps[3].command[0]: 1 must be a string
        env["A B"]: the name must be a shell variable name
        env.C: 3 must be a string
        cakes: 1 is not a known field"
    `)
  })

  it('reports a recipe without default export', async () => {
    expect(await load(await recipeOf(`export const recipe = {}`), 'hello')).toMatchObject({
      code: 'RECIPE_INVALID',
      message: `${file}: has no default export`,
    })
  })

  it('reports what contradicts itself', async () => {
    const error = await load(
      await recipeOf(
        `export default { ${BASE}, expose: ['9-3/tcp', '70000/tcp'], env: { ['__proto__']: 'x' } }`,
      ),
      'hello',
    )
    expect(error.message).toContain('expose[0]: "9-3/tcp" must begin with the lower port')
    expect(error.message).toContain('expose[1]: "70000/tcp" must not be above 65535')
    expect(error.message).toContain('["env"]["__proto__"]: is not a possible name')
  })
})

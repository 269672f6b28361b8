import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { importForeignRecipes } from './import-foreign-recipe.ts'
import { loadRecipe } from './load-recipe.ts'

const TOKEN = 'ghs_averysecrettoken'
const BASE = "base: { kind: 'debian', suite: 'bookworm' }"

/** Loads the recipe `foreign` of a repository with these files, in a process that has a token. */
async function load(
  files: Record<string, string>,
  { links = {}, milliseconds = 30_000, bytes = 4 << 20 }: Options = {},
) {
  const directory = await temporaryDirectory()
  for (const [path, text] of Object.entries({ 'package.json': '{"type": "module"}', ...files })) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  for (const [path, target] of Object.entries(links)) await symlink(target, join(directory, path))
  await execa('git', ['init', '--quiet'], { cwd: directory })
  await execa('git', ['add', '--all'], { cwd: directory })
  const env = { ...process.env, GITHUB_TOKEN: TOKEN, LANG: 'C.UTF-8' }
  const ports = { directory, env, signal: new AbortController().signal }
  return loadRecipe(directory, 'foreign', importForeignRecipes(ports, { milliseconds, bytes }))
}

interface Options {
  /** Symbolic links, and where they point. */
  links?: Record<string, string>
  milliseconds?: number
  bytes?: number
}

const FILE = 'recipes/foreign/recipe.ts'

test('a foreign recipe may import files of its repository, and what it exports is checked', async () => {
  const { recipe } = await load({
    [FILE]: `import { port } from '../../shared/port.ts'\nexport default { ${BASE}, expose: [port], workdir: undefined }`,
    'shared/port.ts': "export const port: string = '1/tcp'",
  })
  expect(recipe).toMatchObject({ expose: ['1/tcp'], layout: 'layers' })
  await expect(load({ [FILE]: 'export default { base: 1, cakes: 1 }' })).rejects.toMatchObject({
    code: 'RECIPE_INVALID',
    message: expect.stringContaining('cakes: 1 is not a known field'),
  })
})

test('it sees nothing of the environment but language and time zone', async () => {
  const { recipe } = await load({
    [FILE]: `export default { ${BASE}, description: JSON.stringify(process.env) }`,
  })
  expect(JSON.parse(recipe.description)).toEqual({
    LANG: 'C.UTF-8',
    ...(process.env.TZ === undefined ? {} : { TZ: process.env.TZ }),
    ...(process.env.LC_ALL === undefined ? {} : { LC_ALL: process.env.LC_ALL }),
  })
})

test.each([
  ['ends its process with 0', 'process.exit(0)', 'ended without saying what it exports'],
  ['ends its process with 3', 'process.exit(3)', 'ended with exit code 3'],
  ['crashes', 'process.abort()', 'ended with SIGABRT'],
  ['kills its process', "process.kill(process.pid, 'SIGKILL')", 'ended with SIGKILL'],
  ['never ends', 'for (;;);', 'did not end within 1 s'],
  ['waits for ever', 'await new Promise(() => setInterval(() => {}, 1000))', 'did not end within 1 s'],
  ['waits for nothing', 'await new Promise(() => {})', 'ended with exit code 13'],
  [
    'fails behind its own back',
    "process.once('exit', () => { process.exitCode = 5 })",
    'ended with exit code 5',
  ],
  [
    'answers for itself and leaves',
    "import { writeSync } from 'node:fs'\nwriteSync(3, 'nothing')\nprocess.exit(0)",
    'without saying what it exports',
  ],
  [
    'answers before it is asked',
    `import { writeSync } from 'node:fs'\nwriteSync(3, '{"outcome": "exported", "value": {}}\\n')`,
    'without saying what it exports',
  ],
])('a foreign recipe that %s is a failure', async (_, code, reason) => {
  const text = `${code}\nexport default { ${BASE} }`
  const milliseconds = reason.startsWith('did not end') ? 1000 : 30_000
  await expect(load({ [FILE]: text }, { milliseconds })).rejects.toMatchObject({
    code: 'RECIPE_INVALID',
    message: expect.stringContaining(reason),
  })
})

test('a foreign recipe that exports too much, or what is no data, is a failure', async () => {
  const long = `export default { ${BASE}, description: 'x'.repeat(2000) }`
  await expect(load({ [FILE]: long }, { bytes: 1000 })).rejects.toThrow('exports more than 1000 bytes')
  for (const value of ['() => 1', 'new Date()', '1n', 'new Map()', 'Number.NaN', 'Symbol()'])
    await expect(load({ [FILE]: `export default { ${BASE}, description: ${value} }` })).rejects.toThrow(
      '["description"]: must be plain data',
    )
})

test.each([
  ['reads a file of the machine', "readFileSync('/etc/passwd')"],
  ['reads the environment of the process that judges', 'readFileSync(`/proc/${process.ppid}/environ`)'],
  ['writes a file', "writeFileSync('x', '')"],
  ['starts a program', "(await import('node:child_process')).execFileSync('id')"],
  ['starts a thread', "new (await import('node:worker_threads')).Worker('x', { eval: true })"],
])('a foreign recipe that %s is refused', async (_, code) => {
  const text = `import { readFileSync, writeFileSync } from 'node:fs'\n${code}\nexport default { ${BASE} }`
  await expect(load({ [FILE]: text })).rejects.toMatchObject({
    code: 'RECIPE_SYNTAX',
    hint: expect.stringContaining('reads files of its own repository alone'),
  })
})

test.each([
  ['is absolute', 'link', '/proc'],
  ['goes up', 'recipes/link', '../../x'],
  ['goes up through another link', 'recipes/foreign/link', '../down/../../../nothing-yet/environ'],
  ['leads in a circle', 'link', 'link'],
])('recipes of a repository with a link that %s are not loaded', async (_, path, target) => {
  const links = { 'recipes/down': '..', [path]: target }
  await expect(load({ [FILE]: `export default { ${BASE} }` }, { links })).rejects.toMatchObject({
    code: 'RECIPE_INVALID',
    message: expect.stringContaining(JSON.stringify(path)),
  })
  const { recipe } = await load({ [FILE]: `export default { ${BASE} }` }, { links: { 'recipes/down': '..' } })
  expect(recipe.base.kind).toBe('debian')
})

test('reports what is wrong with the syntax of a foreign recipe as that of an own one', async () => {
  const text = '\nexport default { base: , }'
  await expect(load({ [FILE]: text })).rejects.toMatchObject({
    code: 'RECIPE_SYNTAX',
    message: `${FILE}:2:24: SyntaxError: Expression expected`,
  })
})

import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pip, requirementsFile } from '../../recipe/define-recipe.ts'
import { PipStep } from '../../recipe/schema.ts'
import { readPipFiles } from './read-pip-files.ts'

async function recipeWith(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-recipe-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  return directory
}

const HASH = 'ab'.repeat(32)
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const read = async (step: PipStep, files: Record<string, string>) =>
  readPipFiles(PipStep.parse(step), await recipeWith(files))

describe('readPipFiles()', () => {
  test('adds what files ask for to what the step does, and says which were read', async () => {
    const files = {
      'requirements.txt': `-r more/a.txt\n-c limits.txt\nsix==1.16.0 --hash=sha256:${HASH}\n`,
      'more/a.txt': 'idna\n-r ../b.txt\n',
      'b.txt': "tomli ; python_version < '3.11'\n-r requirements.txt\n",
      'limits.txt': 'idna<4\n-r c.txt\n',
      'c.txt': 'six<2\n',
    }
    const constraints = ['attrs<9', requirementsFile('c.txt')]
    const { step, files: seen } = await read(
      pip(['attrs', requirementsFile('requirements.txt')], { constraints }),
      files,
    )
    expect(step.requirements).toEqual([
      'attrs',
      `six==1.16.0 --hash=sha256:${HASH}`,
      'idna',
      "tomli ; python_version < '3.11'",
    ])
    expect(step.constraints).toEqual(['attrs<9', 'idna<4', 'six<2'])
    expect(seen).toEqual(
      Object.fromEntries(Object.entries(files).map(([path, text]) => [path, sha256(text)])),
    )
  })

  test('reads locks of other tools by how they are called', async () => {
    const wheels = `wheels = [{ url = "https://example.org/x.whl", hash = "sha256:${HASH}", hashes = { sha256 = "${HASH}" } }]`
    const { step } = await read(
      pip([requirementsFile('uv.lock', { extras: ['plot'] }), requirementsFile('a/pylock.toml')]),
      {
        'uv.lock': `version = 1
[[package]]
name = "solver"
version = "0.1"
source = { virtual = "." }
[package.optional-dependencies]
plot = [{ name = "x" }]
[[package]]
name = "x"
version = "1"
source = { registry = "https://example.org/simple" }
${wheels}
`,
        'a/pylock.toml': `lock-version = "1.0"\ncreated-by = "pip"\n[[packages]]\nname = "y"\nversion = "2"\n${wheels}\n`,
      },
    )
    expect(step).toMatchObject({
      requirements: ['x', `y==2 --hash=sha256:${HASH}`],
      constraints: [`x==1 --hash=sha256:${HASH}`],
    })
  })

  test.each([
    ['a file that is not there', {}, /requirements\.txt: ENOENT/],
    [
      'an option',
      { 'requirements.txt': 'six\n--pre\n' },
      /requirements\.txt, line 2: "--pre": name the pre-releases/,
    ],
    ['a file outside', { 'requirements.txt': '-r ../../other.txt\n' }, /other\.txt: must be a relative path/],
    ['a login', { 'requirements.txt': 'x @ https://a:b@example.org/x.zip\n' }, /must not contain a login/],
    ['a repository', { 'requirements.txt': 'x @ git+https://example.org/x\n' }, /its address must be/],
  ])('refuses %s, and names file and line', async (_, files, reason) => {
    const reading = read(pip(requirementsFile('requirements.txt')), files as Record<string, string>)
    await expect(reading.then(({ step }) => step.requirements.length)).rejects.toMatchObject({
      code: 'RECIPE_INVALID',
      message: expect.stringMatching(reason),
    })
  })

  test('follows no link out of the directory', async () => {
    const directory = await recipeWith({ 'a/here.txt': 'six\n' })
    const secret = await recipeWith({ 'secret.txt': 'password\n' })
    await symlink(join(secret, 'secret.txt'), join(directory, 'requirements.txt'))
    const step = PipStep.parse(pip(requirementsFile('requirements.txt')))
    await expect(readPipFiles(step, directory)).rejects.toThrow('it leads out of the directory of the recipe')
    await expect(readPipFiles(step, directory)).rejects.not.toThrow('password')
  })
})

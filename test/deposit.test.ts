import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { DepositResult } from '../src/workflows/deposit/deposit-recipe.ts'
import { getCrateValidator } from './support/crate-validator.ts'
import { NIGHTLY } from './support/nightly.ts'
import { copyProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { canHaveValidators } from './support/validators.ts'

/** What a page has to be typed, in order. */
const typed = (page: string) => [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text)

async function deposited(...args: string[]): Promise<{ directory: string; result: DepositResult }> {
  const project = await copyProject('hello')
  await stillroomJson(project, ['build', 'recipe', 'hello'])
  const words = ['deposit', 'recipe', 'hello', 'deposit', ...args]
  const result = await stillroomJson<DepositResult>(project, words)
  expect(result).toMatchObject({ recipe: 'hello', directory: 'deposit' })
  return { directory: join(project, 'deposit'), result }
}

test('a stranger who follows the README of a deposit gets the image, and builds it again', async () => {
  const { directory, result } = await deposited('--no-sif')
  onTestFinished(async () => {
    await execa('docker', ['image', 'rm', '--force', 'rebuilt/hello'])
  })
  const stranger = await mkdtemp(join(tmpdir(), 'stillroom-stranger-'))
  onTestFinished(() => rm(stranger, { recursive: true, force: true }))
  await execa('cp', ['-r', directory, stranger])
  const script = typed(await readFile(join(directory, 'README.md'), 'utf8'))
    .join('\n')
    // nobody types into it
    .replace('docker run --rm -it', 'docker run --rm')
  await writeFile(join(stranger, 'typed.sh'), script)
  const { stdout } = await execa('sh', ['-eu', '../typed.sh'], { cwd: join(stranger, 'deposit') })
  expect(stdout).toContain('lock.json: OK')
  expect(stdout).toContain('The same bytes, years later')
  expect(stdout.trim().split('\n').at(-1)).toBe(result.image)
})

test('a directory that has something in it is left as it is', async () => {
  const project = await copyProject('hello')
  await writeFile(join(project, 'file'), 'mine')
  const { exitCode, stderr } = await stillroom(project, ['deposit', 'recipe', 'hello', '.'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('there is something in . already')
  expect(await readFile(join(project, 'file'), 'utf8')).toBe('mine')
})

const able = NIGHTLY ? await canHaveValidators() : 'it is left to the nightly tests'
if (able !== true) console.warn(`skipped: deposits against validators of others, since ${able}`)

test.skipIf(able !== true)('a deposit is the same each time, and sound to validators of others', async () => {
  const [one, other] = [await deposited(), await deposited()]
  expect(one.result.files).toEqual(other.result.files)
  expect(await readdir(one.directory)).toContain('hello.sif')
  const validator = await getCrateValidator()
  await validator.crate(one.directory)
  await validator.citation(join(one.directory, 'CITATION.cff'))
})

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { makeProject } from './support/project.ts'
import { partsOf, readersEnvironment, typePage } from './support/typed-page.ts'

const PAGE = join(import.meta.dirname, '../docs/introduction.md')

test('the introduction works as it is written', async () => {
  const parts = partsOf(await readFile(PAGE, 'utf8'))
  expect(parts.filter((part) => 'file' in part)).toHaveLength(3)
  const directory = await makeProject()
  const env = await readersEnvironment()
  onTestFinished(async () => {
    await execa('stillroom', ['stop', 'recipe', 'flow'], { cwd: directory, env, reject: false })
    await execa('docker', ['image', 'rm', '--force', 'stillroom/flow'], { reject: false })
  })
  await typePage(parts, directory, env)
})

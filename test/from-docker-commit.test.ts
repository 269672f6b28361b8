import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { NIGHTLY } from './support/nightly.ts'
import { copyProject, makeProject } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'
import { partsOf, readersEnvironment, typePage } from './support/typed-page.ts'

const PAGE = join(import.meta.dirname, '../docs/from-docker-commit.md')
/** What the page calls the old image. */
const OLD = 'old-flow:v1'
/** What its owner once typed, in a container of Debian with Python. */
const TYPED = `set -e
mkdir -p /opt/flow/.git /data
echo 'print("flow", 1 + 1)' > /opt/flow/run.py
printf '[remote "origin"]\\n\\turl = https://me:%s@example.org/flow.git\\n' "$TOKEN" > /opt/flow/.git/config
echo 'ulimit -s unlimited' >> /etc/bash.bashrc
useradd --create-home me
head -c 100000 /dev/zero > /data/results.bin`

if (!NIGHTLY) console.warn('skipped: the page on docker commit, which locks and builds a recipe, at night')

test.runIf(NIGHTLY)('the page on docker commit works as it is written', async () => {
  const hello = await copyProject('hello')
  const built = await stillroom(hello, ['build', 'recipe', 'hello', '--no-audit'])
  expect(built.exitCode, built.stderr).toBe(0)
  const { stdout } = await execa('docker', ['image', 'ls', '--quiet', '--no-trunc', 'stillroom/hello'])
  const [image = ''] = stdout.split('\n')
  const name = `old-flow-${process.pid}`
  onTestFinished(async () => {
    await execa('docker', ['rm', '--force', name], { reject: false })
    await execa('docker', ['image', 'rm', '--force', OLD, 'stillroom/flow'], { reject: false })
  })
  const token = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`
  const words = ['run', '--name', name, '--user', '0', '--env', `TOKEN=${token}`, image, 'sh', '-c', TYPED]
  await execa('docker', words)
  await execa('docker', ['commit', name, OLD])
  await typePage(partsOf(await readFile(PAGE, 'utf8')), await makeProject(), await readersEnvironment(), {
    'stillroom audit image old.tar': 1,
    'stillroom diff images old.tar stillroom/flow': 1,
  })
})

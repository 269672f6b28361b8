import { chmod, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { put } from './support/project.ts'

const ROOT = join(import.meta.dirname, '..')

/** `.ci/run` between a gate and tests that end as told. */
async function runCi({ gate, tests }: { gate: number; tests: [exitCode: number, lastLine: string] }) {
  const root = await mkdtemp(join(tmpdir(), 'stillroom-ci-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  const program = async (path: string, text: string) => {
    await put(root, path, text)
    await chmod(join(root, path), 0o755)
  }
  await program('.ci/run', '')
  await copyFile(join(ROOT, '.ci/run'), join(root, '.ci/run'))
  await program('bin/stillroom', '#!/bin/sh\necho set up\n')
  await program('bin/test', `#!/bin/sh\necho "tests $*"\necho '${tests[1]}'\nexit ${tests[0]}\n`)
  await put(root, 'scripts/ok.ts', `console.log('gate'); process.exitCode = ${gate}\n`)
  const { exitCode, stdout } = await execa(join(root, '.ci/run'), ['--project', 'unit'], { reject: false })
  const lines = stdout.split('\n')
  expect(lines).toContain('tests --project unit')
  expect(lines.indexOf('gate')).toBeLessThan(lines.indexOf('tests --project unit'))
  return { exitCode, last: lines.at(-1) }
}

test('CI ends as the tests do when the gate holds', async () => {
  expect(await runCi({ gate: 0, tests: [0, '12 passed, 0 failed'] })).toEqual({
    exitCode: 0,
    last: '12 passed, 0 failed',
  })
  expect(await runCi({ gate: 0, tests: [1, '10 passed, 2 failed, 3 skipped'] })).toEqual({
    exitCode: 1,
    last: '10 passed, 2 failed, 3 skipped',
  })
})

test('CI fails when the gate does, which counts as one that failed', async () => {
  expect(await runCi({ gate: 1, tests: [0, '12 passed, 0 failed'] })).toEqual({
    exitCode: 1,
    last: '12 passed, 1 failed',
  })
  expect(await runCi({ gate: 1, tests: [1, '10 passed, 2 failed, 3 skipped'] })).toEqual({
    exitCode: 1,
    last: '10 passed, 3 failed, 3 skipped',
  })
  expect(await runCi({ gate: 1, tests: [3, 'no line of numbers'] })).toEqual({
    exitCode: 3,
    last: '0 passed, 1 failed',
  })
})

test('every night the tests that are left to the night run', async () => {
  const workflow = await readFile(join(ROOT, '.github/workflows/tests.yml'), 'utf8')
  expect(workflow).toMatch(/^ {2}schedule:\n {4}- cron: /m)
  expect(workflow).toMatch(/^ {2}pull_request:\n/m)
  const [, name, value] =
    /^ {6}(\w+): \$\{\{ github\.event_name != 'pull_request' && '(\d)'/m.exec(workflow) ?? []
  const night = await readFile(join(ROOT, 'test/support/nightly.ts'), 'utf8')
  expect(night).toContain(`process.env.${name} === '${value}'`)
})

import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { FakeGitHub } from './support/github.ts'
import { nightOf } from './support/night.ts'
import { commitAll, copyProject, put } from './support/project.ts'
import { commandLine } from './support/stillroom.ts'

/** Runs the shell lines of the workflow's step that begins so, as GitHub's runners do. */
async function runStep(step: string, cwd: string, env: Record<string, string> = {}): Promise<void> {
  const text = await readFile(join(import.meta.dirname, '../.github/workflows/nightly.yml'), 'utf8')
  const [, several, one] = text.slice(text.indexOf(step)).match(/run: (?:\|\n((?: {10}.*\n|\n)+)|(.*))/) ?? []
  const lines = several ?? one
  if (lines === undefined) throw new Error(`nightly.yml has no lines to run after "${step}"`)
  await execa('bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', lines], { cwd, env })
}

/** `bin/stillroom` of a checkout: the packed command line. */
async function putProgram(checkout: string): Promise<void> {
  await put(checkout, 'bin/stillroom', `#!/bin/sh\nexec "${process.execPath}" "${commandLine()}" "$@"\n`)
  await chmod(join(checkout, 'bin/stillroom'), 0o755)
}

test('the nightly workflow collects what its jobs found on a branch, night after night, with a page', async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'stillroom-nightly-'))
  onTestFinished(() => rm(scratch, { recursive: true, force: true }))
  const origin = join(scratch, 'origin.git')
  const first = join(scratch, 'first')
  await putProgram(first)
  await commitAll(first)
  await execa('git', ['clone', '--quiet', '--bare', first, origin])
  const publish = async (name: string, nights: Record<string, string>) => {
    const checkout = join(scratch, name)
    await execa('git', ['clone', '--quiet', origin, checkout])
    for (const [path, text] of Object.entries(nights)) await put(checkout, `nights/night-${path}`, text)
    await runStep('- name: history and page', checkout)
  }
  const shown = async (path: string) =>
    (await execa('git', ['--git-dir', origin, 'show', `stillroom-history:${path}`])).stdout

  const lock = await readFile(join(import.meta.dirname, '../recipes/hello/lock.json'), 'utf8')
  const sha256 = createHash('sha256').update(lock).digest('hex')
  await publish('monday', {
    'hello/night/runs.jsonl': nightOf(20, 'hello', 'identical'),
    [`hello/night/locks/${sha256}.json`]: lock,
    'mesh/night/runs.jsonl': nightOf(20, 'mesh', 'different'),
    'hello/statements/hello.json': '{}',
  })
  expect((await shown('runs.jsonl')).split('\n')).toHaveLength(2)
  expect(await shown(`locks/${sha256}.json`)).toBe(lock.trim())
  await publish('tuesday', { 'hello/night/runs.jsonl': nightOf(21, 'hello', 'identical') })
  expect((await shown('runs.jsonl')).split('\n')).toHaveLength(3)
  const page = await shown('index.html')
  expect(page).toContain('hello, 2026-11-21: identical')
  expect(page).toContain('mesh, 2026-11-20: different')

  // what is damaged fails the job, and nothing else is lost
  const damaged = publish('wednesday', {
    'hello/night/runs.jsonl': `${nightOf(22, 'hello', 'identical')}{"cut`,
  })
  await expect(damaged).rejects.toThrow('1 lines of the history cannot be read')
  expect(await shown('index.html')).toContain('hello, 2026-11-22: identical')
  const next = publish('thursday', { 'hello/night/runs.jsonl': nightOf(23, 'hello', 'identical') })
  await expect(next).rejects.toThrow('1 lines of the history cannot be read')
  expect(await shown('index.html')).toContain('hello, 2026-11-23: identical')
})

test('the nightly workflow fails a job that could not verify, and keeps issues by the history', async () => {
  const directory = await copyProject('hello')
  await putProgram(directory)
  await expect(runStep('- name: verify', directory, { RECIPE: 'nobody' })).rejects.toMatchObject({
    exitCode: 1,
  })

  const gitHub = await FakeGitHub.start()
  await put(directory, 'history/runs.jsonl', nightOf(20, 'hello', 'different'))
  await runStep('- name: issues', directory, gitHub.env)
  expect(gitHub.issues.map(({ state, title }) => [state, title.includes('hello')])).toEqual([['open', true]])
})

test('the nightly workflow has a job for each recipe that there is', async () => {
  const directory = await copyProject('hello', 'fenics-tf')
  await putProgram(directory)
  const output = join(directory, 'output')
  await runStep('- id: list', directory, { GITHUB_OUTPUT: output })
  expect(await readFile(output, 'utf8')).toBe('recipes=["fenics-tf","hello"]\n')
})

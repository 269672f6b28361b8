import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import { commandLine, stillroom, stillroomJson } from './support/stillroom.ts'

const ROOT = join(import.meta.dirname, '..')

test('fenics-tf built from nothing is the image in its lockfile, and solves', async () => {
  const built = await stillroomJson<BuildReport>(ROOT, ['build', 'recipe', 'fenics-tf', '--no-cache'])
  expect(built).toMatchObject({ verdict: 'identical', unchanged: false })
  expect(built.checks.filter((check) => !check.passed)).toEqual([])
  expect(built.checks.map((check) => check.name)).toContain('fenics solves')
})

test('servers in one terminal and training in another meet on localhost, as in the seed', async () => {
  const shared = await mkdtemp(join(tmpdir(), 'stillroom-shared-'))
  onTestFinished(() => rm(shared, { recursive: true, force: true }))
  const task = (name: string) => [
    'run',
    'recipe',
    'fenics-tf',
    name,
    '--shared',
    shared,
    '--',
    '-n',
    '2',
    '-p',
    '43643',
  ]
  const servers = spawn(process.execPath, [commandLine(), ...task('servers')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => stop(servers))
  const said = await saidUntil(servers, 'port 43644 is AVAIL')
  expect(said).toMatch(/host \S+ on port 43643 is AVAIL/)

  const training = await stillroom(ROOT, [...task('training'), '--episodes', '4', '--seed', '7'])
  expect(training).toMatchObject({ exitCode: 0 })
  expect(training.stderr + training.stdout).toMatch(/Episodes: 100%/)
  const episodes = await readFile(join(shared, 'episodes.csv'), 'utf8')
  expect(episodes.trim().split('\n')).toHaveLength(5)
})

async function saidUntil(child: ChildProcess, text: string): Promise<string> {
  let said = ''
  for await (const chunk of child.stdout ?? []) {
    said += chunk
    if (said.includes(text)) return said
  }
  throw new Error(`the task ended before it said ${JSON.stringify(text)}: ${said}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGINT')
  await once(child, 'exit')
}

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { canHaveEngines, startEngine } from './support/engine.ts'
import { listedPackages } from './support/listed-packages.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { commandLine, stillroom, stillroomJson } from './support/stillroom.ts'
import { startTask } from './support/task.ts'

const ROOT = join(import.meta.dirname, '..')

test('fenics-tf built from nothing is the image in its lockfile, and solves', async () => {
  const built = await stillroomJson<BuildReport>(ROOT, ['build', 'recipe', 'fenics-tf', '--no-cache'])
  expect(built).toMatchObject({ verdict: 'identical', unchanged: false })
  expect(built.checks.filter((check) => !check.passed)).toEqual([])
  expect(built.checks.map((check) => check.name)).toContain('fenics solves')
})

/** Beside the two of hello by day: what is built in minutes each. */
const longer = NIGHTLY && (await canHaveEngines()) === true
if (!longer)
  console.warn('fenics-tf on the other image store and with the network cut are left to the nightly tests')

test.skipIf(!longer)('fenics-tf is the same image on the containerd image store', async () => {
  const engine = await startEngine(ownName('test-store'), 'containerd')
  try {
    const words = ['build', 'recipe', 'fenics-tf', '--no-cache']
    const built = await stillroomJson<BuildReport>(ROOT, words, { env: engine.env })
    expect(built).toMatchObject({ verdict: 'identical', unchanged: false })
    expect(built.checks.filter((check) => !check.passed)).toEqual([])
  } finally {
    await engine.purge()
  }
})

test.skipIf(!longer)('fenics-tf is the same image with the network cut, from a warm store', async () => {
  const words = [process.execPath, commandLine(), 'build', 'recipe', 'fenics-tf', '--no-cache', '--json']
  const { stdout } = await execa('unshare', ['--net', ...words], { cwd: ROOT })
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'identical', unchanged: false })
})

test('an audit of fenics-tf finds nothing, and knows whose every file is', async () => {
  const report = await stillroomJson<AuditReport>(ROOT, ['audit', 'recipe', 'fenics-tf'])
  expect(report.findings).toEqual([])
  expect(report.ignored).toEqual([])
  expect(report.verdict).toBe('clean')
  expect(report.files.explainedShare).toBeGreaterThanOrEqual(0.999)
  // each file that nobody owns, by name
  expect(report.files.unexplained).toEqual([])
  expect(report.files.modified).toEqual([])
  const { intact, generated } = report.files.account
  expect(intact.bytes / (intact.bytes + generated.bytes)).toBeGreaterThan(0.9)

  const listed = (kind: string) =>
    report.packages.filter((each) => each.kind === kind).map(({ name, version }) => `${name} ${version}`)
  const { deb, pypi } = await listedPackages('stillroom/fenics-tf')
  expect(listed('deb').sort()).toEqual(deb)
  expect(listed('pypi')).toEqual(expect.arrayContaining(pypi))
})

test('servers in one terminal and training in another meet on localhost, as in the seed', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'stillroom-shared-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  // made by `run`, so that the image's user may write to it
  const shared = join(parent, 'shared')
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
  const servers = startTask(ROOT, task('servers'))
  onTestFinished(() => servers.stop())
  const said = await servers.said('port 43644 is AVAIL')
  expect(said).toMatch(/host \S+ on port 43643 is AVAIL/)

  const training = await stillroom(ROOT, [...task('training'), '--episodes', '4', '--seed', '7'])
  expect(training, training.stderr).toMatchObject({ exitCode: 0 })
  expect(training.stderr + training.stdout).toMatch(/Episodes: 100%/)
  const episodes = await readFile(join(shared, 'episodes.csv'), 'utf8')
  expect(episodes.trim().split('\n')).toHaveLength(5)
})

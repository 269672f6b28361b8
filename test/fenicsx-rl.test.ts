import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { NIGHTLY } from './support/nightly.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { startTask } from './support/task.ts'

// test/recipes compares its lock and its build context by day
if (!NIGHTLY) console.warn('fenicsx-rl is left to the nightly tests: building, auditing and training')

const ROOT = join(import.meta.dirname, '..')

interface Episode {
  reward: number
  drag: number
  lift: number
}

test.skipIf(!NIGHTLY)('fenicsx-rl built from nothing is the image in its lockfile, and solves', async () => {
  const built = await stillroomJson<BuildReport>(ROOT, ['build', 'recipe', 'fenicsx-rl', '--no-cache'])
  expect(built).toMatchObject({ verdict: 'identical', unchanged: false })
  expect(built.checks.filter((check) => !check.passed)).toEqual([])
  const names = built.checks.map((check) => check.name)
  expect(names).toEqual(
    expect.arrayContaining([
      'dolfinx solves',
      'the environment steps deterministically',
      'torch, then dolfinx',
    ]),
  )
})

test.skipIf(!NIGHTLY)('an audit of fenicsx-rl finds nothing, and knows whose every file is', async () => {
  const report = await stillroomJson<AuditReport>(ROOT, ['audit', 'recipe', 'fenicsx-rl'])
  expect(report).toMatchObject({ verdict: 'clean', findings: [], ignored: [] })
  expect(report.files).toMatchObject({ explainedShare: 1, unexplained: [] })
})

test.skipIf(!NIGHTLY)(
  'two servers and a training learn within ten minutes what is better than no control',
  async () => {
    const parent = await mkdtemp(join(tmpdir(), 'stillroom-shared-'))
    onTestFinished(() => rm(parent, { recursive: true, force: true }))
    // made by `run`, so that the image's user may write to it
    const shared = join(parent, 'shared')
    const task = (name: string) => ['run', 'recipe', 'fenicsx-rl', name, '--shared', shared, '--']
    const servers = startTask(ROOT, [...task('servers'), '-n', '2', '-p', '43743'])
    onTestFinished(() => servers.stop())
    await servers.said('port 43744 is AVAIL')

    const training = await stillroom(ROOT, [...task('training'), '-n', '2', '-p', '43743', '--minutes', '8'])
    expect(training, training.stderr).toMatchObject({ exitCode: 0 })
    const results = JSON.parse(await readFile(join(shared, 'results.json'), 'utf8')) as {
      uncontrolled: Episode
      best: Episode
      seconds: number
    }
    const { uncontrolled, best, seconds } = results
    expect(seconds).toBeLessThan(600)
    expect(best.reward).toBeGreaterThan(uncontrolled.reward)
    expect(best.drag).toBeLessThan(uncontrolled.drag)
    const picture = await readFile(join(shared, 'curve.png'))
    expect(picture.subarray(1, 4).toString('latin1')).toBe('PNG')
    const episodes = await readFile(join(shared, 'episodes.csv'), 'utf8')
    expect(episodes).toMatch(/^round,reward,drag,lift\n1,/)
  },
)

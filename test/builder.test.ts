import { expect, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import type { VerifyReport } from '../src/verify/verify-report.ts'
import { canHaveBuildKit, startBuildKit } from './support/buildkit.ts'
import { ownName } from './support/own-name.ts'
import { copyProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const BUILDER = ownName('stillroom-test')
const buildKit = await canHaveBuildKit()
if (buildKit !== true) console.warn(`skipped: a build on a builder of its own, since ${buildKit}`)

test.skipIf(buildKit !== true)(
  '--builder gives the same image on a BuildKit apart from the engine',
  async () => {
    const directory = await copyProject('hello')
    const { stop } = await startBuildKit(BUILDER)
    try {
      const args = ['build', 'recipe', 'hello', '--no-cache', '--builder', BUILDER]
      const built = await stillroomJson<BuildReport>(directory, args)
      expect(built).toMatchObject({ verdict: 'identical', unchanged: false })
      expect(built.checks.filter((check) => !check.passed)).toEqual([])
      const again = await stillroomJson<BuildReport>(directory, ['build', 'recipe', 'hello'])
      expect(again).toMatchObject({ verdict: 'identical', unchanged: true })
      const verify = ['verify', 'recipe', 'hello', '--builder', BUILDER]
      const { reports } = await stillroomJson<{ reports: VerifyReport[] }>(directory, verify)
      const variation = { variation: 'builder', value: `${BUILDER}, BuildKit v0.34.2` }
      expect(reports).toMatchObject([{ verdict: 'identical', problem: null, variations: [variation] }])
    } finally {
      await stop()
    }
  },
)

test('a builder that is not there is an error that names it', async () => {
  const directory = await copyProject('hello')
  const args = ['build', 'recipe', 'hello', '--no-cache', '--builder', 'nobody']
  const { exitCode, stderr } = await stillroom(directory, args)
  expect(exitCode).toBe(3)
  expect(stderr).toContain('nobody')
  expect(stderr).toContain('BUILD_FAILED')
})

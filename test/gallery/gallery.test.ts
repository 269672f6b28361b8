import { execa } from 'execa'
import { afterAll, describe, expect, test } from 'vitest'
import type { VerifyReport } from '../../src/verify/verify-report.ts'
import { NIGHTLY } from '../support/nightly.ts'
import { makeProject } from '../support/project.ts'
import { stillroomJson } from '../support/stillroom.ts'
import { GALLERY } from './cases.ts'
import { lockedImage, stepOf, writeCase } from './gallery-project.ts'

/** Every eighth by day: a build twice takes 15 s. */
const shown = NIGHTLY ? GALLERY : GALLERY.filter((_, index) => index % 8 === 0)
if (!NIGHTLY)
  console.warn(`${GALLERY.length - shown.length} of ${GALLERY.length} are left to the nightly tests`)

afterAll(async () => {
  const tags = GALLERY.flatMap(({ name }) =>
    ['latest', 'verify', 'verify-first'].map((tag) => `stillroom/${name}:${tag}`),
  )
  await execa('docker', ['image', 'rm', '--force', ...tags], { reject: false })
})

describe('verify recipe names why it gives another image', () => {
  test.each(shown)('$name: $cause', async (gallery) => {
    const { name, cause, command, elsewhere, path } = gallery
    let project = await makeProject()
    await writeCase(project, gallery, command, null)
    if (elsewhere !== undefined) {
      await stillroomJson(project, ['build', 'recipe', name])
      const image = await lockedImage(project, name)
      // a project of its own: a recipe is a module, which is loaded once
      project = await makeProject()
      await writeCase(project, gallery, elsewhere, image)
    }
    const args = ['verify', 'recipe', name, '--from', stepOf(gallery)]
    const { reports } = await stillroomJson<{ reports: VerifyReport[] }>(project, args)
    const [report] = reports
    expect(report).toMatchObject({ recipe: name, verdict: 'different', problem: null })
    const file = report?.difference?.files.find((difference) => difference.path.startsWith(path))
    expect(file?.causes[0]).toMatchObject({ cause })
    expect(report?.difference?.causes.map((summary) => summary.cause)).toEqual([cause])
  })
})

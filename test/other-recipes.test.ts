import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { NIGHTLY } from './support/nightly.ts'
import { commitAll, makeProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const EXAMPLES = join(import.meta.dirname, '../docs/examples/recipes')
const nightly = test.runIf(NIGHTLY)
if (!NIGHTLY) console.warn('skipped by day: files from another recipe, built (STILLROOM_NIGHTLY=1)')

let directory = ''
afterAll(async () => void (directory && (await rm(directory, { recursive: true, force: true }))))

nightly(
  'files of another recipe are locked, built twice alike, audited, and told when the other changes',
  async () => {
    directory = await makeProject()
    const recipes = join(directory, 'recipes')
    await cp(join(EXAMPLES, 'run'), join(recipes, 'other-compiler'), { recursive: true })
    const text = await readFile(join(EXAMPLES, 'copy', 'recipe.ts'), 'utf8')
    await cp(join(EXAMPLES, 'copy'), join(recipes, 'other-taking'), { recursive: true })
    await writeFile(
      join(recipes, 'other-taking', 'recipe.ts'),
      text.replace("recipe('run')", "recipe('other-compiler')"),
    )
    await commitAll(directory)
    const early = await stillroom(directory, ['lock', 'recipe', 'other-taking'])
    expect(early.stderr).toMatch(/takes files from recipe "other-compiler", which has no lockfile/)
    expect(early.exitCode).toBe(2)

    for (const name of ['other-compiler', 'other-taking']) {
      const locked = await stillroom(directory, ['lock', 'recipe', name])
      expect(locked.exitCode, locked.stderr).toBe(0)
      const report = await stillroomJson<BuildReport>(directory, ['build', 'recipe', name])
      expect(report).toMatchObject({ verdict: 'recorded', audit: { verdict: 'clean' } })
      expect(report.checks.filter(({ passed }) => !passed)).toEqual([])
    }
    const again = await stillroomJson<BuildReport>(directory, [
      ...['build', 'recipe', 'other-taking', '--no-cache'],
    ])
    expect(again.verdict).toBe('identical')
    const audit = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'other-taking'])
    expect(audit).toMatchObject({ verdict: 'clean', findings: [] })
    expect(audit.files.explainedShare).toBe(1)

    const compiler = join(recipes, 'other-compiler', 'recipe.ts')
    await writeFile(compiler, (await readFile(compiler, 'utf8')).replaceAll('7', '8'))
    const relocked = await stillroom(directory, ['lock', 'recipe', 'other-compiler'])
    expect(relocked.exitCode, relocked.stderr).toBe(0)
    const stale = await stillroom(directory, ['lock', 'recipe', 'other-taking', '--check'])
    expect(stale.exitCode).toBe(1)
    expect(stale.stdout + stale.stderr).toMatch(/other-compiler/)
  },
)

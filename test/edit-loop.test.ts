import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { commitAll, makeProject } from './support/project.ts'
import { remoteEngine } from './support/remote-engine.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const RECIPE = `import { debian, defineRecipe, project, run } from 'stillroom'

export default defineRecipe({
  description: 'A program that is being written',
  base: debian('bookworm'),
  steps: [
    run('echo made > /made'),
    // the repository that the recipe lies in
    project('../..', { to: '/opt/code', exclude: ['recipes', 'generated', 'node_modules'] }),
  ],
  workdir: '/opt/code',
  env: { GREETING: 'a < b & c > d' },
  cmd: ['cat', 'program'],
})
`

/** What the engine was asked to save since a time, by name. */
async function savedSince(since: string): Promise<string[]> {
  const now = new Date(Date.now() + 1000).toISOString()
  const filters = ['--filter', 'type=image', '--filter', 'event=save']
  const format = '{{.Actor.ID}} {{index .Actor.Attributes "name"}}'
  const args = ['events', '--since', since, '--until', now, ...filters, '--format', format]
  const { stdout } = await execa('docker', args)
  return stdout.split('\n').filter(Boolean)
}

test('of a changed project the new layer alone is read, and that is the image', async () => {
  const directory = await makeProject({
    'recipes/edit-loop/recipe.ts': RECIPE,
    program: 'one\n',
  })
  onTestFinished(async () => {
    await execa('docker', ['image', 'rm', '--force', 'stillroom/edit-loop'])
  })
  // an engine of another machine says what it was asked for; where this one keeps its layers, they are read there
  const env = { DOCKER_HOST: await remoteEngine() }
  const built = async (text: string) => {
    await writeFile(join(directory, 'program'), text)
    await commitAll(directory)
    const locked = await stillroom(directory, ['lock', 'recipe', 'edit-loop'])
    expect(locked.exitCode, locked.stderr).toBe(0)
    const report = await stillroomJson<BuildReport>(directory, ['build', 'recipe', 'edit-loop'], { env })
    expect(report).toMatchObject({ verdict: 'recorded', audit: { verdict: 'clean', isKnown: false } })
    return report
  }
  await built('one\n')
  const since = new Date().toISOString()
  // as long as the first: no file of the build context differs in its size
  const second = await built('two\n')
  const saved = await savedSince(since)
  expect(saved).toHaveLength(1)
  expect(saved[0]).not.toContain(second.image.id)

  const seen = await execa('docker', ['run', '--rm', 'stillroom/edit-loop'])
  expect(seen.stdout).toBe('two')
  // read whole
  const audit = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'edit-loop', '--strict'])
  expect(audit.image).toMatchObject({ id: second.image.id, tree: second.image.tree })
})

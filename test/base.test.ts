import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { parseLock } from '../src/lock/parse-lock.ts'
import { createGet } from '../src/net/http-get.ts'
import { Suite } from '../src/recipe/schema.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { fetchIndexes } from '../src/resolve/debian/fetch-indexes.ts'
import { loadKeyring } from '../src/resolve/debian/keyring.ts'
import { readPackages } from '../src/resolve/debian/read-packages.ts'
import { resolveBase } from '../src/resolve/debian/resolve-base.ts'
import { findSources } from '../src/sources/find-sources.ts'
import { makeProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const debootstrap = (await execa('sh', ['-c', 'command -v debootstrap'], { reject: false })).exitCode === 0
if (!debootstrap) console.warn('skipped: comparing bases with debootstrap, which is not installed')

describe('debian(suite)', () => {
  test.skipIf(!debootstrap).for(Suite.options)(
    '%s picks what debootstrap picks, but for required packages that nothing essential depends on',
    async (suite) => {
      const { debian } = await findSources({ env: process.env })
      const keys = await loadKeyring()
      const indexes = await fetchIndexes(
        { suite },
        {
          get: createGet({ signal: new AbortController().signal }),
          sources: debian,
          keys,
          now: new Date(),
        },
      )
      const ours = new Set(resolveBase(suite, indexes).packages.map(({ name }) => name))
      const mirror = debian.debian[0] as string
      const { stdout } = await execa('debootstrap', [
        '--print-debs',
        '--variant=minbase',
        suite,
        '/nonexistent',
        mirror,
      ])
      const theirs = new Set(stdout.trim().split(/\s+/))

      const all = readPackages(indexes.map(({ index, packages }) => ({ archive: index.archive, packages })))
      expect([...ours].filter((name) => !theirs.has(name))).toEqual([])
      const left = [...theirs].filter((name) => !ours.has(name))
      expect(left.filter((name) => all.get(name)?.essential)).toEqual([])
      expect(left.length).toBeLessThan(12)
    },
  )

  test('trixie builds, twice the same', async () => {
    const recipe = `import { apt, debian, defineRecipe, run } from 'stillroom'
export default defineRecipe({
  base: debian('trixie'),
  steps: [
    apt(['hello']),
    run('hello > /etc/greeting && echo Europe/Berlin > /etc/timezone && echo tiny > /etc/issue && chmod 700 /usr/bin/hello'),
  ],
  checks: [
    { name: 'greeting', command: ['cat', '/etc/greeting'], expect: 'Hello, world!' },
    { name: 'apt', command: ['apt-get', '--version'], expect: 'apt 3.' },
    { name: 'sources', command: ['cat', '/etc/apt/sources.list'], expect: 'trixie-security main' },
  ],
})\n`
    const directory = await makeProject({ 'recipes/tiny/recipe.ts': recipe })
    const locked = await stillroom(directory, ['lock', 'recipe', 'tiny'])
    expect(locked, locked.stderr).toMatchObject({ exitCode: 0 })
    const args = ['build', 'recipe', 'tiny', '--no-cache']
    const first = await stillroomJson<BuildReport>(directory, args)
    expect(first).toMatchObject({ verdict: 'recorded' })
    expect(first.checks.filter((check) => !check.passed)).toEqual([])
    // without a user there is no /etc/shadow; what the run step patched is its own, and shown
    expect(first.audit).toMatchObject({ verdict: 'clean', findings: [] })
    const { files } = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'tiny'])
    const changes = files.changes
      .filter(({ by }) => by === 'run-2')
      .map(({ path, rule }) => `${rule} ${path}`)
    expect(changes).toEqual(['file-modified /etc/issue', 'file-mode /usr/bin/hello'])
    const second = await stillroomJson<BuildReport>(directory, args)
    expect(second).toMatchObject({ verdict: 'identical', image: { id: first.image.id } })
    await execa('docker', ['image', 'rm', '--force', 'stillroom/tiny'])
  })
})

test('recommended packages come when a step asks for them, and only then', async () => {
  const recipe = (options: string) => `import { apt, debian, defineRecipe } from 'stillroom'
export default defineRecipe({ base: debian('bookworm'), steps: [apt(['wget']${options})] })\n`
  const directory = await makeProject({
    'recipes/bare/recipe.ts': recipe(''),
    'recipes/full/recipe.ts': recipe(', { recommends: true }'),
  })
  const packages = async (name: string) => {
    const locked = await stillroom(directory, ['lock', 'recipe', name])
    expect(locked.exitCode, locked.stderr).toBe(0)
    const lock = parseLock(await readFile(join(directory, 'recipes', name, 'lock.json'), 'utf8'), name)
    const [step] = lock.platforms['linux/amd64']?.steps ?? []
    return step?.kind === 'apt' ? step.packages.map((entry) => entry.name) : []
  }
  const bare = await packages('bare')
  const full = await packages('full')
  expect(bare).toContain('wget')
  expect(bare).not.toContain('ca-certificates')
  expect(full).toContain('ca-certificates')
  expect(full).toEqual(expect.arrayContaining(bare))
})

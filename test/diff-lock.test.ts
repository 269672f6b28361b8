import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commitAll, makeProject, put } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

const GOLDEN = join(import.meta.dirname, '../src/lock/diff/golden')
const LOCK = 'recipes/fenics-tf/lock.json'

test('diff lock in a repository: terminal, Markdown, JSON, and an exit code by level', async () => {
  const directory = await makeProject()
  const [before, after] = await Promise.all(
    ['before', 'after'].map((name) => readFile(join(GOLDEN, name, 'lock.json'), 'utf8')),
  )
  await put(directory, LOCK, before ?? '')
  await commitAll(directory)
  const nothing = await stillroom(directory, ['diff', 'lock', 'HEAD', '--fail-on', 'any'])
  expect(nothing).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('no change in 1 lockfile') })

  await put(directory, LOCK, after ?? '')
  const terminal = await stillroom(directory, ['diff', 'lock', 'HEAD', '--fail-on', 'minor'])
  expect(terminal).toMatchObject({ exitCode: 0, stderr: '' })
  expect(terminal.stdout).toContain('1 asked for, 1 came along: 2 patch; image changed')
  expect(await stillroom(directory, ['diff', 'lock', 'HEAD', '--fail-on', 'patch'])).toMatchObject({
    exitCode: 1,
  })
  const markdown = await stillroom(directory, ['diff', 'lock', 'HEAD', '--format', 'markdown'])
  expect(markdown.stdout).toContain(
    '| deb | `python3-pip` | `20.3.4-4+deb11u1` | `20.3.4-4+deb11u2` | patch |',
  )
  const json = await stillroomJson<{ level: string; recipes: { recipe: string }[] }>(directory, [
    'diff',
    'lock',
    'HEAD',
  ])
  expect(json).toMatchObject({ diffVersion: 1, level: 'patch', recipes: [{ recipe: 'fenics-tf' }] })
  const files = ['before', 'after'].map((name) => join(GOLDEN, name, 'lock.json'))
  const back = await stillroom(directory, ['diff', 'lock', ...files.toReversed(), '--fail-on', 'downgrade'])
  expect(back).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('2 downgraded') })
})

test('diff lock with a revision that is none, or a level that is none, is wrong usage', async () => {
  const directory = await makeProject()
  await put(directory, 'recipes/README', '')
  await commitAll(directory)
  const { exitCode, stderr } = await stillroom(directory, ['diff', 'lock', 'nope'])
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('REVISION_UNKNOWN'),
  })
  expect(await stillroom(directory, ['diff', 'lock', '--fail-on', 'huge'])).toMatchObject({ exitCode: 2 })
})

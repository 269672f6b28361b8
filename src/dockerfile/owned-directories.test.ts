import { execFile } from 'node:child_process'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { Recipe, type RecipeInput } from '../recipe/schema.ts'
import { temporaryDirectory } from '../store/testing/temporary-directory.ts'
import { nastyPath } from './nasty-strings.test-data.ts'
import { ownedDirectories, placedDirectories } from './owned-directories.ts'

const recipe = (fields: Partial<RecipeInput>) =>
  Recipe.parse({ base: { kind: 'debian', suite: 'bookworm' }, ...fields })
const user = { name: 'fenics', uid: 1000, home: '/home/fenics' }

describe('ownedDirectories()', () => {
  it('names what lies between home and a directory below it, parents first', () => {
    const paths = ownedDirectories(
      recipe({ user, workdir: '/home/fenics/a/b', volumes: ['/data/c'], shared: '/home/fenics' }),
    )
    expect(paths).toEqual(
      ['/data/c', '/home/fenics', '/home/fenics/a', '/home/fenics/a/b'].map((path) => ({
        owner: 1000,
        path,
      })),
    )
  })

  it('gives them to root without a user, and leaves the root out', () => {
    expect(ownedDirectories(recipe({ workdir: '/', volumes: ['/data'] }))).toEqual([
      { owner: 0, path: '/data' },
    ])
    expect(ownedDirectories(recipe({}))).toEqual([])
  })

  it('does not take a longer name for a directory below home', () => {
    expect(ownedDirectories(recipe({ user, workdir: '/home/fenics2/a' })).map(({ path }) => path)).toEqual([
      '/home/fenics',
      '/home/fenics2/a',
    ])
  })
})

describe('placedDirectories()', () => {
  it('gives a project its parents below home', () => {
    const step = { kind: 'project' as const, path: 'solver', to: '/home/fenics/code/solver' }
    expect(placedDirectories(recipe({ user }), step).map(({ path }) => path)).toEqual([
      '/home/fenics',
      '/home/fenics/code',
      '/home/fenics/code/solver',
    ])
  })
})

describe('make_directories of layer.sh', () => {
  const layer = fileURLToPath(new URL('build-scripts/layer.sh', import.meta.url))

  it('makes exactly the directories that it is given, whatever their names', async () => {
    const root = await temporaryDirectory()
    const paths = [...new Set(fc.sample(nastyPath, { numRuns: rounds(100, 1000), seed: 1 }))]
    const lines = paths.flatMap((path) => {
      const parts = path.split('/').slice(1)
      return parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)
    })
    const { uid } = await stat(root)
    await writeFile(join(root, 'list'), lines.map((path) => `${uid} ${root}/made${path}\n`).join(''))
    await mkdir(join(root, 'made'))
    const program = '. "$1"; make_directories < "$2"'
    await promisify(execFile)('/bin/sh', ['-c', program, 'sh', layer, join(root, 'list')], {
      cwd: root,
      env: { SOURCE_DATE_EPOCH: '1' },
    })
    const entries = await readdir(join(root, 'made'), { recursive: true, withFileTypes: true })
    const found = entries.map((entry) => join(entry.parentPath, entry.name).slice(`${root}/made`.length))
    expect(found.sort()).toEqual([...new Set(lines)].sort())
    expect((await readdir(root)).sort()).toEqual(['list', 'made'])
  })
})

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { dpkgStatus, stanza } from '../../adopt/image/adopt-in-memory.test-data.ts'
import { ociFiles, tarOf } from '../../image/image-archive.test-data.ts'
import { openSession, type Session } from '../session.ts'
import { adoptImage } from './adopt-image.ts'

async function project(os: string): Promise<Session> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-adopt-image-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const layer = await tarOf([
    { name: 'etc/os-release', content: os },
    { name: dpkgStatus()[0], content: dpkgStatus(stanza('dash', { Essential: 'yes' }), stanza('jq'))[1] },
    { name: 'data/mine', content: 'results' },
  ])
  await writeFile(join(directory, 'old.tar'), await tarOf(ociFiles([layer])))
  const env = { ...process.env, XDG_CACHE_HOME: join(directory, 'cache') }
  const { signal } = new AbortController()
  return openSession({ directory, env, signal, progress: () => {} })
}

const DEBIAN = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
const DRAFT = { base: 'auto', carry: 0, build: false }

test('adoptImage() writes a draft of an archive without any engine, and never over another recipe', async () => {
  const session = await project(DEBIAN)
  const tar = join(session.directory, 'old.tar')
  const result = await adoptImage(session, tar, 'flow', DRAFT)
  expect(result).toMatchObject({
    name: 'flow',
    files: ['recipes/flow/recipe.ts'],
    comparison: null,
    built: null,
    next: ['stillroom lock recipe flow', 'stillroom build recipe flow --twice'],
  })
  expect(result.found.files).toBeGreaterThan(0)
  const source = await readFile(join(session.directory, 'recipes/flow/recipe.ts'), 'utf8')
  expect(source).toContain("base: debian('bookworm'),\n  steps: [apt(['jq'])],\n")
  // nothing of this machine
  expect(source).not.toContain(session.directory)
  await expect(adoptImage(session, tar, 'flow', DRAFT)).rejects.toMatchObject({ code: 'RECIPE_EXISTS' })
  await expect(adoptImage(session, tar, '../up', DRAFT)).rejects.toMatchObject({ code: 'USAGE' })
})

test('adoptImage() refuses what no recipe can stand on, and writes nothing', async () => {
  const session = await project('ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04 LTS"\nVERSION_CODENAME=noble\n')
  const tar = join(session.directory, 'old.tar')
  await expect(adoptImage(session, tar, 'flow', DRAFT)).rejects.toMatchObject({
    code: 'IMAGE_UNADOPTABLE',
    message: expect.stringContaining('Ubuntu 24.04 LTS'),
    hint: expect.stringContaining('--base'),
  })
  await expect(stat(join(session.directory, 'recipes'))).rejects.toThrow()
})

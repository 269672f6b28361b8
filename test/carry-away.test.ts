import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import { openStore } from '../src/store/store.ts'
import type { ExportResult } from '../src/workflows/store/export-recipe.ts'
import type { ImportResult } from '../src/workflows/store/import-archive.ts'
import type { StoreCleaning, StoreUsage } from '../src/workflows/store/store-usage.ts'
import { canHaveEngines } from './support/engine.ts'
import { ownName } from './support/own-name.ts'
import { copyProject } from './support/project.ts'
import { commandLine, stillroom, stillroomJson } from './support/stillroom.ts'

const namespaces = await canHaveEngines()
if (namespaces !== true) console.warn(`skipped: builds with the network cut, since ${namespaces}`)

beforeAll(async () => {
  // which leaves its tree in the store
  await stillroomJson(join(import.meta.dirname, '..'), ['build', 'recipe', 'hello'])
})

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-carry-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function exportHello(): Promise<ExportResult & { project: string; directory: string }> {
  const project = await copyProject('hello')
  const directory = await temporary()
  const args = ['store', 'export', 'recipe', 'hello', join(directory, 'hello.tar')]
  const result = await stillroomJson<ExportResult>(project, args)
  expect(result).toMatchObject({ recipe: 'hello', tree: true })
  return { ...result, project, directory }
}

describe('store export', () => {
  test('gives the same bytes each time, and a sum that sha256sum agrees with', async () => {
    const { project, directory, file, sha256 } = await exportHello()
    const again = await stillroomJson<ExportResult>(project, [
      'store',
      'export',
      'recipe',
      'hello',
      `${file}.2`,
    ])
    expect(again.sha256).toBe(sha256)
    const { stdout } = await execa('sha256sum', ['--check', 'hello.tar.sha256'], { cwd: directory })
    expect(stdout).toBe('hello.tar: OK')
  })

  test.skipIf(namespaces !== true)(
    'imported into an empty store, it builds the same image with the network cut',
    async () => {
      const { project, directory, file, sha256, image, artifacts } = await exportHello()
      const cache = join(directory, 'cache')
      const env = { STILLROOM_CACHE: cache }
      const cut = (words: string[]) =>
        execa('unshare', ['--net', process.execPath, commandLine(), ...words, '--json'], {
          cwd: project,
          env,
        })
      const imported = JSON.parse(
        (await cut(['store', 'import', file, '--sha256', sha256])).stdout,
      ) as ImportResult
      expect(imported).toMatchObject({
        recipe: 'hello',
        image,
        sha256,
        artifacts: { added: artifacts, present: 0 },
        tree: true,
      })
      const built = JSON.parse((await cut(['build', 'recipe', 'hello', '--no-cache'])).stdout) as BuildReport
      expect(built).toMatchObject({ verdict: 'identical', unchanged: false, image: { id: image } })

      const twice = JSON.parse((await cut(['store', 'import', file])).stdout) as ImportResult
      expect(twice.artifacts).toMatchObject({ added: 0, present: artifacts })
    },
  )

  test.skipIf(namespaces !== true)(
    'unpacked, it builds the same image with plain docker buildx and the network cut',
    async () => {
      const { directory, file, image } = await exportHello()
      await execa('tar', ['-xf', file], { cwd: directory })
      const context = join(directory, 'hello/context')
      const [, commands = ''] =
        /^```sh\n(.*?)^```$/ms.exec(await readFile(join(context, 'README.md'), 'utf8')) ?? []
      const tag = ownName('stillroom-test/carried')
      onTestFinished(async () => {
        await execa('docker', ['image', 'rm', '--force', tag], { reject: false })
      })
      const script = commands.replace(' --tag stillroom/hello ', ` --no-cache --tag ${tag} `)
      expect(script).toContain(tag)
      const { stdout } = await execa('unshare', ['--net', 'sh', '-euc', script], { cwd: context })
      expect(stdout.trim().split('\n').at(-1)).toBe(image)
    },
  )
})

describe('store import', () => {
  test('keeps nothing wrong of a damaged archive, and says what is wrong', async () => {
    const { project, directory, file } = await exportHello()
    const sound = await readFile(file)
    const deb = sound.indexOf('!<arch>')
    const flipped = Buffer.from(sound)
    flipped[deb + 300] = (flipped[deb + 300] as number) ^ 1
    const newer = Buffer.from(sound)
    newer.write('"archiveVersion": 7', newer.indexOf('"archiveVersion": 1'))
    const renamed = Buffer.from(sound)
    renamed.write('context/artifacts/base/../', renamed.indexOf('context/artifacts/base/', 600))
    const cases: [string, Buffer, string][] = [
      ['cut short', sound.subarray(0, 20_000_000), 'cut short'],
      ['flipped', flipped, 'an artifact in it is damaged: expected sha256'],
      ['newer', newer, 'its version is 7, expected 1'],
      ['renamed', renamed, 'must be below recipe/ or context/'],
      ['text', Buffer.from('a letter\n'), 'not an archive of stillroom'],
      ['empty', Buffer.alloc(0), 'it is empty'],
    ]
    for (const [name, content, reason] of cases) {
      const damaged = join(directory, `${name}.tar`)
      await writeFile(damaged, content)
      const env = { STILLROOM_CACHE: join(directory, name) }
      const { exitCode, stderr } = await stillroom(project, ['store', 'import', damaged], { env })
      expect(stderr, name).toContain(reason)
      expect(stderr, name).toContain('ARCHIVE_INVALID')
      expect(exitCode, name).toBe(3)
      await expectSound(join(directory, name, 'store/sha256'))
    }
    const other = await stillroom(project, ['store', 'import', file, '--sha256', '0'.repeat(64)])
    expect(other.stderr).toMatch(/expected sha256 0{64}, got [0-9a-f]{64}/)
  })
})

test('store gc keeps what the locks here need, and throws the rest away once nobody has needed it', async () => {
  const { project, directory, file, artifacts } = await exportHello()
  const env = { STILLROOM_CACHE: join(directory, 'cache') }
  const run = <T>(...args: string[]) => stillroomJson<T>(project, args, { env })
  await run('store', 'import', file)
  const stray = await strayEntry(join(directory, 'cache/store'))
  expect(await run<StoreUsage>('store', 'du')).toMatchObject({
    entries: artifacts + 2,
    recipes: [{ recipe: 'hello', entries: artifacts + 1 }],
    unused: { entries: 1, bytes: 5 },
  })
  expect(await run<StoreCleaning>('store', 'gc', '--dry-run')).toMatchObject({ removed: { entries: 0 } })
  const old = new Date(Date.now() - 2 * 86_400_000)
  await utimes(stray, old, old)
  expect(await run<StoreCleaning>('store', 'gc', '--dry-run')).toMatchObject({
    removed: { entries: 1, bytes: 5 },
  })
  expect(await readFile(stray, 'utf8')).toBe('stray')
  expect(await run<StoreCleaning>('store', 'gc')).toMatchObject({
    removed: { entries: 1, bytes: 5 },
    kept: { entries: artifacts + 1 },
  })
  await expect(readFile(stray)).rejects.toThrow('ENOENT')
})

/** An entry that no lock needs. */
async function strayEntry(store: string): Promise<string> {
  const { path, put } = await openStore(store)
  const { sha256 } = await put(Buffer.from('stray'))
  return path(sha256)
}

/** Every entry of a store is what its name says. */
async function expectSound(directory: string): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile())
  if (files.length === 0) return
  const paths = files.map((entry) => join(entry.parentPath, entry.name))
  const { stdout } = await execa('sha256sum', paths)
  for (const line of stdout.split('\n')) {
    expect(line).toMatch(/^([0-9a-f]{64}) .*\/\1$/)
  }
}

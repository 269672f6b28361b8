import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import type { LoadResult } from '../src/workflows/save/load-archive.ts'
import type { SaveResult } from '../src/workflows/save/save-recipe.ts'
import { containerTools } from './support/container-tools.ts'
import { canHaveEngines, startEngine } from './support/engine.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { commitAll, copyProject } from './support/project.ts'
import { failure, stillroom, stillroomJson } from './support/stillroom.ts'

const engines = NIGHTLY ? await canHaveEngines() : 'it is left to the nightly tests'
if (engines !== true) console.warn(`skipped: archives on the other image store, since ${engines}`)

beforeAll(async () => {
  await stillroomJson(join(import.meta.dirname, '..'), ['build', 'recipe', 'hello'])
})

const LOCK = 'recipes/hello/lock.json'

async function lockedArchive(directory: string): Promise<unknown> {
  const lock = JSON.parse(await readFile(join(directory, LOCK), 'utf8'))
  return lock.platforms['linux/amd64'].image.archive
}

const save = (directory: string, file: string, ...args: string[]) =>
  stillroomJson<SaveResult>(directory, ['save', 'recipe', 'hello', file, ...args])

/** The locked image of a recipe of this repository, saved as `saved.tar` in a copy of the project. */
async function saveBuilt(name: string): Promise<{ directory: string; sha256: string; image: string }> {
  const directory = await copyProject(name)
  // what a project step takes is pinned by its git tree
  await commitAll(directory)
  const built = await stillroomJson<BuildReport>(directory, ['build', 'recipe', name, '--no-audit'])
  expect(built).toMatchObject({ verdict: 'identical' })
  const { sha256, image } = await stillroomJson<SaveResult>(directory, ['save', 'recipe', name, 'saved.tar'])
  return { directory, sha256, image }
}

async function sha256sum(directory: string, file: string): Promise<string> {
  const { stdout } = await execa('sha256sum', [file], { cwd: directory })
  return stdout.slice(0, 64)
}

describe('save recipe', () => {
  test('writes an archive whose sum the lockfile has, and sha256sum agrees with', async () => {
    const directory = await copyProject('hello')
    const saved = await save(directory, 'hello.tar')
    const { sha256, size } = saved
    expect(saved).toMatchObject({ recipe: 'hello', sums: 'hello.tar.sha256' })
    expect(saved.files).toEqual([{ path: 'hello.tar', sha256, size }])
    expect(await sha256sum(directory, 'hello.tar')).toBe(sha256)
    await execa('sha256sum', ['--check', '--strict', 'hello.tar.sha256'], { cwd: directory })
    expect(await lockedArchive(directory)).toEqual({ sha256, size })
    // the lock is not stale from it
    const built = await stillroomJson<BuildReport>(directory, ['build', 'recipe', 'hello'])
    expect(built).toMatchObject({ unchanged: true, image: { id: saved.image } })
    const again = await stillroom(directory, ['save', 'recipe', 'hello', 'again.tar'])
    expect(again.stdout).toMatch(
      new RegExp(`^archive +again.tar\nsha256 +${sha256}\nsize .*\nimage ID +${saved.image}\ncheck `),
    )
    expect(again.stdout).not.toContain('lockfile')
  })

  test('refuses a lockfile that names another archive, and writes nothing', async () => {
    const directory = await copyProject('hello')
    const { sha256 } = await save(directory, 'hello.tar')
    const path = join(directory, LOCK)
    await writeFile(path, (await readFile(path, 'utf8')).replace(sha256, '0'.repeat(64)))
    const failed = await failure(directory, ['save', 'recipe', 'hello', 'other.tar'])
    expect(failed).toMatchObject({ exitCode: 2, code: 'LOCK_INVALID' })
    expect(failed.message).toContain(`expected sha256 ${'0'.repeat(64)}`)
    await expect(readFile(join(directory, 'other.tar'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('writes parts, which sha256sum checks and load joins', async () => {
    const directory = await copyProject('hello')
    const { sha256 } = await save(directory, 'hello.tar')
    const split = await save(directory, 'parts.tar', '--split', '50MB')
    expect(split.sha256).toBe(sha256)
    expect(split.files.map(({ path }) => path).slice(0, 2)).toEqual(['parts.tar.001', 'parts.tar.002'])
    for (const { size } of split.files.slice(0, -1)) expect(size).toBe(50_000_000)
    await execa('sha256sum', ['--check', '--strict', 'parts.tar.sha256'], { cwd: directory })
    await execa('sh', ['-c', 'cat parts.tar.[0-9]* | cmp - hello.tar'], { cwd: directory })
    const loaded = await stillroomJson<LoadResult>(directory, ['load', 'parts.tar.001'])
    expect(loaded).toMatchObject({ sha256, parts: split.files.length, verdict: 'locked', recipe: 'hello' })

    await rm(join(directory, 'parts.tar.002'))
    expect(await failure(directory, ['load', 'parts.tar'])).toMatchObject({
      exitCode: 3,
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining('"parts.tar.002" is missing'),
    })
    const tooMany = await failure(directory, ['save', 'recipe', 'hello', 'p.tar', '--split', '1KB'])
    expect(tooMany).toMatchObject({ exitCode: 2, code: 'USAGE' })
  })
})

describe('load', () => {
  test('gives the engine nothing of an archive that is damaged, cut, or of no recipe', async () => {
    const directory = await copyProject('hello')
    const { size } = await save(directory, 'hello.tar')
    const filter = ['--filter', 'reference=stillroom/hello*', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}']
    // the engine lists images of the same age in any order
    const ids = async () =>
      (await execa('docker', ['image', 'ls', '--no-trunc', ...filter])).stdout.split('\n').sort().join('\n')
    const before = await ids()
    const path = join(directory, 'hello.tar')
    await rm(`${path}.sha256`)
    const at = Math.floor(size / 2)
    const flip = async () => {
      await using file = await open(path, 'r+')
      const byte = Buffer.alloc(1)
      await file.read(byte, 0, 1, at)
      byte[0] = (byte[0] as number) ^ 4
      await file.write(byte, 0, 1, at)
    }
    await flip()
    const flipped = await failure(directory, ['load', 'hello.tar'])
    expect(flipped).toMatchObject({ exitCode: 3, code: 'ARCHIVE_INVALID' })
    expect(flipped.message).toMatch(/has other content: expected sha256:[0-9a-f]{64}, actual/)
    await flip()
    await truncate(path, at)
    expect(await failure(directory, ['load', 'hello.tar'])).toMatchObject({
      exitCode: 3,
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining('damaged or cut short'),
    })
    expect(await ids()).toBe(before)
  })

  test('says when the image is another than the lockfile names, and gives it another name', async () => {
    const directory = await copyProject('hello')
    await save(directory, 'hello.tar')
    const path = join(directory, LOCK)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace(/("image": \{\s*"id": )"[^"]*"/, `$1"sha256:${'0'.repeat(64)}"`))
    const { exitCode, stdout } = await stillroom(directory, ['load', 'hello.tar', '--json'])
    expect(exitCode).toBe(1)
    const loaded = JSON.parse(stdout) as LoadResult
    expect(loaded).toMatchObject({ verdict: 'different', expected: `sha256:${'0'.repeat(64)}` })
    expect(loaded.tag).toMatch(/:different$/)
    await execa('docker', ['image', 'rm', loaded.tag])
  })

  test.skipIf(engines !== true).each(['hello', 'fenics-tf'])(
    'and save give the same archive of %s on the other image store, and docker load and ctr read it',
    async (name) => {
      const { directory, sha256, image } = await saveBuilt(name)
      const engine = await startEngine(ownName('test-save'), 'containerd')
      const { env } = engine
      const tag = `stillroom/${name}`
      try {
        const load = (...args: string[]) => stillroomJson<LoadResult>(directory, ['load', ...args], { env })
        const saveThere = async (file: string) =>
          (await stillroomJson<SaveResult>(directory, ['save', 'recipe', name, file], { env })).sha256
        expect(await load('saved.tar')).toMatchObject({
          verdict: 'locked',
          sha256,
          image,
          tag,
        })
        const present = await stillroomJson<BuildReport>(directory, ['build', 'recipe', name], { env })
        expect(present).toMatchObject({ unchanged: true, image: { id: image } })
        expect(await saveThere('again.tar')).toBe(sha256)

        await execa('docker', ['image', 'rm', '--force', tag], { env })
        await execa('docker', ['load', '--input', 'saved.tar'], { env, cwd: directory })
        expect(await saveThere('docker.tar')).toBe(sha256)
        // in a form of the engine's own, compressed or not
        await execa('docker', ['save', '--output', 'foreign.tar', tag], { env, cwd: directory })
        await execa('docker', ['image', 'rm', '--force', tag], { env })
        expect(await load('foreign.tar')).toMatchObject({ verdict: 'locked', image, foreign: true })
        expect(await saveThere('foreign-again.tar')).toBe(sha256)

        await importByCtr(await engine.pid(), join(directory, 'saved.tar'), tag)
      } finally {
        await engine.purge()
      }
    },
  )

  test.runIf(NIGHTLY).for(['hello', 'fenics-tf'])(
    'takes what podman loaded and saved again of %s; skopeo reads the archive both ways',
    async (name, { skip }) => {
      const tools = await containerTools()
      if (typeof tools === 'string') return skip(`podman and skopeo are not to be had: ${tools}`)
      const { directory, sha256, image } = await saveBuilt(name)
      const file = join(directory, 'saved.tar')
      for (const archive of [`docker-archive:${file}`, `oci-archive:${file}:latest`]) {
        const config = await tools.skopeo('inspect', '--config', '--raw', archive)
        expect(config).toContain('"rootfs"')
      }
      await tools.podman('load', '--quiet', '--input', file)
      const names = await tools.podman('images', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}')
      expect(names).toBe(`${image} docker.io/stillroom/${name}:latest`)
      const other = join(directory, 'podman.tar')
      await tools.podman('save', '--quiet', '--output', other, `stillroom/${name}`)
      const loaded = await stillroomJson<LoadResult>(directory, ['load', 'podman.tar'])
      expect(loaded).toMatchObject({ verdict: 'locked', image, foreign: true })
      const again = await stillroomJson<SaveResult>(directory, ['save', 'recipe', name, 'again.tar'])
      expect(again.sha256).toBe(sha256)
    },
  )
})

/** Imports an archive into the containerd that runs beside an engine, in a namespace of containerd's own. */
async function importByCtr(engine: number, archive: string, tag: string): Promise<void> {
  const enter = ['--target', `${engine}`, '--mount', '--root']
  const ctr = ['ctr', '--address', '/run/docker/containerd/containerd.sock', '--namespace', 'test']
  const run = async (args: string[], file?: string) => {
    const how = file === undefined ? { stdin: 'ignore' as const } : { inputFile: file }
    return (await execa('nsenter', [...enter, ...ctr, ...args], how)).stdout
  }
  await run(['images', 'import', '-'], archive)
  expect(await run(['images', 'list', '--quiet'])).toBe(`docker.io/${tag}:latest`)
}

import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { execa } from 'execa'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { connectTo } from '../src/engine/connect.ts'
import { engineDisk } from '../src/engine/engine-space.ts'
import { findImage } from '../src/engine/find-image.ts'
import { storedImage } from '../src/engine/layer-store.ts'
import { readImageArchive } from '../src/image/read-archive.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { defaultCacheDirectory } from '../src/store/cache-directory.ts'
import type { SaveResult } from '../src/workflows/save/save-recipe.ts'
import { canHaveEngines, startEngine } from './support/engine.ts'
import { ownName } from './support/own-name.ts'
import { copyProject } from './support/project.ts'
import { commandLine, stillroom, stillroomJson } from './support/stillroom.ts'

const engines = await canHaveEngines()
if (engines !== true) console.warn(`skipped: builds that need an engine of their own, since ${engines}`)

/** What a lock says of the archive. */
const SAVED = /,\n +"archive": \{"sha256": "[0-9a-f]{64}", "size": \d+\}/

describe('build recipe hello', () => {
  test('gives the image in its lockfile when built from nothing, and says so at once when asked again', async () => {
    const directory = await copyProject('hello')
    const built = await stillroomJson<BuildReport>(directory, ['build', 'recipe', 'hello', '--no-cache'])
    expect(built).toMatchObject({ verdict: 'identical', unchanged: false })
    expect(built.image.id).toBe(built.expected?.id)
    expect(built.checks.filter((check) => !check.passed)).toEqual([])
    expect(built.checks.map((check) => check.name)).toEqual(['packages', 'python', 'cowsay'])

    const again = await stillroomJson<BuildReport>(directory, ['build', 'recipe', 'hello'])
    expect(again).toMatchObject({ verdict: 'identical', unchanged: true, image: { id: built.image.id } })
  })

  test('audits an image once, and says of the same image ID what it said', async () => {
    const directory = await copyProject('hello')
    const cache = await mkdtemp(join(tmpdir(), 'stillroom-cache-'))
    onTestFinished(() => rm(cache, { recursive: true, force: true }))
    await symlink(join(defaultCacheDirectory(process.env), 'store'), join(cache, 'store'))
    // what is cached is built in a moment; the tag tells the engine's image from the locked one
    const build = async () => {
      await execa('docker', ['image', 'rm', '--force', 'stillroom/hello'])
      const env = { STILLROOM_CACHE: cache }
      return stillroomJson<BuildReport>(directory, ['build', 'recipe', 'hello'], { env })
    }
    const first = await build()
    expect(first).toMatchObject({ unchanged: false, audit: { verdict: 'clean', isKnown: false } })
    const again = await build()
    expect(again).toMatchObject({ unchanged: false, audit: { ...first.audit, trust: null, isKnown: true } })
  })

  test('reads layers where the engine keeps them, as `docker save` gives them', async ({ skip }) => {
    await stillroom(await copyProject('hello'), ['build', 'recipe', 'hello'])
    const engine = await connectTo()
    const image = await findImage(engine, 'stillroom/hello')
    const stored = await storedImage((await engineDisk(engine)) ?? '', image?.reference ?? '')
    if (stored === undefined && process.getuid?.() !== 0)
      skip('layers of the engine can be read by root alone')
    expect(stored).toBeDefined()
    const given = await engine.docker.getImage('stillroom/hello:latest').get()
    const [read, saved] = [
      await readImageArchive(stored ?? Readable.from([])),
      await readImageArchive(given as unknown as AsyncIterable<Uint8Array>),
    ]
    expect(read).toEqual(saved)
    expect(read.id).toBe(image?.reference)
  })

  test('reads its own image when another has the same name with another tag', async () => {
    const directory = await copyProject('hello')
    await stillroom(directory, ['build', 'recipe', 'hello'])
    const other = 'stillroom/hello:other'
    const { stdout: container } = await execa('docker', ['create', 'stillroom/hello'])
    onTestFinished(async () => void (await execa('docker', ['image', 'rm', other])))
    await execa('docker', ['commit', '--change', 'LABEL other=yes', container, other])
    await execa('docker', ['rm', container])
    const report = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'hello'])
    expect(report).toMatchObject({ verdict: 'clean', findings: [] })
  })

  test('prints a short table', async () => {
    const directory = await copyProject('hello')
    const { stdout, stderr, exitCode } = await stillroom(directory, ['build', 'recipe', 'hello'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(
      /^image +stillroom\/hello\nimage ID +sha256:[0-9a-f]{64}\nverdict +identical to the lockfile\nsize /,
    )
    expect(stderr).toBe('- recipe and lockfile')
  })

  test('records the first image of a lock, and a later build is compared with it', async () => {
    const directory = await copyProject('hello')
    const path = join(directory, 'recipes/hello/lock.json')
    const committed = await readFile(path, 'utf8')
    const image = /"image": \{.*?\n {6}\}/s
    await writeFile(path, committed.replace(image, '"image": null'))
    await stillroom(directory, ['generate', 'recipe', 'hello'])
    const first = await stillroomJson<BuildReport>(directory, ['build', 'recipe', 'hello'])
    expect(first.verdict).toBe('recorded')
    const written = await readFile(path, 'utf8')
    // the sum of the archive is that of the first `save`
    expect(written).toBe(committed.replace(SAVED, ''))
    expect((await stillroom(directory, ['generate', 'recipe', 'hello', '--check'])).exitCode).toBe(0)
  })

  test.skipIf(engines !== true)('gives the same image ID on the containerd image store', async () => {
    const directory = await copyProject('hello')
    const engine = await startEngine(ownName('test-store'), 'containerd')
    try {
      const args = ['build', 'recipe', 'hello']
      const built = await stillroomJson<BuildReport>(directory, [...args, '--no-cache'], { env: engine.env })
      expect(built).toMatchObject({ verdict: 'identical', unchanged: false })
      const again = await stillroomJson<BuildReport>(directory, args, { env: engine.env })
      expect(again).toMatchObject({ verdict: 'identical', unchanged: true })
      // the sum is noted in the lockfile by the first, and the second refuses to write another archive
      const save = (file: string, env = {}) =>
        stillroomJson<SaveResult>(directory, ['save', 'recipe', 'hello', file], { env })
      const there = await save('there.tar', engine.env)
      await stillroomJson<BuildReport>(directory, args)
      expect((await save('here.tar')).sha256).toBe(there.sha256)
    } finally {
      await engine.purge()
    }
  })

  test.skipIf(engines !== true)(
    'gives the same image ID with the network cut, from a warm store',
    async () => {
      const directory = await copyProject('hello')
      const words = [process.execPath, commandLine(), 'build', 'recipe', 'hello', '--no-cache', '--json']
      const { stdout } = await execa('unshare', ['--net', ...words], { cwd: directory })
      expect(JSON.parse(stdout)).toMatchObject({ verdict: 'identical', unchanged: false })
    },
  )
})

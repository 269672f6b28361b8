import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { privateEngine } from '../src/engine/private/private-engine.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { defaultCacheDirectory } from '../src/store/cache-directory.ts'
import type { PruneResult } from '../src/workflows/prune/prune.ts'
import { makeHelloLike, type OwnProject } from './project/task-project.ts'
import { canHaveEngines } from './support/engine.ts'
import { NIGHTLY } from './support/nightly.ts'
import { commandLine, stillroom, stillroomJson } from './support/stillroom.ts'

const engines = await canHaveEngines()
if (engines !== true) console.warn(`skipped: prune, since ${engines}`)
if (!NIGHTLY)
  console.warn(
    'skipped: prune beside a build, after 30 builds, and of layers that an engine has lost, at night',
  )

const USERS = defaultCacheDirectory(process.env)

/** A cache with an engine of its own, which has the root file system of the user's engines and no more. */
async function makeCache(directory: string) {
  const env = {
    STILLROOM_CACHE: directory,
    STILLROOM_ENGINE: 'private',
    DOCKER_HOST: undefined,
    DOCKER_CONFIG: undefined,
  }
  const [theirs, ours] = [privateEngine(USERS), privateEngine(directory)]
  await mkdir(ours.base, { recursive: true })
  await symlink(theirs.root, ours.root)
  await symlink(theirs.clients, ours.clients)
  return { env, engine: ours }
}

/** hello as it is locked, but for these fields, with its artifacts in a store of its own. */
async function makeLocked(
  env: Record<string, string | undefined>,
  fields: Parameters<typeof makeHelloLike>[0],
): Promise<OwnProject> {
  const project = await makeHelloLike(fields)
  await stillroom(project.directory, ['generate', 'recipe', project.name], { env })
  return project
}

describe.skipIf(engines !== true)('prune', () => {
  let scratch: string
  let made: Awaited<ReturnType<typeof makeCache>>
  const projects: OwnProject[] = []

  beforeAll(async () => {
    await mkdir(USERS, { recursive: true })
    scratch = await mkdtemp(join(USERS, 'prune-'))
    made = await makeCache(scratch)
    // hello's artifacts, by a file: nothing of the user's store is in reach of what is tested
    const root = join(import.meta.dirname, '..')
    const file = join(scratch, 'hello.tar')
    const exported = await stillroom(root, ['store', 'export', 'recipe', 'hello', file])
    expect(exported.exitCode, exported.stderr).toBe(0)
    const imported = await stillroom(root, ['store', 'import', file], { env: made.env })
    expect(imported.exitCode, imported.stderr).toBe(0)
    const up = await stillroom(root, ['engine', 'up'], { env: made.env })
    expect(up.exitCode, up.stderr).toBe(0)
    for (const mood of ['first', 'second'])
      projects.push(await makeLocked(made.env, { env: { MOOD: mood }, volumes: ['/home/hello/data'] }))
    for (const { directory, name } of projects) {
      const built = await stillroom(directory, ['build', 'recipe', name], { env: made.env })
      expect(built.exitCode, built.stderr).toBe(0)
    }
  })

  afterAll(async () => {
    if (!made) return
    await stillroom('/', ['engine', 'down', '--purge'], { env: made.env })
    await rm(scratch, { recursive: true, force: true })
    for (const project of projects) await project[Symbol.asyncDispose]()
  })

  const prune = (project: OwnProject, ...args: string[]) =>
    stillroomJson<PruneResult>(project.directory, ['prune', ...args], { env: made.env })
  const images = async () => {
    const { stdout } = await stillroom('/', ['engine', 'env'], { env: made.env })
    const listed = await execa('sh', ['-c', `${stdout}\ndocker image ls --format '{{.Repository}}'`])
    return listed.stdout.split('\n').filter(Boolean).sort()
  }

  test('asks on a terminal alone', async () => {
    const [project] = projects as [OwnProject]
    const refused = await stillroom(project.directory, ['prune'], { env: made.env })
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('stillroom prune --yes') })
    const plan = await prune(project, '--dry-run')
    expect(plan).toMatchObject({ removed: false })
    expect(plan.frees).toBeGreaterThan(10e6)
    // script(1) makes a terminal
    const command = `${process.execPath} ${commandLine()} prune`
    const words = ['--quiet', '--return', '--command', command, '/dev/null']
    const asked = await execa('script', words, { cwd: project.directory, env: made.env, input: 'n\n' })
    expect(asked.stdout).toMatch(/would be removed:.*would free about [\d.]+ MB.*remove it\? \[y\/N\]/s)
    expect(await readdir(join(scratch, 'contexts'))).not.toEqual([])
  })

  test.runIf(NIGHTLY)('a build that runs meanwhile loses nothing', async () => {
    const [project] = projects as [OwnProject]
    const child = execFile(
      process.execPath,
      [commandLine(), 'build', 'recipe', project.name, '--no-cache', '--json'],
      { cwd: project.directory, env: { ...process.env, ...made.env } as NodeJS.ProcessEnv },
    )
    let said = ''
    child.stdout?.on('data', (data) => {
      said += data
    })
    const ended = once(child, 'close')
    await once(child.stderr as NodeJS.ReadableStream, 'data')
    const { items } = await prune(project, '--yes', '--all')
    const kept = items.filter(({ keptFor }) => keptFor?.includes(`process ${child.pid}`))
    expect(kept.map(({ what }) => what)).toEqual(expect.arrayContaining(['artifacts']))
    await ended
    expect(JSON.parse(said)).toMatchObject({ verdict: 'identical', unchanged: false })
  })

  test('frees all but what locks need; the next build is the same, with the network cut', async () => {
    const [first, second] = projects as [OwnProject, OwnProject]
    // of another project's recipe, what was used lately stays as long as is asked
    expect((await prune(first, '--yes')).removed).toBe(true)
    expect(await images()).toEqual([`stillroom/${first.name}`, `stillroom/${second.name}`].sort())
    const { items } = await prune(first, '--yes', '--days', '0')
    expect(items).toContainEqual(
      expect.objectContaining({ what: `stillroom/${first.name}:latest`, keptFor: 'as locked' }),
    )
    expect(await images()).toEqual([`stillroom/${first.name}`])
    for (const name of ['contexts', 'derived']) expect(await readdir(join(scratch, name))).toEqual([])
    const again = await prune(first, '--dry-run', '--days', '0')
    expect(again.frees).toBeLessThan(1e6)

    const words = [commandLine(), 'build', 'recipe', first.name, '--no-cache', '--json']
    const { stdout } = await execa('unshare', ['--net', process.execPath, ...words], {
      cwd: first.directory,
      env: made.env,
    })
    expect(JSON.parse(stdout) as BuildReport).toMatchObject({ verdict: 'identical', unchanged: false })
  })

  test.runIf(NIGHTLY)(
    'after 30 builds it frees all but what a lock needs, and each is built alike again, with the network cut',
    async () => {
      const built: OwnProject[] = []
      const build = async ({ directory, name }: OwnProject, ...before: string[]) => {
        const words = [process.execPath, commandLine(), 'build', 'recipe', name, '--no-audit', '--json']
        const [program = '', ...rest] = [...before, ...words]
        const { stdout } = await execa(program, rest, { cwd: directory, env: made.env })
        return JSON.parse(stdout) as BuildReport
      }
      try {
        for (let mood = 0; mood < 30; mood++) {
          const project = await makeLocked(made.env, { env: { MOOD: `build ${mood}` } })
          built.push(project)
          expect(await build(project)).toMatchObject({ verdict: 'recorded' })
        }
        const [first] = built as [OwnProject]
        const { frees } = await prune(first, '--yes', '--days', '0')
        expect(frees).toBeGreaterThan(10e6)
        expect(await images()).toEqual([`stillroom/${first.name}`])
        for (const name of ['contexts', 'derived']) expect(await readdir(join(scratch, name))).toEqual([])
        expect((await prune(first, '--dry-run', '--days', '0')).frees).toBeLessThan(1e6)
        for (const project of built)
          expect(await build(project, 'unshare', '--net')).toMatchObject({ verdict: 'identical' })
      } finally {
        for (const project of built) await project[Symbol.asyncDispose]()
      }
      const [before] = projects as [OwnProject]
      await prune(before, '--yes', '--days', '0')
      const again = await stillroom(before.directory, ['build', 'recipe', before.name], { env: made.env })
      expect(again.exitCode, again.stderr).toBe(0)
    },
  )

  test.runIf(NIGHTLY)(
    'layers that an engine has lost go when it is stopped, and nothing else does',
    async () => {
      const [project] = projects as [OwnProject]
      const { engine, env } = made
      const layers = join(engine.directory, 'data/overlay2')
      const lost = join(layers, '0123456789abcdefghijklmno')
      await mkdir(join(lost, 'diff'), { recursive: true })
      await writeFile(join(lost, 'diff/big'), Buffer.alloc(5e6))
      const running = await prune(project, '--yes')
      expect(running.items).toContainEqual(
        expect.objectContaining({ kind: 'lost layers', keptFor: expect.stringContaining('engine down') }),
      )
      await stillroom('/', ['engine', 'down'], { env })
      const before = await readdir(layers)
      const stopped = await prune(project, '--yes')
      const found = stopped.items.find(({ kind }) => kind === 'lost layers')
      expect(found).toMatchObject({ keptFor: null })
      expect(found?.bytes).toBeGreaterThan(5e6)
      expect(await readdir(layers)).not.toContain('0123456789abcdefghijklmno')
      console.log(`${before.length - (await readdir(layers)).length} of ${before.length} layers were lost`)
      await stillroom('/', ['engine', 'up'], { env })
      // what the engine still has is whole
      const words = ['run', 'recipe', project.name, 'say']
      expect((await stillroom(project.directory, words, { env })).stderr).toContain('RECIPE_TASK_UNKNOWN')
      const shell = await execa(process.execPath, [commandLine(), 'shell', 'recipe', project.name], {
        cwd: project.directory,
        env,
        input: 'python3 --version\n',
      })
      expect(shell.stdout).toContain('Python 3')
      const built = await stillroomJson<BuildReport>(
        project.directory,
        ['build', 'recipe', project.name, '--no-cache'],
        { env },
      )
      expect(built.verdict).toBe('identical')
    },
  )

  test('--all --keep leaves that recipe alone', async () => {
    const [first] = projects as [OwnProject]
    const { items } = await prune(first, '--yes', '--all', '--keep', first.name)
    expect(items.find(({ what }) => what === 'artifacts')).toMatchObject({
      keptFor: `needed by ${first.name}`,
    })
    expect(await images()).toEqual([`stillroom/${first.name}`])
    await prune(first, '--yes', '--all')
    expect(await images()).toEqual([])
    const usage = await stillroomJson<{ entries: number }>(first.directory, ['store', 'du'], {
      env: made.env,
    })
    expect(usage.entries).toBe(0)
  })
})

/** What is written is on a small disk; the engine of the user is not concerned. */
describe.skipIf(engines !== true)('a full disk', () => {
  let disk: string
  let made: Awaited<ReturnType<typeof makeCache>>
  let file: string

  beforeAll(async () => {
    disk = await mkdtemp(join(USERS, 'full-'))
    file = `${disk}.tar`
    const root = join(import.meta.dirname, '..')
    const exported = await stillroom(root, ['store', 'export', 'recipe', 'hello', file])
    expect(exported.exitCode, exported.stderr).toBe(0)
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=700m,mode=755', 'stillroom-test', disk])
    made = await makeCache(disk)
    const imported = await stillroom(root, ['store', 'import', file], { env: made.env })
    expect(imported.exitCode, imported.stderr).toBe(0)
    const up = await stillroom(root, ['engine', 'up'], { env: made.env })
    expect(up.exitCode, up.stderr).toBe(0)
  })

  afterAll(async () => {
    if (!made) return
    await stillroom('/', ['engine', 'down'], { env: made.env })
    await execa('umount', ['--lazy', disk], { reject: false })
    await rm(disk, { recursive: true, force: true })
    for (const path of [file, `${file}.sha256`]) await rm(path, { force: true })
  })

  /** Leaves so many megabytes. */
  const fill = async (left: number) => {
    const ballast = join(disk, 'ballast')
    await rm(ballast, { force: true })
    const { stdout } = await execa('df', ['--output=avail', '--block-size=1M', disk])
    const free = Number(stdout.split('\n')[1])
    if (free > left) await execa('fallocate', ['--length', `${free - left}M`, ballast])
  }

  const build = async (fields: Parameters<typeof makeHelloLike>[0]) => {
    await using project = await makeLocked(made.env, fields)
    return await stillroom(project.directory, ['build', 'recipe', project.name, '--json'], { env: made.env })
  }
  const fullDisk = { exitCode: 3, stdout: expect.stringContaining('"code": "DISK_FULL"') }

  test('a build says before it begins what it needs', async () => {
    await fill(20)
    const refused = await build({})
    expect(refused).toMatchObject(fullDisk)
    expect(refused.stdout).toMatch(
      /the build needs .* of the disk of the .*Docker Engine.*which has \d+ MB free/,
    )
  })

  test.each([
    ['cache', 45],
    ['cache or the base', 120],
    ['base', 200],
  ])('one that ends in the middle of %s is told as that, %i MB free', async (_, megabytes) => {
    await fill(megabytes)
    const ended = await build({})
    expect(ended).toMatchObject(fullDisk)
    console.log(JSON.parse(ended.stdout).error.message)
  })

  test('a step that fills the disk is told as that', async () => {
    await fill(10_000)
    const steps = [
      { kind: 'run' as const, command: ['dd', 'if=/dev/zero', 'of=/big', 'bs=1M', 'count=2000'] },
    ]
    const ended = await build({ steps })
    expect(ended).toMatchObject(fullDisk)
    console.log(JSON.parse(ended.stdout).error.message)
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { connectEngine } from '../src/engine/connect.ts'
import { basePackages } from '../src/lock/base-packages.ts'
import { parseLock } from '../src/lock/parse-lock.ts'
import type { DebianPackage, LockedPlatform } from '../src/lock/schema.ts'
import type { Recipe } from '../src/recipe/schema.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { defaultCacheDirectory } from '../src/store/cache-directory.ts'
import { openStore } from '../src/store/store.ts'
import { runChecks } from '../src/workflows/build/run-checks.ts'
import { loadRecipe } from '../src/workflows/project/load-recipe.ts'
import { canHaveEngines, startEngine } from './support/engine.ts'
import { ownName } from './support/own-name.ts'
import { copyProject } from './support/project.ts'
import { commandLine, stillroom, stillroomJson } from './support/stillroom.ts'
import { tamperedImage } from './support/tampered-image.ts'

const engines = await canHaveEngines()
if (engines !== true) console.warn(`skipped: tests that need root and engines of their own, since ${engines}`)

interface Failed {
  error: { code: string; message: string; hint?: string; details?: unknown }
}

const HELLO = join(import.meta.dirname, '../generated/hello/artifacts.tsv')

/** The machine's own store is warm after this, and holds the image. */
beforeAll(async () => {
  await execa(process.execPath, [commandLine(), 'build', 'recipe', 'hello'], {
    cwd: join(import.meta.dirname, '..'),
  })
})

/** A directory for caches and other files, gone when the test ends. */
async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-trouble-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A store with all that hello needs, but for one artifact. */
async function storeWithout(cache: string, missing: string): Promise<void> {
  const warm = await openStore(join(defaultCacheDirectory(process.env), 'store'))
  const store = await openStore(join(cache, 'store'))
  const digests = new Set((await readFile(HELLO, 'utf8')).match(/^[0-9a-f]{64}/gm))
  for (const digest of digests) if (digest !== missing) await store.put(await readFile(warm.path(digest)))
}

async function lockedPackage(name: string): Promise<DebianPackage> {
  const path = join(import.meta.dirname, '../recipes/hello/lock.json')
  const locked = parseLock(await readFile(path, 'utf8'), path).platforms['linux/amd64']
  const entry = locked && basePackages(locked.base).find((each) => each.name === name)
  if (!entry) throw new Error(`hello has no ${name}`)
  return entry
}

/** A mirror on loopback that answers every path with the same bytes. */
async function mirror(answer: Uint8Array | undefined): Promise<string> {
  const server = createServer((_, response) => {
    response.statusCode = answer ? 200 : 404
    response.end(answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`
}

describe('an artifact', () => {
  const build = ['build', 'recipe', 'hello', '--no-cache']

  test.for([
    [
      'with wrong bytes',
      (good: Buffer) => Buffer.from(good.map((byte, i) => (i === 5000 ? byte ^ 1 : byte))),
      'ARTIFACT_MISMATCH',
    ],
    ['cut short', (good: Buffer) => good.subarray(0, 1000), 'ARTIFACT_MISMATCH'],
    [
      'replaced by a page',
      () => Buffer.from('<!DOCTYPE html><html>log in first</html>'),
      'ARTIFACT_MISMATCH',
    ],
    ['that is gone', () => undefined, 'ARTIFACT_GONE'],
  ] as const)('%s is named with file, expected and got, and nothing is built', async ([, corrupt, code]) => {
    const directory = await copyProject('hello')
    const cache = await scratch()
    const { name, version, sha256, size } = await lockedPackage('hostname')
    await storeWithout(cache, sha256)
    const warm = await openStore(join(defaultCacheDirectory(process.env), 'store'))
    const url = await mirror(corrupt(await readFile(warm.path(sha256))))
    const env = { STILLROOM_CACHE: cache, STILLROOM_DEBIAN: url, STILLROOM_DEBIAN_SECURITY: url }
    const { exitCode, stdout } = await stillroom(directory, [...build, '--json'], { env })
    const { error } = JSON.parse(stdout) as Failed
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 3, code })
    for (const part of [name, version, sha256, String(size)]) expect(error.message).toContain(part)
    expect(await readdir(cache)).not.toContain('contexts')
  })

  test('that was damaged in the store is fetched again', async () => {
    const directory = await copyProject('hello')
    const cache = await scratch()
    const { sha256 } = await lockedPackage('hostname')
    await storeWithout(cache, sha256)
    const warm = await openStore(join(defaultCacheDirectory(process.env), 'store'))
    const good = await readFile(warm.path(sha256))
    const store = await openStore(join(cache, 'store'))
    await mkdir(join(store.path(sha256), '..'), { recursive: true })
    await execa('cp', [warm.path(sha256), store.path(sha256)])
    await execa('chmod', ['u+w', store.path(sha256)])
    await execa('truncate', ['--size=-1', store.path(sha256)])
    const url = await mirror(good)
    const env = { STILLROOM_CACHE: cache, STILLROOM_DEBIAN: url, STILLROOM_DEBIAN_SECURITY: url }
    const built = await stillroomJson<BuildReport>(directory, build, { env })
    expect(built.verdict).toBe('identical')
    expect(await readFile(store.path(sha256))).toEqual(good)

    // and what was made of it, found while the builder works
    const derived = join(cache, 'derived')
    const [made] = (await readdir(derived)).filter(
      (name) => /^deb-.*[0-9a-f]$/.test(name) && name.includes(sha256),
    )
    for (const path of [store.path(sha256), join(derived, `${made}`)]) {
      const { size } = await stat(path)
      await chmod(path, 0o644)
      await writeFile(path, Buffer.alloc(size, 'damaged'))
    }
    const again = await stillroom(directory, [...build, '--json'], { env })
    expect(again.stderr).toMatch(/the store's copy of hostname \S+ \S+ was damaged: fetched again/)
    expect((JSON.parse(again.stdout) as BuildReport).verdict).toBe('identical')
    expect(await readFile(store.path(sha256))).toEqual(good)
  })
})

describe('the engine', () => {
  test('that does not answer', async () => {
    const directory = await copyProject('hello')
    const env = { DOCKER_HOST: `unix://${await scratch()}/none.sock` }
    const { exitCode, stdout } = await stillroom(directory, ['build', 'recipe', 'hello', '--json'], { env })
    expect({ exitCode, ...(JSON.parse(stdout) as Failed).error }).toMatchObject({
      exitCode: 3,
      code: 'ENGINE_MISSING',
      message: expect.stringContaining('none.sock'),
      hint: expect.stringContaining('doctor'),
    })
  })

  test('that is too old says what it lacks', async () => {
    const directory = await copyProject('hello')
    // what the docker.io of Debian 12 answered, without what tells of the machine it ran on
    const recorded = join(import.meta.dirname, 'recorded/docker-20.10.24.json')
    const answers = JSON.parse(await readFile(recorded, 'utf8')) as Record<string, object>
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answers[request.url?.replace(/^\/v[\d.]+/, '') ?? ''] ?? {}))
    })
    const socket = join(await scratch(), 'docker.sock')
    server.listen(socket)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { exitCode, stdout } = await stillroom(directory, ['build', 'recipe', 'hello', '--json'], {
      env: { DOCKER_HOST: `unix://${socket}` },
    })
    expect({ exitCode, ...(JSON.parse(stdout) as Failed).error }).toMatchObject({
      exitCode: 3,
      code: 'ENGINE_TOO_OLD',
      message: expect.stringMatching(/20\.10\.24.*23\.0\.0/),
    })
  })

  test.skipIf(engines !== true)('that dies while it builds', async () => {
    const directory = await copyProject('hello')
    const engine = await startEngine(ownName('test-dying'), 'overlay2')
    try {
      const words = [commandLine(), 'build', 'recipe', 'hello', '--no-cache', '--json']
      const child = execa(process.execPath, words, { cwd: directory, env: engine.env, reject: false })
      await new Promise<void>((resolve) => {
        child.stderr.on('data', (chunk) => String(chunk).includes('bootstrap.sh') && resolve())
        child.once('exit', () => resolve())
      })
      await engine.kill()
      const { exitCode, stdout } = await child
      expect({ exitCode, ...(JSON.parse(stdout) as Failed).error }).toMatchObject({
        exitCode: 3,
        code: 'ENGINE_LOST',
      })
      expect(await readFile(join(directory, 'recipes/hello/lock.json'), 'utf8')).toContain('"id": "sha256:')
    } finally {
      await engine.purge()
    }
  })
})

test.skipIf(engines !== true)('a private engine seals runc once', async () => {
  const engine = await startEngine(ownName('test-sealed'), 'overlay2')
  try {
    const first = await engine.pid()
    expect(await readlink(`/proc/${first}/root/run/bin/runc`)).toBe('/proc/1/fd/9')
    expect(await readlink(`/proc/${first}/fd/9`)).toBe('/memfd:runc (deleted)')
    const [daemon] = (await readFile(`/proc/${first}/task/${first}/children`, 'utf8')).split(' ')
    expect(await readFile(`/proc/${daemon}/comm`, 'utf8')).toBe('dockerd\n')
    const open = await execa('find', [`/proc/${daemon}/fd`, '-lname', '/memfd:*'])
    expect(open.stdout, 'what a container could inherit').toBe('')
  } finally {
    await engine.purge()
  }
})

/** The checks of hello, in an image of it that a script has changed, as of a recipe with other steps besides. */
async function checksOf(script: string, more: Recipe['steps'] = []) {
  const image = await tamperedImage({ script })
  const root = join(import.meta.dirname, '..')
  const { recipe } = await loadRecipe(root, 'hello')
  const text = await readFile(join(root, 'recipes/hello/lock.json'), 'utf8')
  const locked = parseLock(text, 'lock.json').platforms['linux/amd64'] as LockedPlatform
  const { signal } = new AbortController()
  const changed = { ...recipe, steps: [...recipe.steps, ...more] }
  return (await runChecks(await connectEngine(), image, changed, locked, signal, () => {})).checks
}

test('a package manager that does not answer in the image is told with what it said', async () => {
  const [packages, ...others] = await checksOf(
    "printf '#!/bin/sh\\necho dpkg is out of order >&2\\nexit 3\\n' > /usr/bin/dpkg-query",
  )
  expect(packages).toEqual({
    name: 'packages',
    passed: false,
    output: 'dpkg-query: exit code 3\ndpkg is out of order',
  })
  expect(others.every(({ passed }) => passed)).toBe(true)
})

test('a package that is not in the lock fails its check, unless the recipe has a step that may install it', async () => {
  const script = `mkdir -p /tmp/own/DEBIAN
printf '%s\n' 'Package: own' 'Version: 1' 'Architecture: all' 'Maintainer: Me <me@example.org>' 'Description: own' > /tmp/own/DEBIAN/control
dpkg-deb --build /tmp/own /tmp/own.deb
dpkg --install /tmp/own.deb`
  const extra = 'not in the lock: own 1 all ii'
  const [alone] = await checksOf(script)
  expect(alone).toEqual({ name: 'packages', passed: false, output: extra })
  const [told] = await checksOf(script, [{ kind: 'run', command: 'true' }])
  expect(told).toEqual({ name: 'packages', passed: true, output: `as locked\n${extra}: by a run step` })
})

describe('the disk', () => {
  test.skipIf(engines !== true)('that is full', async () => {
    const directory = await copyProject('hello')
    const cache = await scratch()
    const command = 'mount -t tmpfs -o size=8m,mode=755 none "$1" && shift && exec "$@"'
    const words = [process.execPath, commandLine(), 'build', 'recipe', 'hello', '--no-cache', '--json']
    const { exitCode, stdout } = await execa(
      'unshare',
      ['--mount', 'sh', '-c', command, 'sh', cache, ...words],
      {
        cwd: directory,
        reject: false,
        env: { STILLROOM_CACHE: cache },
      },
    )
    expect({ exitCode, ...(JSON.parse(stdout) as Failed).error }).toMatchObject({
      exitCode: 3,
      code: 'DISK_FULL',
      message: expect.stringContaining(cache),
    })
  })

  test.skipIf(engines !== true)('that is read-only, where the project lies', async () => {
    const directory = await copyProject('hello')
    await rm(join(directory, 'generated/hello/Dockerfile'))
    const command = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    const words = [process.execPath, commandLine(), 'generate', 'recipe', 'hello', '--json', '-C', directory]
    const { exitCode, stdout } = await execa(
      'unshare',
      ['--mount', 'sh', '-c', command, 'sh', directory, ...words],
      { reject: false },
    )
    expect({ exitCode, ...(JSON.parse(stdout) as Failed).error }).toMatchObject({
      exitCode: 3,
      code: 'NOT_WRITABLE',
      message: expect.stringContaining('generated/hello'),
    })
  })
})

describe('Ctrl-C', () => {
  test.for([
    ['while building', ['build', 'recipe', 'hello', '--no-cache'], 'bootstrap.sh'],
    ['while checking', ['build', 'recipe', 'hello', '--no-cache'], '- check'],
    [
      'while resolving in a container',
      ['lock', 'recipe', 'hello', '--upgrade'],
      '- resolving apt-1 in a container',
    ],
  ] as const)(
    '%s leaves no container, no temporary file, and the lock as it was',
    async ([, args, moment]) => {
      const directory = await copyProject('hello')
      const before = await readFile(join(directory, 'recipes/hello/lock.json'), 'utf8')
      const temporary = await scratch()
      const contexts = join(defaultCacheDirectory(process.env), 'contexts')
      const contextsBefore = await readdir(contexts)
      const child = spawn(process.execPath, [commandLine(), ...args], {
        cwd: directory,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, TMPDIR: temporary },
      })
      let said = ''
      let sent = false
      for await (const chunk of child.stderr) {
        said += chunk
        if (!sent && said.includes(moment)) {
          sent = true
          child.kill('SIGINT')
        }
      }
      if (child.exitCode === null) await once(child, 'exit')
      expect(said).toContain('code: INTERRUPTED')
      expect(child.exitCode).toBe(3)
      const label = `label=stillroom.temporary=${child.pid}`
      expect((await execa('docker', ['ps', '--all', '--quiet', '--filter', label])).stdout).toBe('')
      expect(await readFile(join(directory, 'recipes/hello/lock.json'), 'utf8')).toBe(before)
      expect((await readdir(directory, { recursive: true })).filter((path) => path.endsWith('.tmp'))).toEqual(
        [],
      )
      const unfinished = (await readdir(contexts)).filter((path) => path.endsWith('.tmp'))
      expect(unfinished.filter((path) => !contextsBefore.includes(path))).toEqual([])
      expect((await readdir(temporary)).filter((name) => name !== 'node-compile-cache')).toEqual([])
    },
  )
})

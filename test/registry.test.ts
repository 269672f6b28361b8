import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { TreeFile } from '../src/image/file-tree.ts'
import { readImageTree } from '../src/image/read-archive.ts'
import { Lockfile } from '../src/lock/schema.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { openStore } from '../src/store/store.ts'
import { readBaseTree } from '../src/workflows/lock/read-base-tree.ts'
import { ownName } from './support/own-name.ts'
import { makeProject, put } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { startAptArchive } from './world/apt-archive.ts'
import { makeBaseImage } from './world/base-image.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { makeDeb } from './world/make-deb.ts'
import { makeTar } from './world/make-tar.ts'
import { composeSchema1 } from './world/schema1-image.ts'
import { startWorld, type World } from './world/world.ts'

const NAME = ownName('registry-test')
const possible = await canHaveWorld()
if (possible !== true) console.warn(`skipped: bases from a registry, since ${possible}`)

let world: World
let cache: string
let env: Record<string, string>

beforeAll(async () => {
  if (possible !== true) return
  world = await startWorld()
  cache = await mkdtemp(join(tmpdir(), 'stillroom-cache-'))
  env = { ...world.env, STILLROOM_CACHE: '', XDG_CACHE_HOME: cache }
  const { image, remove } = await makeBaseImage({ key: world.apt.key })
  await world.registry.push(image, 'fenicsproject/stable', '2019.1.0').finally(remove)
  const old = await composeSchema1({
    name: 'fenicsproject/old',
    tag: '1.0',
    layers: [await makeTar({ 'etc/': { directory: true } })],
  })
  await world.registry.push(old, 'fenicsproject/old', '1.0')
})
afterAll(async () => {
  await world?.close()
  if (cache !== undefined) await rm(cache, { recursive: true, force: true })
})

const reference = (name: string) => `${world.front.registry.host}/${name}`

/** A project whose recipe `solver` stands on an image; it builds to a tag of its own. */
async function projectOn(image: string): Promise<string> {
  const directory = await makeProject()
  const recipe = `import { defineRecipe, image } from 'stillroom'
export default defineRecipe({
  base: image('${reference(image)}'),
  env: { EXTRA: 'yes' },
  checks: [
    { name: 'user', command: ['id', '-un'], expect: 'fenics' },
    { name: 'environment', command: ['sh', '-c', 'echo $FENICS_PYTHON $EXTRA'], expect: 'python3 yes' },
    { name: 'deleted', command: ['sh', '-c', '! test -e /home/hello && ls /usr/share/doc'], expect: 'README' },
  ],
})
`
  await put(directory, `recipes/${NAME}/recipe.ts`, recipe)
  onTestFinished(async () => {
    await execa('docker', ['image', 'rm', '--force', `stillroom/${NAME}`], { reject: false })
  })
  return directory
}

const readLock = async (directory: string) =>
  Lockfile.parse(JSON.parse(await readFile(join(directory, `recipes/${NAME}/lock.json`), 'utf8')))

describe.skipIf(possible !== true)('image(): a base from a registry', () => {
  test('has the files of the layers laid over each other, but for what every image leaves out', async () => {
    const directory = await projectOn('fenicsproject/stable:2019.1.0')
    const args = ['build', 'recipe', NAME]
    expect(await stillroom(directory, ['lock', 'recipe', NAME], { env })).toMatchObject({
      exitCode: 0,
    })
    const built = await stillroomJson<BuildReport>(directory, args, { env })
    expect(built.verdict).toBe('recorded')
    expect(built.checks.filter(({ passed }) => !passed)).toEqual([])
    expect(built.checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['user', 'environment', 'deleted']),
    )
    const locked = (await readLock(directory)).platforms['linux/amd64']
    if (locked?.base.kind !== 'image') throw new Error('not locked as an image')
    const store = await openStore(join(cache, 'stillroom/store'))
    const { signal } = new AbortController()
    const expected = await readBaseTree({ store, signal }, locked.base)

    const file = join(directory, 'image.tar')
    await execa('docker', ['save', '--output', file, `stillroom/${NAME}`])
    const { tree } = await readImageTree(createReadStream(file))
    const describeFiles = (files: Iterable<TreeFile>) =>
      new Map(
        [...files]
          .filter(({ path }) => !LEFT_OUT.test(path))
          .map(({ path, inode }) => [path, show(inode, locked.epoch)]),
      )
    const wanted = describeFiles(expected.files())
    const actual = describeFiles(tree.files())
    expect(wanted.size).toBeGreaterThan(3000)
    const different = [...new Set([...wanted.keys(), ...actual.keys()])].filter(
      (path) => wanted.get(path) !== actual.get(path),
    )
    expect(different.map((path) => `${path}: ${wanted.get(path)} / ${actual.get(path)}`)).toEqual([])
  })

  test('of Ubuntu has packages of its own archive, from the mirror that STILLROOM_UBUNTU names', async () => {
    const script = { content: '#!/bin/sh\necho widget of Ubuntu\n', mode: 0o755 }
    const widget = await makeDeb({
      name: 'widget',
      version: '1.0-0ubuntu1',
      files: { '/usr/bin/widget': script },
    })
    const suites = { 'ubuntu jammy': [widget], 'ubuntu jammy-security': [] }
    const archive = await startAptArchive([{ date: new Date('2024-05-01T12:00:00Z'), suites }])
    onTestFinished(() => archive.close())
    const { image, remove } = await makeBaseImage({
      key: archive.key,
      sources:
        'deb http://archive.invalid/ubuntu jammy main\ndeb http://security.invalid/ubuntu jammy-security main\n',
      files: {
        'usr/lib/os-release': 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\n',
      },
    })
    await world.registry.push(image, 'team/ubuntu', '22.04').finally(remove)
    const directory = await projectOn('team/ubuntu:22.04')
    await put(
      directory,
      `recipes/${NAME}/recipe.ts`,
      `import { apt, defineRecipe, image } from 'stillroom'
export default defineRecipe({
  base: image('${reference('team/ubuntu:22.04')}'),
  steps: [apt(['widget'])],
  checks: [{ name: 'widget', command: ['widget'], expect: 'widget of Ubuntu' }],
})
`,
    )
    const own = { env: { ...env, STILLROOM_UBUNTU: `${archive.url}/ubuntu` } }
    const lock = await stillroom(directory, ['lock', 'recipe', NAME], own)
    expect(lock.exitCode, lock.stderr).toBe(0)
    const locked = (await readLock(directory)).platforms['linux/amd64']
    expect(locked?.base.indexes.map((index) => [index.archive, index.suite, index.component])).toEqual([
      ['ubuntu', 'jammy', 'main'],
      ['ubuntu', 'jammy-security', 'main'],
    ])
    expect(locked?.steps).toMatchObject([
      { packages: [{ name: 'widget', version: '1.0-0ubuntu1', archive: 'ubuntu' }] },
    ])
    const built = await stillroomJson<BuildReport>(directory, ['build', 'recipe', NAME], own)
    expect(built).toMatchObject({ verdict: 'recorded', audit: { verdict: 'clean', findings: [] } })
    expect(built.checks.filter(({ passed }) => !passed)).toEqual([])
  })

  test('refuses manifest v2 schema 1, and says what to do', async () => {
    const directory = await projectOn('fenicsproject/old:1.0')
    const { exitCode, stderr } = await stillroom(directory, ['lock', 'recipe', NAME], { env })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('schema 1')
    expect(stderr).toContain('docker save')
  })

  test('refuses a base without the programs that steps need, and one that is not there', async () => {
    const tiny = await stillroom(await projectOn('team/tiny:1.0'), ['lock', 'recipe', NAME], {
      env,
    })
    expect(tiny.exitCode).toBe(2)
    expect(tiny.stderr).toContain('it has no sh, tar')
    const gone = await stillroom(await projectOn('team/gone:1.0'), ['lock', 'recipe', NAME], {
      env,
    })
    expect(gone.exitCode).toBe(2)
    expect(gone.stderr).toContain('no image "1.0" in "team/gone"')
  })

  test('says how to log in where the login is refused, without showing it', async () => {
    const directory = await projectOn('fenicsproject/stable:2019.1.0')
    const config = join(directory, 'docker')
    await mkdir(config)
    const auth = Buffer.from('someone:wrong-password').toString('base64')
    await writeFile(
      join(config, 'config.json'),
      JSON.stringify({ auths: { [world.front.registry.host]: { auth } } }),
    )
    const other = { ...env, DOCKER_CONFIG: config }
    const { exitCode, stderr } = await stillroom(directory, ['lock', 'recipe', NAME], {
      env: other,
    })
    expect(exitCode).toBe(3)
    expect(stderr).toContain(`docker login ${world.front.registry.host}`)
    for (const secret of ['wrong-password', auth]) expect(stderr).not.toContain(secret)
  })
})

/** What scrub of layer.sh removes or rewrites, and the mount points of a build. */
const LEFT_OUT =
  /^(var\/lib\/apt\/lists|var\/cache|var\/log|tmp|var\/tmp|run|root\/\.cache|proc|sys|dev)(\/|$)|^etc\/(shadow|machine-id|hostname|hosts|resolv\.conf|\.pwd\.lock|(passwd|group|shadow|gshadow)-)$/

function show(inode: TreeFile['inode'], epoch: number): string {
  const { type, mode, uid, gid, size, target, sha256, xattrs } = inode
  const attributes = createHash('sha256')
    .update(JSON.stringify([...xattrs].sort()))
    .digest('hex')
    .slice(0, 8)
  // a directory's own time is that of the last change in it, which deletions are, too
  const time = type === 'directory' ? '' : Math.min(inode.mtime, epoch)
  return [type, mode.toString(8), uid, gid, size, target, sha256, attributes, time].join(' ')
}

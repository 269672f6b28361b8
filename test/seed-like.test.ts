import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LockedPlatform, Lockfile } from '../src/lock/schema.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { openStore, type Store } from '../src/store/store.ts'
import { sha256 } from '../src/store/testing/make-artifact.ts'
import type { ExportResult } from '../src/workflows/store/export-recipe.ts'
import type { ImportResult } from '../src/workflows/store/import-archive.ts'
import { canHaveEngines } from './support/engine.ts'
import { findSecrets, imagePlaces, type Places } from './support/find-secrets.ts'
import { fillProject, put } from './support/project.ts'
import { type CommandRecord, recordCommands } from './support/record-commands.ts'
import { commandLine, type Outcome, stillroom } from './support/stillroom.ts'
import { makeBaseImage } from './world/base-image.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { CERTIFICATES } from './world/client-settings.ts'
import { EXPERIMENT, LEARNING, MESH, replacedWheel, tinyImage } from './world/contents.ts'
import { notFound } from './world/faults.ts'
import { secretForms } from './world/login.ts'
import { type Mirrors, startMirrors } from './world/mirrors.ts'
import { startWorld, type World } from './world/world.ts'

/*
 * One recipe with the shape of what stillroom was made for: a base from a registry with a user and an entrypoint, apt,
 * pip, a package that only works editable from git, a private repository. The tests go on where the one before ended.
 */

const possible = await canHaveWorld()
if (possible !== true) console.warn(`skipped: the recipe with every source, since ${possible}`)
const namespaces = await canHaveEngines()
if (namespaces !== true) console.warn(`skipped: its rebuild with the network cut, since ${namespaces}`)

const NAME = 'seed-like'
const LEAKY = 'leaky'
const BASE = { repository: 'fenicsproject/stable', tag: '2019.1.0' }
const LOCK = `recipes/${NAME}/lock.json`

let world: World
let mirrors: Mirrors
let commands: CommandRecord
let root: string
let project: string
let env: Record<string, string>
let baseId: string | undefined
let imageId: string
let locked: LockedPlatform
/** All that any run printed, by file. */
let said: string

beforeAll(async () => {
  if (possible !== true) return
  world = await startWorld()
  root = await mkdtemp(join(tmpdir(), 'stillroom-seed-like-'))
  said = join(root, 'said')
  project = join(root, 'project')
  await mkdir(said)
  await mkdir(project)
  const { image, remove } = await makeBaseImage({ key: world.apt.key })
  baseId = image.imageId
  await world.registry.push(image, BASE.repository, BASE.tag)
  mirrors = await startMirrors(world, { image, ...BASE }).finally(remove)
  commands = await recordCommands(join(root, 'commands'))
  // the one setting for all sources, in place of what each client has of its own
  const unset = Object.fromEntries([...CERTIFICATES, 'STILLROOM_CACHE'].map((name) => [name, '']))
  env = { ...world.env, ...unset, ...commands.env, XDG_CACHE_HOME: join(root, 'cache') }
  await fillProject(project, {
    'stillroom.config.ts': `export default { sources: { ca: '${world.authority.caFile}' } }\n`,
    [`recipes/${NAME}/recipe.ts`]: recipe(),
  })
})
afterAll(async () => {
  await commands?.end()
  await mirrors?.close()
  await world?.close()
  const tags = [NAME, LEAKY].map((name) => `stillroom/${name}`)
  if (possible === true) await execa('docker', ['image', 'rm', '--force', ...tags], { reject: false })
  if (root !== undefined) await rm(root, { recursive: true, force: true })
})

const base = () => `image('${world.front.registry.host}/${BASE.repository}:${BASE.tag}')`
const repository = (name: string) => `${world.front.git.url}/${name}.git`
const meshUrl = () => `${world.front.files.url}/data/mesh.txt`

const recipe = () => `import { apt, defineRecipe, file, git, image, pip, run } from 'stillroom'
export default defineRecipe({
  base: ${base()},
  workdir: '/home/fenics/experiment',
  env: { EXTRA: 'yes' },
  steps: [
    apt(['widget']),
    git('${repository(LEARNING)}', { ref: '0.4.2', to: '/opt/learning', submodules: true, lfs: true }),
    pip([], { local: [{ path: '/opt/learning', editable: true }] }),
    git('${repository(EXPERIMENT)}', { ref: 'main', to: '/home/fenics/experiment' }),
    file('${meshUrl()}', { to: '/home/fenics/mesh.txt' }),
    run('widget > /etc/widget'),
  ],
  checks: [
    { name: 'user', command: ['id', '-un'], expect: 'fenics' },
    { name: 'environment', command: ['sh', '-c', 'echo $FENICS_PYTHON $EXTRA'], expect: 'python3 yes' },
    { name: 'experiment', command: ['python3', 'train.py'], expect: 'training with 0.4.2' },
    { name: 'editable', command: ['python3', '-c', 'import learning; print(learning.__file__)'], expect: '/opt/learning/learning' },
    { name: 'large file', command: ['grep', '-c', 'weights', '/opt/learning/weights.bin'], expect: '1000' },
    { name: 'submodule', command: ['cat', '/opt/learning/agents/agents.json'], expect: 'dqn' },
    { name: 'apt', command: ['cat', '/etc/widget'], expect: 'widget 1.0' },
    { name: 'download', command: ['wc', '-c', '/home/fenics/mesh.txt'], expect: '${MESH.length}' },
  ],
})
`

/** Runs stillroom, and keeps what it says for the search. */
async function run(args: string[], more: Record<string, string> = {}): Promise<Outcome> {
  const outcome = await stillroom(project, args, { env: { ...env, ...more } })
  return keep(outcome, args)
}

async function keep(outcome: Outcome, args: string[]): Promise<Outcome> {
  const kind = args.includes('--json') ? 'json' : 'text'
  const errors = outcome.exitCode === 0 ? [] : ['errors']
  for (const name of [kind, ...errors]) await appendFile(join(said, name), outcome.stdout)
  for (const name of ['progress', ...errors]) await appendFile(join(said, name), outcome.stderr)
  return outcome
}

async function runJson<T>(args: string[], more: Record<string, string> = {}): Promise<T> {
  const outcome = await run([...args, '--json'], more)
  expect(outcome.exitCode, `${outcome.stderr}\n${outcome.stdout}`).toBe(0)
  return JSON.parse(outcome.stdout) as T
}

async function readLock(): Promise<LockedPlatform> {
  const lock = Lockfile.parse(JSON.parse(await readFile(join(project, LOCK), 'utf8')))
  return lock.platforms['linux/amd64'] as LockedPlatform
}

const carried = () => join(root, 'carried.tar')
const storeOf = (cache: string): Promise<Store> => openStore(join(root, cache, 'stillroom/store'))

describe.skipIf(possible !== true)('a recipe with every source', () => {
  test('locks, builds, and is built again from nothing to the same image', async () => {
    const locking = await run(['lock', 'recipe', NAME])
    expect(locking, locking.stderr).toMatchObject({ exitCode: 0 })
    const first = await runJson<BuildReport>(['build', 'recipe', NAME])
    expect(first.audit).toMatchObject({ verdict: 'clean' })
    expect(first.checks.filter(({ passed }) => !passed)).toEqual([])
    expect(first.verdict).toBe('recorded')
    const again = await runJson<BuildReport>(['build', 'recipe', NAME, '--no-cache'])
    expect(again).toMatchObject({ verdict: 'identical', unchanged: false, image: { id: first.image.id } })
    imageId = first.image.id

    locked = await readLock()
    if (locked.base.kind !== 'image') throw new Error('not locked as an image')
    expect(locked.base.config).toBe(baseId)
    expect(locked.base.indexes.map(({ archive, suite }) => `${archive} ${suite}`)).toEqual([
      'debian bookworm',
      'debian-security bookworm-security',
    ])
    expect(locked.base.inventory).toContainEqual(
      expect.objectContaining({ kind: 'pypi', name: 'pip', version: '20.3.4' }),
    )
    expect(locked.base.account).toEqual({ uid: 1001, gid: 1001, home: '/home/fenics' })
    expect(locked.steps).toMatchObject([
      { kind: 'apt', packages: [{ name: 'gadget' }, { name: 'widget', version: '1.0' }] },
      {
        kind: 'git',
        commit: world.commits[LEARNING],
        submodules: [{ path: 'agents' }],
        lfs: [{ path: 'weights.bin' }],
      },
      {
        kind: 'pip',
        pip: '20.3.4',
        files: [{ name: 'tiny-numbers', version: '1.1' }],
        local: [{ name: 'learning', editable: true }],
      },
      { kind: 'git', commit: world.commits[EXPERIMENT] },
      { kind: 'file', size: MESH.length, sha256: sha256(MESH) },
      { kind: 'run' },
    ])
    const { stdout } = await execa('docker', ['image', 'inspect', `stillroom/${NAME}`])
    expect(JSON.parse(stdout)[0].Config).toMatchObject({
      User: 'fenics',
      WorkingDir: '/home/fenics/experiment',
      Entrypoint: ['/usr/local/bin/entrypoint', '--quiet', '--'],
      Cmd: ['/bin/bash', '-i'],
      ExposedPorts: { '8888/tcp': {} },
      Labels: { maintainer: 'test@example.org' },
    })
  })

  test.skipIf(namespaces !== true)(
    'exported and imported, it is built from an empty store with the network cut',
    async () => {
      const file = carried()
      const exported = await runJson<ExportResult>(['store', 'export', 'recipe', NAME, file])
      const cut = async <T>(...args: string[]) => {
        const words = ['--net', process.execPath, commandLine(), ...args, '--json']
        const { exitCode, stdout, stderr } = await execa('unshare', words, {
          cwd: project,
          env: { ...env, XDG_CACHE_HOME: join(root, 'other-cache') },
          reject: false,
        })
        await keep({ exitCode, stdout, stderr }, words)
        expect(exitCode, stderr).toBe(0)
        return JSON.parse(stdout) as T
      }
      const imported = await cut<ImportResult>('store', 'import', file, '--sha256', exported.sha256)
      expect(imported).toMatchObject({ image: imageId, artifacts: { added: exported.artifacts, present: 0 } })
      const built = await cut<BuildReport>('build', 'recipe', NAME, '--no-cache')
      expect(built).toMatchObject({ verdict: 'identical', unchanged: false, image: { id: imageId } })
    },
  )

  test('a login that is refused is said to be, for each source', async () => {
    await put(
      project,
      'recipes/private/recipe.ts',
      small(`git('${repository(EXPERIMENT)}', { ref: 'main', to: '/opt/private' })`),
    )
    await put(project, 'recipes/indexed/recipe.ts', small("pip(['tiny-numbers'])"))
    const pair = `${wrong.user}:${wrong.password}`
    const auth = Buffer.from(pair).toString('base64')
    await put(
      root,
      'docker/config.json',
      JSON.stringify({ auths: { [world.front.registry.host]: { auth } } }),
    )
    const cases: [recipe: string, settings: Record<string, string>, code: string][] = [
      [NAME, { DOCKER_CONFIG: join(root, 'docker') }, 'REGISTRY_LOGIN_REFUSED'],
      ['private', { STILLROOM_GIT_TOKENS: `${world.front.git.url}/=${pair}` }, 'GIT_LOGIN_REFUSED'],
      ['indexed', { PIP_INDEX_URL: `https://${pair}@${world.front.index.host}/simple/` }, 'FETCH_FAILED'],
    ]
    for (const [name, settings, code] of cases) {
      const { exitCode, stderr } = await run(['lock', 'recipe', name, '--upgrade'], settings)
      expect(stderr).toContain(`code: ${code}`)
      expect(exitCode, stderr).toBe(3)
    }
  })

  test('when the world has moved, it is built from the store, and from mirrors and the snapshot into an empty one', async () => {
    await moveAll()
    await execa('docker', ['image', 'rm', '--force', `stillroom/${NAME}`])
    const kept = await runJson<BuildReport>(['build', 'recipe', NAME], { STILLROOM_SNAPSHOT: 'none' })
    expect(kept).toMatchObject({ verdict: 'identical', unchanged: false, image: { id: imageId } })
    const elsewhere = { ...mirrors.env, XDG_CACHE_HOME: join(root, 'fresh-cache') }
    const fetched = await runJson<BuildReport>(['build', 'recipe', NAME, '--no-cache'], elsewhere)
    expect(fetched).toMatchObject({ verdict: 'identical', unchanged: false, image: { id: imageId } })
  })

  test('what is nowhere any more is named, with what was got instead and the likely cause', async () => {
    const before = await readFile(join(project, LOCK), 'utf8')
    // of a download there are no mirrors
    world.move.fileReplaced('/data/mesh.txt')
    await execa('docker', ['image', 'rm', '--force', `stillroom/${NAME}`])
    const store = await storeOf('fresh-cache')
    const cache = { XDG_CACHE_HOME: join(root, 'fresh-cache') }
    for (const { name, lost, code, says, settings } of lostCases()) {
      await store.discard(lost.sha256)
      const { exitCode, stderr } = await run(['build', 'recipe', NAME], { ...cache, ...settings })
      const told = `${name}: ${stderr}`
      expect(exitCode, told).toBe(3)
      const expected = `expected sha256 ${lost.sha256}, ${lost.size} bytes`
      for (const part of [expected, `code: ${code}`, 'hint: ', ...says]) expect(stderr, told).toContain(part)
      expect(await store.verify(lost), told).toBe(false)
      // for the next case it is there again
      const sound = await storeOf('cache')
      await store.put(await readFile(sound.path(lost.sha256)), lost)
    }
    expect(await readFile(join(project, LOCK), 'utf8')).toBe(before)
    const again = await runJson<BuildReport>(['build', 'recipe', NAME], {
      ...cache,
      STILLROOM_SNAPSHOT: 'none',
    })
    expect(again).toMatchObject({ verdict: 'identical', image: { id: imageId } })
  })
  test('leaves no password and no token anywhere', async () => {
    const record = await commands.end()
    // what must be in a record that holds everything
    for (const part of ['ls-remote', 'credential', 'buildx build', commandLine()])
      expect(record).toContain(part)
    const places = await placesOf(NAME, record, ['cache', 'other-cache', 'fresh-cache'])
    const found = await findSecrets(places, secrets(), join(root, 'patterns'))
    expect(found).toEqual({})
  })

  test('a token that is leaked on purpose is found in each place of that search', async () => {
    const token = `token-${randomBytes(12).toString('hex')}`
    const address = `${world.front.files.url}/${token}.txt`
    world.files.put(`/${token}.txt`, Buffer.from(token))
    await writeFile(join(said, 'text'), '')
    const leaks = await recordCommands(join(root, 'leaked-commands'))
    await put(
      project,
      `recipes/${LEAKY}/recipe.ts`,
      small(
        `run('echo ${token} > /opt/leak'), file('${address}', { to: '/opt/file' })`,
        `env: { LEAK: '${token}' }, checks: [{ name: 'told', command: ['sh', '-c', 'echo ${token}; false'] }],`,
      ),
    )
    await put(
      project,
      'recipes/told/recipe.ts',
      small(`git('${repository(token)}', { ref: 'main', to: '/opt/told' })`),
    )
    const own = { ...leaks.env, ...mirrors.env, XDG_CACHE_HOME: join(root, 'cache') }
    expect(await run(['lock', 'recipe', LEAKY], own)).toMatchObject({ exitCode: 0 })
    // its check fails, and says what is looked for
    expect(await run(['build', 'recipe', LEAKY], own)).toMatchObject({ exitCode: 1 })
    expect(await run(['lock', 'recipe', 'told', '--json'], own)).toMatchObject({ exitCode: 3 })
    expect(await run(['lock', 'recipe', 'told'], own)).toMatchObject({ exitCode: 3 })

    const places = await placesOf(LEAKY, await leaks.end(), ['cache'])
    const search = (text: string) => findSecrets(places, [text], join(root, 'patterns'))
    expect(Object.keys(await search(token)).sort()).toEqual(Object.keys(places).sort())
    expect(await search(`token-${randomBytes(12).toString('hex')}`)).toEqual({})
  })
})

/** Logins, as they may be encoded, and the tokens that the registry's clients got for them. */
function secrets(): string[] {
  const tokens = world.front.registry.seen.flatMap(
    ({ headers }) => headers.authorization?.split(' ')[1] ?? [],
  )
  expect(tokens).not.toEqual([])
  return [...new Set([...world.secrets, ...mirrors.secrets, ...secretForms(wrong), ...tokens])]
}

/** Everything that a run leaves behind or shows. */
async function placesOf(name: string, record: string, caches: string[]): Promise<Places> {
  const directory = join(root, `places-${name}`)
  await mkdir(directory)
  await writeFile(join(directory, 'commands'), record)
  return {
    ...(await imagePlaces(`stillroom/${name}`, directory)),
    lockfile: [join(project, `recipes/${name}/lock.json`)],
    generated: [join(project, `generated/${name}`)],
    store: [...caches.map((cache) => join(root, cache)), ...(existsSync(carried()) ? [carried()] : [])],
    ...Object.fromEntries(['progress', 'text', 'json', 'errors'].map((kind) => [kind, [join(said, kind)]])),
    'command lines': [join(directory, 'commands')],
  }
}

const wrong = { user: 'somebody', password: `wrong-${randomBytes(12).toString('hex')}` }

/** On the same base, whatever its tag is now. */
function small(steps: string, more = ''): string {
  const { base } = locked
  const digest = base.kind === 'image' ? base.manifest : ''
  return `import { defineRecipe, file, git, image, pip, run } from 'stillroom'
export default defineRecipe({ base: image('${world.front.registry.host}/${BASE.repository}@${digest}'), ${more} steps: [${steps}] })
`
}

async function moveAll(): Promise<void> {
  await world.move.tagPushedAgain(await tinyImage('2.0'), BASE.repository, BASE.tag)
  world.move.packageUpdated()
  world.move.wheelReplaced()
  await world.move.branchForcePushed()
  await world.move.repositoryGone(EXPERIMENT)
}

interface LostCase {
  name: string
  lost: { sha256: string; size: number }
  code: string
  says: string[]
  settings?: Record<string, string>
}

/** After all has moved: each kind of artifact, and what is said when only the moved place is asked for it. */
function lostCases(): LostCase[] {
  const [apt, learning, pip, experiment, file] = locked.steps
  const { base } = locked
  if (base.kind !== 'image' || apt?.kind !== 'apt' || pip?.kind !== 'pip' || file?.kind !== 'file')
    throw new Error('locked otherwise')
  if (learning?.kind !== 'git' || experiment?.kind !== 'git') throw new Error('locked otherwise')
  const widget = apt.packages.find(({ name }) => name === 'widget')
  const [wheel] = pip.files
  const [layer] = base.layers
  if (!widget || !wheel || !layer) throw new Error('locked otherwise')
  const { front } = world
  front.registry.on(/\/blobs\//, notFound)
  const git = ({ url, commit }: typeof learning) => `could not get ${url} ${commit}: file "tree.tar"`
  return [
    {
      name: 'a tag pushed again, the old layers deleted',
      lost: { sha256: layer.digest.replace('sha256:', ''), size: layer.size },
      code: 'ARTIFACT_GONE',
      says: [
        base.reference,
        `registry ${front.registry.url}/v2/`,
        'HTTP 404; likely deleted from the registry',
      ],
    },
    {
      name: 'a package updated, the old version dropped',
      lost: widget,
      code: 'ARTIFACT_GONE',
      says: [
        'widget 1.0 all: file "widget_1.0_all.deb"',
        `live mirror ${front.apt.url}/debian/`,
        'HTTP 404; likely dropped for a newer version',
      ],
      settings: { STILLROOM_SNAPSHOT: 'none' },
    },
    {
      name: 'a wheel replaced',
      lost: wheel,
      code: 'ARTIFACT_MISMATCH',
      says: [
        `tiny-numbers 1.1: file "${wheel.file}"`,
        `index ${front.index.url}/`,
        `states sha256 ${sha256(replacedWheel().bytes)}`,
        'likely replaced upstream',
      ],
    },
    {
      name: 'a branch force-pushed',
      lost: learning,
      code: 'GIT_COMMIT_GONE',
      says: [git(learning), `has no commit ${learning.commit}`, 'likely a force-push'],
    },
    {
      name: 'a repository gone',
      lost: experiment,
      code: 'GIT_REPOSITORY_GONE',
      says: [git(experiment), 'not found', 'likely moved, removed, or hidden from this login'],
    },
    {
      name: 'a download replaced',
      lost: file,
      code: 'ARTIFACT_MISMATCH',
      says: [
        'mesh.txt: file "mesh.txt"',
        `download ${meshUrl()}`,
        `got sha256 ${sha256(Buffer.from('replaced\n'))}, 9 bytes; likely cut short, or replaced upstream`,
      ],
    },
  ]
}

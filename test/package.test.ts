import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { canHaveEngines } from './support/engine.ts'

const ROOT = join(import.meta.dirname, '..')
/** What machines have: a Node that is old, one that is too old by little, and one that is new enough, each with its npm. */
const NODES = [
  { node: '16', npm: '8' },
  { node: '20', npm: '10' },
  { node: '24', npm: '11' },
]
const engines = await canHaveEngines()
if (engines !== true) console.warn(`skipped: builds by the package on a private engine, since ${engines}`)

let scratch: string

/** The machine's environment with another Node first, without what this run has found or npm has set. */
function surroundings(version: string): Record<string, string> {
  const own = Object.entries(process.env).filter(([key]) => !/^(npm_|DOCKER_|STILLROOM_ENGINE$)/i.test(key))
  const path = `${scratch}/node-${version}/node_modules/.bin:${process.env['PATH']}`
  return { ...(Object.fromEntries(own) as Record<string, string>), PATH: path, STILLROOM_ENGINE: 'private' }
}

/** Installs packages into a new directory, by npm as a user would. */
async function install(directory: string, packages: string[], env?: Record<string, string>): Promise<void> {
  await mkdir(directory)
  await writeFile(join(directory, 'package.json'), '{ "private": true }\n')
  const options = { cwd: directory, ...(env && { env, extendEnv: false }) }
  await execa('npm', ['install', '--no-audit', '--no-fund', ...packages], options)
}

/** Packs the files that a clone would have, where nothing is installed yet. */
async function packClone(): Promise<string> {
  const clone = join(scratch, 'clone')
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const { stdout } = await execa('git', words, { cwd: ROOT })
  for (const path of stdout.split('\0').filter(Boolean)) {
    await mkdir(join(clone, dirname(path)), { recursive: true })
    await cp(join(ROOT, path), join(clone, path), { verbatimSymlinks: true }).catch((error) => {
      // git still lists what was removed and not committed
      if (error.code !== 'ENOENT') throw error
    })
  }
  await execa('npm', ['pack', '--pack-destination', scratch], { cwd: clone })
  await rm(clone, { recursive: true })
  const tarball = (await readdir(scratch)).find((name) => name.endsWith('.tgz'))
  return join(scratch, String(tarball))
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stillroom-package-'))
  const [tarball] = await Promise.all([
    packClone(),
    ...NODES.map(({ node, npm }) => install(join(scratch, `node-${node}`), [`node@${node}`, `npm@${npm}`])),
  ])
  await Promise.all(
    NODES.map(({ node }) => install(join(scratch, `project-${node}`), [tarball], surroundings(node))),
  )
})

afterAll(() => rm(scratch, { recursive: true, force: true }))

describe.for(NODES)('the package, packed in a fresh clone, on a machine with Node $node', ({ node }) => {
  /** What the project's own stillroom prints, started as a user starts it. */
  async function stillroom(...args: string[]) {
    const options = { cwd: join(scratch, `project-${node}`), env: surroundings(node), extendEnv: false }
    return execa('npx', ['--no-install', 'stillroom', ...args], options)
  }

  test.skipIf(engines !== true)('sets up, locks, builds and audits hello', async () => {
    expect((await stillroom('init')).stdout).toContain('written    recipes/hello/recipe.ts')
    expect((await stillroom('lock', 'recipe', 'hello')).stdout).toContain('wrote recipes/hello/lock.json')
    const built = JSON.parse((await stillroom('build', 'recipe', 'hello', '--json')).stdout) as BuildReport
    expect(built).toMatchObject({ verdict: 'recorded', audit: { verdict: 'clean' } })
    expect(built.checks.map(({ passed }) => passed)).not.toContain(false)
    const again = JSON.parse((await stillroom('build', 'recipe', 'hello', '--json')).stdout) as BuildReport
    expect(again).toMatchObject({ verdict: 'identical', unchanged: true, image: { id: built.image.id } })
    const audit = JSON.parse((await stillroom('audit', 'recipe', 'hello', '--json')).stdout) as AuditReport
    expect(audit.verdict).toBe('clean')
  })

  test('runs by the Node that it brings where this one is too old, also without npm', async () => {
    const program = join(scratch, `project-${node}/node_modules/stillroom/bin/run.js`)
    const options = { env: surroundings(node), extendEnv: false, reject: false } as const
    const version = await execa('node', [program, '--version'], options)
    expect(version.stdout).toMatch(/^stillroom\/\S+ \S+ node-v24\./)
    const unknown = await execa('node', [program, 'list', 'nothing'], options)
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' })
  })
})

test.for(NODES.filter(({ node }) => node !== '24'))(
  'the package on Node $node says in one sentence what it needs, where it brings no Node',
  async ({ node }) => {
    const alone = join(scratch, `alone-${node}`)
    await cp(join(scratch, `project-${node}/node_modules/stillroom/bin`), join(alone, 'bin'), {
      recursive: true,
    })
    await cp(join(ROOT, 'package.json'), join(alone, 'package.json'))
    const options = { env: surroundings(node), extendEnv: false, reject: false } as const
    const { exitCode, stdout, stderr } = await execa('node', [join(alone, 'bin/run.js'), '--help'], options)
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
    expect(stderr).toMatch(
      new RegExp(`^stillroom needs Node 22\\.18 or newer, and this is Node ${node}\\..*$`),
    )
  },
)

// `npm run bench [-- PART...] [--rounds N] [--json] [--strict]`: ratios of stillroom's times to those of the nearest thing a user
// has, each pair timed in turn in one run, who begins alternating. Parts: build, build-cold, first, edit, package, lock, steps, unchanged, verify,
// explain, image, audit, diff, generate, help, fetch, memory, scale, disk, and scale-100, which runs only when it is named. With --json one line a part
// on standard output, with the machine's facts; with --strict it ends with 1 when a target is missed. Needs an engine and a network, the parts explain and audit also Go and Python.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { isPrivateEngine } from '../../src/engine/private/private-engine.ts'
import { findSources } from '../../src/sources/find-sources.ts'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'
import { auditContests } from './audit-contests.ts'
import { buildContests } from './build.ts'
import { type Contest, hold } from './contest.ts'
import { diskMeasurement } from './disk.ts'
import { editContest } from './edit.ts'
import { explainContest } from './explain.ts'
import { fetchContest } from './fetch.ts'
import { firstContest } from './first.ts'
import { memoryMeasurement } from './image-memory.ts'
import { lockContest, stepsContest } from './lock.ts'
import { makeManyRecipes } from './many-recipes.ts'
import { type Measurement, measure } from './measure.ts'
import { type Mirror, startMirror } from './mirror.ts'
import { packageContest } from './package.ts'
import { scaleMeasurement } from './scale.ts'

const ROOT = join(import.meta.dirname, '../..')
const RECIPE = 'fenics-tf'
const BASE = 'stillroom-bench/base'

/** Over all recipes of a project. */
const MANY_COMMANDS = {
  diff: ['diff', 'lock', 'HEAD'],
  generate: ['generate', 'recipe', '--all', '--check'],
} as const
const FEW = 10
const MANY = 1000

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string' }, json: { type: 'boolean' }, strict: { type: 'boolean' } },
  allowPositionals: true,
})
const scratch = await mkdtemp(join(tmpdir(), 'stillroom-bench-'))
let mirror: Mirror | undefined
try {
  for (const contest of contests()) {
    if (positionals.length > 0 && !positionals.includes(contest.part)) continue
    const result = await hold({ ...contest, rounds: Number(values.rounds ?? contest.rounds) })
    if (values.json) console.log(JSON.stringify(result))
    if (values.strict && result.missed) process.exitCode = 1
  }
  for (const measurement of measurements()) {
    if (positionals.length > 0 && !positionals.includes(measurement.part)) continue
    const result = await measure(measurement)
    if (values.json) console.log(JSON.stringify(result))
    if (values.strict && result.missed) process.exitCode = 1
  }
} finally {
  await mirror?.close()
  await rm(scratch, { recursive: true, force: true })
}

function measurements(): Measurement[] {
  return [
    memoryMeasurement(scratch),
    scaleMeasurement('scale', scratch, 8),
    // takes about 20 minutes
    ...(positionals.includes('scale-100') ? [scaleMeasurement('scale-100', scratch, 100)] : []),
    diskMeasurement('hello', scratch),
    diskMeasurement(RECIPE, scratch, { file: 'solver/agent.py', times: 30 }),
  ]
}

function contests(): Contest[] {
  const node = process.execPath
  return [
    ...buildContests(
      RECIPE,
      scratch,
      {
        image: 'stillroom-bench/by-hand',
        prepare: async () => {
          await prepareBuilds()
          if (mirror === undefined) await buildByHand(join(ROOT, 'recipes', RECIPE), { noCache: true })
        },
        build: () => buildByHand(join(ROOT, 'recipes', RECIPE), { noCache: true }),
        forgetDownloads: async () => mirror?.forget(),
      },
      async (...names) => {
        await forget(...names)
        await removeLeftovers()
      },
    ),
    firstContest(RECIPE, scratch),
    editContest(RECIPE, scratch, { prepare: prepareBuilds, build: buildByHand }),
    packageContest(RECIPE, scratch, {
      ...{ prepare: prepareBuilds, build: buildByHand },
      index: async () => (await nearSources()).PIP_INDEX_URL,
    }),
    lockContest(RECIPE, scratch, { base: BASE, makeBase }),
    stepsContest(scratch),
    {
      part: 'unchanged',
      ours: `build recipe ${RECIPE}, nothing changed`,
      theirs: 'docker buildx build of the same context, every step cached',
      atMost: 0.8,
      rounds: 10,
      prepare: async () => {
        await stillroom('build', 'recipe', RECIPE)
        await buildCached()
      },
      run: { ours: () => stillroom('build', 'recipe', RECIPE), theirs: buildCached },
    },
    explainContest(RECIPE, scratch),
    ...auditContests(scratch),
    {
      part: 'verify',
      ours: `verify recipe ${RECIPE}, which ends identical`,
      theirs: `build recipe ${RECIPE} --no-cache`,
      atMost: 1.1,
      rounds: 2,
      prepare: () => stillroom('build', 'recipe', RECIPE),
      run: {
        ours: () => stillroom('verify', 'recipe', RECIPE),
        theirs: () => stillroom('build', 'recipe', RECIPE, '--no-cache'),
      },
    },
    ...(['diff', 'generate'] as const).map((part) => ({
      part,
      ours: `${MANY_COMMANDS[part].join(' ')}, ${MANY} recipes with 500 packages, per recipe`,
      theirs: `the same with ${FEW} recipes, per recipe`,
      atMost: 2,
      rounds: 1,
      prepare: async () => {
        await manyRecipes(FEW)
        await manyRecipes(MANY)
        await runOver(FEW, part)
      },
      // as many times the few as there are of the many, so that the ratio is that of the times per recipe
      run: {
        ours: () => runOver(MANY, part),
        theirs: async () => {
          for (let i = 0; i < MANY / FEW; i++) await runOver(FEW, part)
        },
      },
    })),
    {
      part: 'help',
      ours: 'stillroom --help',
      theirs: 'node -e 0',
      atMost: 3,
      rounds: 30,
      run: { ours: () => stillroom('--help'), theirs: () => execa(node, ['-e', '0']) },
    },
    fetchContest('hello', scratch),
    fetchContest(RECIPE, scratch),
  ]
}

function manyDirectory(count: number): string {
  return join(scratch, `recipes-${count}`)
}

/** A project of recipes in which each was changed since it was committed; made once. */
async function manyRecipes(count: number): Promise<void> {
  const directory = manyDirectory(count)
  if (existsSync(directory)) return
  await mkdir(join(directory, 'node_modules'), { recursive: true })
  await symlink(ROOT, join(directory, 'node_modules/stillroom'))
  await makeManyRecipes(directory, count)
}

async function runOver(count: number, part: keyof typeof MANY_COMMANDS): Promise<void> {
  const { stdout } = await execa(process.execPath, [join(ROOT, 'bin/run.js'), ...MANY_COMMANDS[part]], {
    cwd: manyDirectory(count),
  })
  const found = [...stdout.matchAll(/^(recipe-\d+: |generated\/.* is up to date$)/gm)].length
  if (found !== count) throw new Error(`${part}: expected a word on ${count} recipes, got ${found}`)
}

function stillroom(...args: string[]) {
  return execa(join(ROOT, 'bin/stillroom'), args, { cwd: ROOT })
}

/** The context that stillroom builds from: the newest of the recipe in the cache. */
async function stagedContext(): Promise<string> {
  const contexts = join(defaultCacheDirectory(process.env), 'contexts')
  const found: { path: string; changed: number }[] = []
  for (const name of await readdir(contexts)) {
    const path = join(contexts, name)
    const dockerfile = await readFile(join(path, 'Dockerfile'), 'utf8').catch(() => '')
    if (dockerfile.startsWith(`# Recipe ${RECIPE} `))
      found.push({ path, changed: (await stat(path)).ctimeMs })
  }
  const newest = found.toSorted((a, b) => b.changed - a.changed)[0]
  if (!newest) throw new Error(`no context of ${RECIPE} in ${contexts}: build it first`)
  return newest.path
}

function hasContext(): Promise<boolean> {
  return stagedContext().then(
    () => true,
    () => false,
  )
}

async function epochOf(context: string): Promise<string> {
  const epoch = /^ARG SOURCE_DATE_EPOCH=(\d+)$/m.exec(
    await readFile(join(context, 'Dockerfile'), 'utf8'),
  )?.[1]
  if (epoch === undefined) throw new Error(`no epoch in ${context}/Dockerfile`)
  return epoch
}

async function buildCached(): Promise<void> {
  const context = await stagedContext()
  const epoch = ['--build-arg', `SOURCE_DATE_EPOCH=${await epochOf(context)}`]
  await execa('docker', [
    'buildx',
    'build',
    '--quiet',
    '--provenance=false',
    '--load',
    ...epoch,
    '--tag',
    'stillroom-bench/cached',
    context,
  ])
}

/** A warm store for the one, a Debian in the engine for the other. */
async function prepareBuilds(): Promise<void> {
  await stillroom('build', 'recipe', RECIPE)
  // an image that is there needs no context, which may have been pruned
  if (!(await hasContext())) await stillroom('build', 'recipe', RECIPE, '--no-cache', '--no-audit')
  await makeBase()
}

/** Of the newest context, which a lock makes as well as a build does. */
async function makeBase(): Promise<void> {
  const context = await stagedContext()
  const epoch = ['--build-arg', `SOURCE_DATE_EPOCH=${await epochOf(context)}`]
  await execa('docker', [
    'buildx',
    'build',
    '--quiet',
    '--provenance=false',
    '--load',
    ...epoch,
    '--target',
    'base',
    '--tag',
    BASE,
    context,
  ])
}

/** What the last builds left would fill the disk; the context that the builder was sent stays. An engine of the user's is left alone. */
async function removeLeftovers(): Promise<void> {
  if (!isPrivateEngine(defaultCacheDirectory(process.env), process.env)) return
  await execa('docker', ['image', 'prune', '--force'])
  await execa('docker', ['buildx', 'prune', '--force', '--all', '--filter', 'type=regular'])
}

/** Removes directories of the cache. */
async function forget(...names: string[]): Promise<void> {
  for (const name of names)
    await rm(join(defaultCacheDirectory(process.env), name), { recursive: true, force: true })
}

/** Where packages come from: a mirror on this machine, which has them from the second time on. */
async function nearSources() {
  const { debian, pypi, ca } = await findSources({ env: process.env })
  const downloads = join(scratch, 'mirror')
  await mkdir(downloads, { recursive: true })
  mirror ??= await startMirror(downloads, ca)
  const { of } = mirror
  const [DEBIAN = '', DEBIAN_SECURITY = '', PIP_INDEX_URL = ''] = [
    debian.debian[0],
    debian['debian-security'][0],
    pypi.indexes[0],
  ].map((url) => of(url ?? ''))
  return { DEBIAN, DEBIAN_SECURITY, PIP_INDEX_URL }
}

async function buildByHand(
  directory: string,
  { noCache, more = '' }: { noCache: boolean; more?: string },
): Promise<void> {
  const args = { BASE, ...(await nearSources()), MORE: more }
  await execa('docker', [
    ...['buildx', 'build', '--quiet', '--provenance=false', '--load', '--network=host'],
    ...(noCache ? ['--no-cache'] : []),
    ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...['--tag', 'stillroom-bench/by-hand'],
    ...['--file', join(import.meta.dirname, 'Dockerfile'), directory],
  ])
}

// `npm run survey -- --suite bookworm --seed N --packages P [--pypi] [--group N] [--json FILE]`: draws packages at random, from the
// suite's own index or with --pypi from the list of scientific wheels, installs them in recipes of about ten, builds each twice,
// the second time under another clock, host name, number of processors and locale, audits the first, and prints what share is
// identical and clean, and each exception. Needs Linux, root and the network: it starts an engine of its own, which it removes.
//
// FILE is written after each group; a survey that finds one goes on after it. Ctrl-C and SIGTERM end it with what was tried.
// `npm run survey -- --table FILE...` prints one table of several. With `--from FILE` nothing is drawn: each line of FILE is the
// packages of a recipe (research-packages.txt).
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import type { EngineSettings } from '../../src/engine/private/private-engine.ts'
import { parseControl } from '../../src/formats/deb/deb822.ts'
import { parseLock } from '../../src/lock/parse-lock.ts'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'
import { writeFileAtomic } from '../../src/store/disk.ts'
import { openStore } from '../../src/store/store.ts'
import { draw, groupsOf } from './draw.ts'
import { type Survey, type Trial, toMarkdown, untried } from './survey-result.ts'
import { tryPackages, type Workshop } from './try-recipe.ts'

const ROOT = join(import.meta.dirname, '../..')
const VARIATIONS = ['clock', 'hostname', 'cpus', 'locale']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: 'string', default: 'bookworm' },
    seed: { type: 'string', default: '1' },
    packages: { type: 'string', default: '100' },
    group: { type: 'string', default: '10' },
    pypi: { type: 'boolean', default: false },
    from: { type: 'string' },
    json: { type: 'string' },
    table: { type: 'boolean', default: false },
  },
})
const { suite, pypi, from } = values
const [seed, count, size] = [values.seed, values.packages, values.group].map(Number) as [
  number,
  number,
  number,
]
if (values.table) {
  console.log(toMarkdown(await Promise.all(positionals.map(readSurvey))))
  process.exit()
}

let survey = await beginOrGoOn()
const scratch = await mkdtemp(join(tmpdir(), 'stillroom-survey-'))
const cache = join(scratch, 'cache')
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort())
try {
  await tryTheRest()
} catch (error) {
  if (!stop.signal.aborted) throw error
} finally {
  await stillroom(['engine', 'down', '--purge'])
  await rm(scratch, { recursive: true, force: true })
}
console.log(toMarkdown([survey]))

async function readSurvey(path: string): Promise<Survey> {
  return JSON.parse(await readFile(path, 'utf8'))
}

/** @throws when the file is of another survey */
async function beginOrGoOn(): Promise<Survey> {
  const of = pypi
    ? `scientific wheels on ${suite}`
    : `packages of ${suite}${from === undefined ? '' : `, ${basename(from, '.txt')}`}`
  const date = new Date().toISOString().slice(0, 10)
  if (values.json === undefined || !existsSync(values.json))
    return { of, seed, date, variations: VARIATIONS, seconds: 0, trials: [] }
  const begun = await readSurvey(values.json)
  if (begun.of !== of || begun.seed !== seed)
    throw new Error(`${values.json} is of ${begun.of}, seed ${begun.seed}, not of ${of}, seed ${seed}`)
  return { ...begun, date }
}

async function tryTheRest(): Promise<void> {
  const { seconds } = survey
  const started = performance.now()
  const workshop = await openWorkshop()
  const groups = await untriedGroups(workshop)
  for (const [i, group] of groups.entries()) {
    console.error(`\n${i + 1} of ${groups.length}: ${group.join(' ')}`)
    const trials = [...survey.trials, ...(await tryPackages(workshop, `survey-${i}`, group, showTrial))]
    survey = { ...survey, trials, seconds: seconds + Math.round((performance.now() - started) / 1000) }
    if (values.json !== undefined) await writeFileAtomic(values.json, `${JSON.stringify(survey, null, 2)}\n`)
  }
}

async function untriedGroups(workshop: Workshop): Promise<string[][]> {
  if (from !== undefined) {
    const groups = (await linesOf(from)).map((line) => untried(line.split(' '), survey))
    return groups.filter((group) => group.length > 0)
  }
  const names = pypi
    ? await linesOf(join(import.meta.dirname, 'scientific-wheels.txt'))
    : await packageNames(workshop)
  return groupsOf(untried(draw(names, count, seed), survey), size)
}

/** Lines but for comments and empty ones. */
async function linesOf(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

/** A project, a cache and an engine that nothing else uses; downloads alone are the machine's. */
async function openWorkshop(): Promise<Workshop> {
  const directory = join(scratch, 'project')
  await mkdir(join(directory, 'node_modules'), { recursive: true })
  await symlink(ROOT, join(directory, 'node_modules/stillroom'))
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }\n')
  await mkdir(cache)
  const store = join(defaultCacheDirectory(process.env), 'store')
  await mkdir(store, { recursive: true })
  await symlink(store, join(cache, 'store'))
  await stillroom(['engine', 'up'])
  const { stdout } = await stillroom(['engine', 'env', '--json'])
  const { DOCKER_HOST, DOCKER_CONFIG, clients } = JSON.parse(stdout) as EngineSettings
  const PATH = `${clients}:${process.env.PATH}`
  const env = { DOCKER_HOST, DOCKER_CONFIG, PATH, STILLROOM_CACHE: cache }
  const recipeOf = pypi ? recipeOfWheels : recipeOfPackages
  return { directory, env, variations: VARIATIONS, recipeOf, stop: stop.signal }
}

function stillroom(args: readonly string[]) {
  return execa(join(ROOT, 'bin/stillroom'), args, { stderr: 'inherit', env: { STILLROOM_CACHE: cache } })
}

function recipeOfPackages(packages: readonly string[]): string {
  return recipe(`[apt(${JSON.stringify(packages)})]`)
}

function recipeOfWheels(packages: readonly string[]): string {
  return recipe(`[apt(['python3', 'python3-pip']), pip(${JSON.stringify(packages)})]`)
}

function recipe(steps: string): string {
  return `import { apt, debian, defineRecipe, pip } from 'stillroom'\n\nexport default defineRecipe({ base: debian('${suite}'), steps: ${steps} })\n`
}

/** Names in the suite's main index. */
async function packageNames({ directory, env }: Workshop): Promise<string[]> {
  const name = 'survey-base'
  await mkdir(join(directory, 'recipes', name), { recursive: true })
  await writeFile(join(directory, 'recipes', name, 'recipe.ts'), recipe('[]'))
  await execa(process.execPath, [join(ROOT, 'bin/run.js'), 'lock', 'recipe', name, '-C', directory], {
    env,
    cancelSignal: stop.signal,
  })
  const path = join(directory, 'recipes', name, 'lock.json')
  const { base } = parseLock(await readFile(path, 'utf8'), path).platforms['linux/amd64'] ?? {}
  const index = base?.kind === 'debian' ? base.indexes.find((each) => each.suite === suite) : undefined
  if (index === undefined) throw new Error(`the lock has no index of ${suite}`)
  const store = await openStore(join(env.STILLROOM_CACHE ?? '', 'store'))
  const stanzas = parseControl(await readFile(store.path(index.packages)), { fields: new Set(['package']) })
  return [...new Set([...stanzas].map((stanza) => stanza.get('package') ?? ''))]
}

function showTrial({
  packages,
  failed,
  identical,
  clean,
  seconds,
  size = 0,
  causes = [],
  findings = [],
}: Trial): void {
  const verdict = failed
    ? `${failed.command} failed: ${failed.code}: ${failed.message}`
    : `${identical ? 'identical' : 'DIFFERENT'}, ${clean ? 'clean' : 'FINDINGS'}, ${Math.round(size / 1e6)} MB`
  console.error(`  ${packages.join(' ')}: ${verdict} (${seconds} s)`)
  for (const line of [...(identical ? [] : causes), ...(clean ? [] : findings)]) console.error(`    ${line}`)
}

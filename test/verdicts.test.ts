import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { RecipeInput } from '../src/recipe/schema.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { VARIATIONS, type VerifyReport } from '../src/verify/verify-report.ts'
import { makeHelloLike, type OwnProject } from './project/task-project.ts'
import { canHaveEngines } from './support/engine.ts'
import { NIGHTLY } from './support/nightly.ts'
import { useScratchCache } from './support/scratch-cache.ts'
import { stillroom } from './support/stillroom.ts'

const engines = await canHaveEngines()
if (engines !== true) console.warn(`skipped: what each variation changes, since ${engines}`)

useScratchCache()

/** A recipe like that of hello, with its build context; it and its image are gone when the test ends. */
async function makeRecipe(fields: Partial<RecipeInput> = {}): Promise<OwnProject & { lock: string }> {
  const project = await makeHelloLike(fields)
  onTestFinished(async () => {
    const tags = ['latest', 'different', 'verify', 'verified'].map(
      (tag) => `stillroom/${project.name}:${tag}`,
    )
    await execa('docker', ['image', 'rm', '--force', ...tags], { reject: false })
    await project[Symbol.asyncDispose]()
  })
  const { exitCode, stderr } = await stillroom(project.directory, ['generate', 'recipe', project.name])
  expect(exitCode, stderr).toBe(0)
  return { ...project, lock: join(project.directory, 'recipes', project.name, 'lock.json') }
}

/** Exit code and report of a command with `--json`. */
async function run<T>({ directory, name }: OwnProject, verb: string, ...args: string[]) {
  const { exitCode, stdout, stderr } = await stillroom(directory, [verb, 'recipe', name, ...args, '--json'])
  expect(stdout, stderr).not.toBe('')
  return { exitCode, ...(JSON.parse(stdout) as T) }
}

/** Changes what the lockfile says, and the build context with it. */
async function changeLock(project: OwnProject & { lock: string }, what: RegExp, to: string): Promise<void> {
  const text = await readFile(project.lock, 'utf8')
  expect(text).toMatch(what)
  await writeFile(project.lock, text.replace(what, to))
  await stillroom(project.directory, ['generate', 'recipe', project.name])
}

const OTHER = `sha256:${'0'.repeat(64)}`

test('build recipe and verify recipe end with 1 when the image is another than the locked one', async () => {
  const project = await makeRecipe()
  const first = await run<BuildReport>(project, 'build')
  expect(first).toMatchObject({ exitCode: 0, verdict: 'recorded' })

  await changeLock(project, /("image": \{\s*"id": )"[^"]*"/, `$1"${OTHER}"`)
  const equivalent = await run<BuildReport>(project, 'build')
  expect(equivalent).toMatchObject({
    exitCode: 1,
    verdict: 'equivalent',
    image: { id: first.image.id },
    expected: { id: OTHER },
    tag: `stillroom/${project.name}:different`,
  })

  await changeLock(project, /("tree": )"sha256:[^"]*"/, `$1"${OTHER}"`)
  const different = await run<BuildReport>(project, 'build')
  expect(different).toMatchObject({ exitCode: 1, verdict: 'different', expected: { id: OTHER, tree: OTHER } })
  // nobody has the text of that digest: what steps made counts as made by them
  expect(different).toMatchObject({ differing: null, audit: { verdict: 'clean', findings: [] } })
  const { exitCode, stdout } = await stillroom(project.directory, ['build', 'recipe', project.name])
  expect(exitCode).toBe(1)
  expect(stdout).toMatch(
    new RegExp(`^image ID +${first.image.id}\nexpected +${OTHER}\nverdict +DIFFERENT`, 'm'),
  )

  // the steps before the last come from the cache
  const verified = await run<{ reports: VerifyReport[] }>(project, 'verify', '--from', 'pip-2')
  expect(verified).toMatchObject({
    exitCode: 1,
    reports: [
      { verdict: 'different', image: { id: first.image.id }, reference: { kind: 'lock', id: OTHER } },
    ],
  })
})

test('what differs from a lockfile is named by its locked tree, where no image is as locked', async () => {
  const command = 'mkdir /opt/r; for i in $(seq 11 35); do cat /proc/sys/kernel/random/uuid > /opt/r/$i; done'
  const project = await makeRecipe({ steps: [{ kind: 'run', command }] })
  const { directory, name } = project
  const paths = Array.from({ length: 25 }, (_, index) => `/opt/r/${index + 11}`)
  expect(await run<BuildReport>(project, 'build')).toMatchObject({ verdict: 'recorded', differing: null })

  const other = await run<BuildReport>(project, 'build', '--no-cache')
  const all = `stillroom audit image stillroom/${name}:different --lock recipes/${name}/lock.json --json`
  expect(other).toMatchObject({ exitCode: 1, verdict: 'different', differing: { count: 25, command: all } })
  expect(other.differing?.paths).toEqual(
    paths.slice(0, 20).map((path) => ({ path, change: 'changed', fields: ['content'] })),
  )
  expect(other.audit?.findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(
    paths.map((path) => `file-modified ${path}`),
  )

  // the good image keeps its name: with it, nothing would be built
  await execa('docker', ['image', 'rm', '--force', `stillroom/${name}`])
  const table = await stillroom(directory, ['build', 'recipe', name])
  expect(table.exitCode).toBe(1)
  const lines = table.stdout.trimEnd().split('\n').slice(-21)
  expect(lines).toEqual([
    ...paths.slice(0, 20).map((path) => `differs: ${path} (content)`),
    `and 5 more; all of them: ${all}`,
  ])

  const { reports } = await run<{ reports: VerifyReport[] }>(project, 'verify', '--from', 'run-1')
  expect(reports).toMatchObject([
    { verdict: 'different', problem: null, reference: { kind: 'tree', name: 'lockfile' } },
  ])
  expect(reports[0]?.difference?.files.map(({ path }) => path)).toEqual(paths)
  expect(reports[0]?.difference?.files[0]?.detail).toMatchObject({ kind: 'unread' })

  const words = ['diff', 'images', `recipes/${name}/lock.json`, `stillroom/${name}:different`]
  const diff = await stillroom(directory, words)
  expect(diff.exitCode).toBe(1)
  expect(diff.stdout).toContain('~ /opt/r/11 content\n')
  const none = await stillroom(directory, words, { env: { STILLROOM_CACHE: join(directory, 'empty') } })
  expect(none.exitCode).toBe(3)
  expect(none.stderr).toContain('its locked tree is not in the store')
})

test('build recipe ends with 1 when a check fails, and says which and why', async () => {
  const checks = [
    { name: 'holds', command: ['true'] },
    { name: 'fails', command: ['sh', '-c', 'echo no such luck; exit 4'] },
    { name: 'says another thing', command: ['echo', 'good night'], expect: 'good morning' },
  ]
  const project = await makeRecipe({ checks })
  const built = await run<BuildReport>(project, 'build')
  expect(built.exitCode).toBe(1)
  const failed = built.checks.filter(({ passed }) => !passed)
  expect(failed.map(({ name }) => name)).toEqual(['fails', 'says another thing'])
  expect(failed[0]?.output).toContain('no such luck')
  expect(failed[1]?.output).toContain('good night')
})

test('runs at the same time on one cache do not disturb each other', async () => {
  const projects = await Promise.all([makeRecipe(), makeRecipe(), makeRecipe()])
  const built = await Promise.all(projects.map((project) => run<BuildReport>(project, 'build')))
  for (const report of built)
    expect(report, JSON.stringify(report)).toMatchObject({
      exitCode: 0,
      verdict: 'recorded',
      audit: { verdict: 'clean' },
    })
  expect(new Set(built.map(({ image }) => image.id)).size).toBe(1)
  const audits = await Promise.all(
    projects.map(({ directory, name }) => stillroom(directory, ['audit', 'recipe', name])),
  )
  expect(audits.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
})

/**
 * Writes what each variation is to change into a file of its name, by ways that lead around the recipe's clock: the library that
 * varies it is there, and a step is told nothing of it. And what programs write that see the recipe's.
 */
const SEE = `mkdir /opt/seen /opt/steady; cd /opt/seen
env LD_PRELOAD=/dev/.clock.so FAKETIME=+99d NO_FAKE_STAT=1 date +%F > clock; cat /proc/sys/kernel/hostname > hostname; nproc > cpus
date +%z > timezone; printenv LANG > locale || :; umask > umask
cd /opt/steady
env | sort > environment; date +%s > time; [ "$(cat time)" = "$SOURCE_DATE_EPOCH" ]; uname -n > name; stat -c %X,%Y,%Z time > stat
mkdir in; echo 1 > in/a; tar -cf files.tar in; gzip -k in/a
python3 -c 'import shutil, time; shutil.make_archive("files", "zip", "in"); open("python", "w").write(repr(time.time()))'
perl -e 'print time, " ",  join(" ", do { my %h = map { $_ => 1 } "a".."z"; keys %h }), "\\n"' > perl
echo first > made; sleep 0.01; echo second > newer; [ "$(find newer -newer made -newer /etc/passwd)" ]
mkdir many; for name in 9 3 7 1 8 2 6 0 5 4; do : > many/$name; done
ls -U many > listed; sort -c listed; find many -type f > found; sort -c found
python3 -c 'import os; assert os.listdir("many") == list("0123456789")'
perl -e 'opendir my $many, "many"; my @all = readdir $many; seekdir $many, 0; print "@all " . readdir($many) . "\n"' > read
[ "$(cat read)" = '. .. 0 1 2 3 4 5 6 7 8 9 .' ]
perl -e 'my $then = time; sleep 1 while time == $then; print time - $then' > waited; [ "$(cat waited)" = 1 ]
mkdir CMakeFiles; mktemp -u > CMakeFiles/CMakeOutput.log
mkdir __pycache__ /root/.gnupg; mktemp -u | tee __pycache__/made.pypy39.pyc > /root/.gnupg/random_seed
printf '%s:secret\\n' root bin | chpasswd
mkdir -p deb/DEBIAN deb/opt/own; printf '%s\\n' 'Package: own' 'Version: 1' 'Architecture: all' \
  'Maintainer: Me <me@example.org>' 'Description: own' > deb/DEBIAN/control
dpkg-deb --build deb own.deb; apt-get install --yes ./own.deb
[ "$(grep -E '^(root|bin):.y.j9T' /etc/shadow | cut -d : -f 2 | uniq | wc -l)" = 2 ]
python3 -c 'import threading, time
start = time.monotonic(); threading.Event().wait(0.5); assert time.monotonic() - start > 0.4'`

/** What a step can see. Umask, time zone and locale are set by stillroom, and the image store is none of a step's business. */
const SEEN = VARIATIONS.filter(
  (variation) =>
    !['umask', 'timezone', 'locale', 'store'].includes(variation) &&
    // a machine with one processor has no other number to give
    (variation !== 'cpus' || availableParallelism() > 1),
)

async function differing(project: OwnProject, vary: string): Promise<string[]> {
  const { exitCode, reports } = await run<{ reports: VerifyReport[] }>(project, 'verify', '--vary', vary)
  const [report] = reports
  expect(report?.problem).toBeNull()
  const files = report?.difference?.files ?? []
  expect({ exitCode, verdict: report?.verdict }).toEqual(
    files.length > 0 ? { exitCode: 1, verdict: 'different' } : { exitCode: 0, verdict: 'identical' },
  )
  return files.map(({ path }) => path)
}

const seen = (variations: readonly string[]) => variations.map((variation) => `/opt/seen/${variation}`).sort()

test.skipIf(engines !== true)(
  'verify recipe finds what a step takes from each thing that --vary varies',
  async () => {
    const python = { kind: 'apt' as const, packages: ['python3', 'python3-pip'] }
    const project = await makeRecipe({ steps: [python, { kind: 'run', command: SEE }] })

    const unbuilt = await run<{ reports: VerifyReport[] }>(project, 'verify', '--vary', 'hostname')
    expect(unbuilt).toMatchObject({
      exitCode: 3,
      reports: [{ verdict: 'failed', problem: { code: 'IMAGE_MISSING' } }],
    })

    const built = await run<BuildReport>(project, 'build', '--no-audit')
    expect(built, JSON.stringify(built)).toMatchObject({ exitCode: 0, verdict: 'recorded' })
    const all = VARIATIONS.filter((variation) => variation !== 'store').join(',')
    expect(await differing(project, all)).toEqual(seen(SEEN))
    if (!NIGHTLY) return console.warn('each variation by itself is left to the nightly tests')
    for (const variation of VARIATIONS)
      expect(await differing(project, variation), variation).toEqual(
        seen(SEEN.filter((each) => each === variation)),
      )
  },
)

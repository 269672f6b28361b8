import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import type { ImageDiffReport } from '../src/report/image-diff-table.ts'
import { VARIATIONS, type VerifyReport } from '../src/verify/verify-report.ts'
import { readHistory } from '../src/workflows/verify/history-files.ts'
import { canHaveEngines } from './support/engine.ts'
import { NIGHTLY } from './support/nightly.ts'
import { copyProject, makeProject, put } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { withoutTrees } from './support/without-trees.ts'

interface Reports {
  reports: VerifyReport[]
}

const engines = await canHaveEngines()
if (engines !== true) console.warn(`skipped: verification under variations, since ${engines}`)

describe('verify recipe hello', () => {
  test('is identical when rebuilt from nothing; keeps the image, a history and a statement when asked to', async () => {
    const directory = await copyProject('hello')
    await put(directory, 'history/runs.jsonl', '{"historyVersion":1,"cut off')
    const args = ['verify', 'recipe', 'hello', '--keep', '--history', 'history', '--statement', 'statements']
    const env = await withoutTrees()
    const { reports } = await stillroomJson<Reports>(directory, args, { env })
    expect(reports).toMatchObject([
      { recipe: 'hello', verdict: 'identical', difference: null, problem: null },
    ])
    // what is as locked leaves the locked tree
    const [tree] = await readdir(join(env.STILLROOM_CACHE, 'store/zstd'))
    expect(reports[0]?.image?.tree).toContain(`:${tree}`)
    expect(reports[0]?.image?.id).toBe(reports[0]?.reference?.id)
    const { stdout } = await execa('docker', ['image', 'ls', '--format', '{{.Tag}}', 'stillroom/hello'])
    expect(stdout.split('\n')).toContain('verified')
    expect(stdout.split('\n')).not.toContain('verify')
    const { history, locks } = await readHistory(join(directory, 'history'))
    const lock = await readFile(join(directory, 'recipes/hello/lock.json'))
    const sha256 = createHash('sha256').update(lock).digest('hex')
    expect(history).toMatchObject({
      runs: [{ recipe: 'hello', verdict: 'identical', lock: sha256, image: reports[0]?.image?.id }],
      problems: [{ line: 1 }],
    })
    expect([...locks.keys()]).toEqual([sha256])
    const statement = await readFile(join(directory, 'statements/hello.intoto.json'), 'utf8')
    expect(JSON.parse(statement)).toMatchObject({
      subject: [{ digest: { sha256: reports[0]?.image?.id.slice('sha256:'.length) } }],
      predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
      predicate: { result: 'PASSED', configuration: [{ digest: { sha256 } }] },
    })
  })

  test.skipIf(engines !== true)(
    'is identical with another clock, host name, number of CPUs and image store',
    async () => {
      const directory = await copyProject('hello')
      const args = ['verify', 'recipe', 'hello', '--vary', 'clock,hostname,cpus,store']
      const { reports } = await stillroomJson<Reports>(directory, args)
      expect(reports).toMatchObject([{ verdict: 'identical', problem: null }])
      const varied = reports[0]?.variations.map(({ variation }) => variation)
      expect(varied).toEqual(['clock', 'hostname', 'cpus', 'store'])
    },
  )

  test('of several recipes, what they have in common is rebuilt once, and the rest of each', async () => {
    const directory = await copyProject('hello')
    const recipe = await readFile(join(directory, 'recipes/hello/recipe.ts'), 'utf8')
    const lock = await readFile(join(directory, 'recipes/hello/lock.json'), 'utf8')
    for (const [name, command] of [
      ['steady', 'echo steady > /opt/steady'],
      ['varies', 'head -c 16 /dev/urandom > /opt/varies'],
    ] as const) {
      const more = recipe.replace('pip }', 'pip, run }').replace("6.1'])]", `6.1']), run('${command}')]`)
      await put(directory, `recipes/${name}/recipe.ts`, more)
      await put(
        directory,
        `recipes/${name}/lock.json`,
        lock.replace('"recipe": "hello"', `"recipe": "${name}"`),
      )
      await stillroomJson(directory, ['lock', 'recipe', name])
      await stillroomJson(directory, ['build', 'recipe', name, '--no-audit'])
    }
    const args = ['verify', 'recipe', 'hello', 'steady', 'varies', '--json']
    const { exitCode, stdout } = await stillroom(directory, args)
    const shared = { recipe: 'hello', steps: 2 }
    expect((JSON.parse(stdout) as Reports).reports).toMatchObject([
      { recipe: 'hello', verdict: 'identical', shared: null },
      { recipe: 'steady', verdict: 'identical', shared },
      { recipe: 'varies', verdict: 'different', shared },
    ])
    expect(exitCode).toBe(1)
  })

  test('ends with 2 for a recipe that is not there and for names missing', async () => {
    const directory = await makeProject()
    const unknown = await stillroom(directory, ['verify', 'recipe', 'nobody'])
    expect(unknown.exitCode).toBe(2)
    expect(unknown.stdout).toContain('RECIPE_NOT_FOUND')
    expect((await stillroom(directory, ['verify', 'recipe'])).exitCode).toBe(2)
    expect((await stillroom(directory, ['verify', 'recipe', '--all'])).exitCode).toBe(2)
  })
})

const ROOT = join(import.meta.dirname, '..')
const nightly = NIGHTLY && engines === true
if (!NIGHTLY) console.warn('each recipe under each variation by itself is left to the nightly tests')

describe.skipIf(!nightly)('every recipe of this repository', () => {
  test.each(['hello', 'fenics-tf'].flatMap((name) => [...VARIATIONS, 'all'].map((vary) => [name, vary])))(
    '%s is identical under another %s',
    async (name, vary) => {
      const { reports } = await stillroomJson<Reports>(ROOT, [
        'verify',
        'recipe',
        name as string,
        '--vary',
        vary as string,
      ])
      expect(reports).toMatchObject([{ recipe: name, verdict: 'identical', problem: null }])
    },
  )
})

test('diff images tells an archive from the image that it was saved from by nothing, and exits with 0', async () => {
  const directory = await copyProject('hello')
  await stillroomJson(directory, ['build', 'recipe', 'hello'])
  const archive = join(directory, 'hello.tar')
  await execa('docker', ['save', '--output', archive, 'stillroom/hello'])
  const { exitCode, stdout } = await stillroom(directory, [
    'diff',
    'images',
    archive,
    'stillroom/hello',
    '--json',
  ])
  expect(exitCode).toBe(0)
  const { a, b, difference } = JSON.parse(stdout) as ImageDiffReport
  expect(a.id).toBe(b.id)
  expect(difference).toEqual({ verdict: 'identical', config: [], layers: [], files: [], causes: [] })
})

import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { nastyLabelKey, nastyPath, nastyText } from '../src/dockerfile/nasty-strings.test-data.ts'
import { execForm } from '../src/dockerfile/quote.ts'
import { renderConfiguration } from '../src/dockerfile/render-configuration.ts'
import { Recipe } from '../src/recipe/schema.ts'
import { ownName } from './support/own-name.ts'

const run = promisify(execFile)
const COUNT = 60
const seed = 20_261_122

/** Different strings of the recipe's schema, the same ones in each run. */
const texts = (shift: number, strings = nastyText): string[] => [
  ...new Set(fc.sample(strings, { numRuns: COUNT, seed: seed + shift }).filter((text) => text !== '')),
]

const recipe = Recipe.parse({
  base: { kind: 'debian', suite: 'bookworm' },
  env: Object.fromEntries([...texts(1), ''].map((text, i) => [`N${i}`, text])),
  labels: Object.fromEntries(texts(2, nastyLabelKey).map((text) => [text, text])),
  volumes: [...new Set(fc.sample(nastyPath, { numRuns: 20, seed: seed + 3 }))],
  workdir: '/home/ a "b" $c ${d} \\ `e` # <<EOF é \\',
  entrypoint: ['/program', ...texts(4)],
  cmd: [...texts(5), ''],
})

async function contextDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-strings-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

it("BuildKit reads back every string of a recipe's configuration", async () => {
  const context = await contextDirectory()
  const tag = ownName('stillroom-test/strings')
  onTestFinished(async () => {
    await run('docker', ['image', 'rm', '--force', tag]).catch(() => {})
  })
  await writeFile(
    join(context, 'Dockerfile'),
    ['# strings', 'FROM scratch', ...renderConfiguration(recipe), ''].join('\n'),
  )
  await run('docker', ['buildx', 'build', '--provenance=false', '--load', '--tag', tag, context])
  const [image] = JSON.parse((await run('docker', ['image', 'inspect', tag])).stdout) as [
    {
      Config: {
        Env: string[]
        Labels: Record<string, string>
        Volumes: Record<string, object>
        WorkingDir: string
        Entrypoint: string[]
        Cmd: string[]
      }
    },
  ]
  const { Env, Labels, Volumes, WorkingDir, Entrypoint, Cmd } = image.Config
  expect(Env.filter((entry) => !entry.startsWith('PATH=')).sort()).toEqual(
    Object.entries(recipe.env)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  )
  expect(Labels).toEqual(recipe.labels)
  expect(Object.keys(Volumes).sort()).toEqual([...recipe.volumes].sort())
  expect({ WorkingDir, Entrypoint, Cmd }).toEqual({
    WorkingDir: recipe.workdir,
    Entrypoint: recipe.entrypoint,
    Cmd: recipe.cmd,
  })
})

/** A directory that holds this machine's /bin/sh with its libraries: enough of a system to run it. */
async function copyShell(directory: string): Promise<void> {
  const { stdout } = await run('ldd', ['/bin/sh'])
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path as string)
  for (const path of ['/bin/sh', ...libraries]) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await copyFile(path, join(directory, path))
  }
}

it('a RUN gets every argument as it is', async () => {
  const context = await contextDirectory()
  await copyShell(join(context, 'root'))
  const words = [...texts(6), ...texts(7), '', '-', '--', ' <<EOF ', '"<<A\\"']
  const program = 'for word; do printf \'%s\\0\' "$word"; done > /words'
  const lines = [
    '# strings',
    'FROM scratch AS run',
    'COPY root/ /',
    `RUN --network=none \\\n    ${execForm(['/bin/sh', '-c', program, 'sh', ...words])}`,
    'FROM scratch',
    'COPY --from=run /words /words',
  ]
  await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`)
  await run('docker', ['buildx', 'build', '--output', `type=local,dest=${join(context, 'out')}`, context])
  const found = (await readFile(join(context, 'out/words'), 'utf8')).split('\0')
  expect(found.slice(0, -1)).toEqual(words)
})

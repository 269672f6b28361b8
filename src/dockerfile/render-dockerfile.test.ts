import { DockerfileParser } from 'dockerfile-ast'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import type { LockedPlatform, PythonFile } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'
import { allSteps, allStepsLocked } from './all-steps.test-data.ts'
import { nastyRecipe } from './nasty-strings.test-data.ts'
import { isSdist } from './pip-stages.ts'
import { layerStages, renderDockerfile, stagesFrom } from './render-dockerfile.ts'

const pins: LockedPlatform = {
  ...allStepsLocked,
  steps: [
    { kind: 'run' },
    { kind: 'run' },
    { kind: 'project', commit: '1'.repeat(40), tree: '2'.repeat(40) },
  ],
}

/** Keyword and arguments of each instruction. */
function instructions(text: string): { keyword: string; args: string }[] {
  return DockerfileParser.parse(text)
    .getInstructions()
    .map((instruction) => ({
      keyword: instruction.getKeyword(),
      args: instruction.getRawArgumentsContent() ?? '',
    }))
}

/** The words of BuildKit's shell lexer (frontend/dockerfile/shell/lex.go, processDoubleQuote), all of them quoted. */
function unquote(text: string): string[] {
  const words = ['']
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    const next = text.charAt(at + 1)
    if (character === '"') quoted = !quoted
    else if (!quoted && (character === '=' || character === ' ')) words.push('')
    else if (character === '$') throw new Error(`a variable at ${at} of ${text}`)
    else if (quoted && character === '\\' && ['"', '$', '\\'].includes(next))
      words.push(`${words.pop()}${text.charAt(++at)}`)
    else words.push(`${words.pop()}${character}`)
  }
  if (quoted) throw new Error(`an open quote in ${text}`)
  return words
}

/** What the instructions say, read back. */
function readBack(text: string) {
  const all = instructions(text)
  const of = (keyword: string) => all.filter((entry) => entry.keyword === keyword).map(({ args }) => args)
  const json = (args: string): string[] => JSON.parse(args.slice(args.indexOf('["'))) as string[]
  return {
    keywords: all.map(({ keyword }) => keyword),
    run: of('RUN').map(json),
    env: of('ENV').map(unquote),
    labels: of('LABEL').map(unquote),
    workdir: of('WORKDIR').map(unquote),
    volumes: of('VOLUME').map((args) => (JSON.parse(args) as string[]).map((word) => unquote(word)[0])),
    entrypoint: of('ENTRYPOINT').map((args) => JSON.parse(args) as string[]),
    cmd: of('CMD').map((args) => JSON.parse(args) as string[]),
  }
}

/** The same recipe with every free string plain. */
function plain(recipe: Recipe): Recipe {
  const replace = (record: Record<string, string>) =>
    Object.fromEntries(Object.keys(record).map((key, i) => [/^[A-Z_]/.test(key) ? key : `k${i}`, 'x']))
  return {
    ...recipe,
    description: 'x',
    env: replace(recipe.env),
    labels: Object.fromEntries(Object.keys(recipe.labels).map((_, i) => [`k${i}`, 'x'])),
    workdir: '/x',
    shared: '/x',
    volumes: recipe.volumes.map(() => '/x'),
    entrypoint: ['x'],
    cmd: ['x'],
    steps: recipe.steps.map((step) => {
      if (step.kind === 'run') return { kind: 'run', command: typeof step.command === 'string' ? 'x' : ['x'] }
      return step.kind === 'project' ? { ...step, path: 'x', to: '/x' } : step
    }),
  }
}

/** A wheel in two layers, under two names. */
const inLayers = (file: PythonFile) => [
  { ...file, layer: 3 },
  { ...file, name: 'seven', layer: 1 },
]

describe('renderDockerfile()', () => {
  it('renders every kind of step, in layers', async () => {
    await expect(renderDockerfile('all-steps', allSteps, allStepsLocked)).toMatchFileSnapshot(
      'golden/layers.Dockerfile',
    )
  })

  it('renders every kind of step, flat', async () => {
    const text = renderDockerfile('all-steps', { ...allSteps, layout: 'flat' }, allStepsLocked)
    await expect(text).toMatchFileSnapshot('golden/flat.Dockerfile')
  })

  it('runs each step on the base or on layers of the image, and on no stage of another step', () => {
    const text = renderDockerfile('all-steps', allSteps, allStepsLocked)
    const stages = [...text.matchAll(/^FROM (\S+) AS (\S+)\n(?:ARG .*\n)?(RUN|COPY)/gm)].map(
      ([, from, name, does]) => ({
        from,
        name,
        does,
      }),
    )
    const steps = stages.filter(({ name }) => /^(account$|[a-z]+-\d+$)/.test(name ?? ''))
    expect(steps).toHaveLength(allSteps.steps.length + 1)
    for (const { from, does } of steps) {
      expect(does).toBe('RUN')
      expect(stages.find(({ name }) => name === from)).toMatchObject({ does: 'COPY' })
    }
  })

  it('puts wheels that have layers of their own side by side, and each layer after all else that stands where it does', async () => {
    const steps = allStepsLocked.steps.map((step) =>
      step.kind === 'pip'
        ? { ...step, files: step.files.flatMap((file) => (isSdist(file) ? [file] : inLayers(file))) }
        : step,
    )
    const locked = { ...allStepsLocked, steps }
    const text = renderDockerfile('all-steps', allSteps, locked)
    await expect(text).toMatchFileSnapshot('golden/wheels.Dockerfile')
    const from = [...text.matchAll(/^FROM (\S+) AS (\S+)/gm)].map(([, stage, name]) => ({ stage, name }))
    // else entries of an image's history are those of another stage
    for (const { stage, name } of from.filter((each) => each.name?.endsWith('-layer')))
      expect(from.findLast((each) => each.stage === stage)?.name).toBe(name)
    expect(layerStages(allSteps, locked)?.slice(1, 5)).toEqual([
      'apt-1',
      'pip-2-wheels-1',
      'pip-2-wheels-3',
      'pip-2',
    ])
    expect(stagesFrom(allSteps, locked, 'pip-2').slice(0, 4)).toEqual([
      'pip-2-sdist-docopt',
      'pip-2-wheels-1',
      'pip-2-wheels-3',
      'pip-2',
    ])
  })

  it('names the stages that a step, what stands on it, and their layers are made in', () => {
    const recipe: Recipe = { ...allSteps, steps: allSteps.steps.slice(0, 2) }
    const [first, second] = recipe.steps.map(({ kind }, index) => `${kind}-${index + 1}`)
    expect(stagesFrom(recipe, allStepsLocked, second as string)).toEqual([
      'pip-2-sdist-docopt',
      second,
      `${second}-layer`,
      'image',
    ])
    expect(stagesFrom({ ...recipe, layout: 'flat' }, allStepsLocked, first as string)).toEqual([
      'pip-2-sdist-docopt',
      first,
      second,
      'flat',
      'image',
    ])
    expect(stagesFrom(recipe, allStepsLocked, 'apt-9')).toEqual([])
  })

  it('lets no string change an instruction, and every string through', () => {
    fc.assert(
      fc.property(nastyRecipe, fc.constantFrom('layers' as const, 'flat' as const), (base, layout) => {
        const recipe: Recipe = { ...base, layout }
        const found = readBack(renderDockerfile('nasty', recipe, pins))
        expect(found.keywords).toEqual(readBack(renderDockerfile('nasty', plain(recipe), pins)).keywords)
        const [argv, , project] = recipe.steps
        if (argv?.kind !== 'run' || project?.kind !== 'project') throw new Error('other steps')
        const [, , , first, , third] = found.run
        expect(first?.slice(0, 2)).toEqual(['sh', '/.stillroom/build/run.sh'])
        expect(first?.slice(3)).toEqual(argv.command)
        expect(third?.slice(3)).toEqual([project.to, '1000:1000'])
        const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env } = recipe.env
        expect(new Map(found.env as [string, string][])).toEqual(new Map(Object.entries({ PATH, ...env })))
        expect(new Map(found.labels as [string, string][])).toEqual(new Map(Object.entries(recipe.labels)))
        expect(found.workdir).toEqual([[recipe.workdir]])
        expect(found.volumes.flat()).toEqual(recipe.volumes)
        expect(found.entrypoint).toEqual([recipe.entrypoint])
        expect(found.cmd).toEqual([recipe.cmd])
      }),
      { numRuns: rounds(100, 2000) },
    )
  })
})

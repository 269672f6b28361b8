import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import fc from 'fast-check'
import { parseAst } from 'rolldown/parseAst'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { StillroomError } from '../../error.ts'
import { checkRecipe } from '../../recipe/check-recipe.ts'
import { Recipe } from '../../recipe/schema.ts'
import { checkDockerfile } from '../check/check-dockerfile.ts'
import { type DraftedRecipe, draftRecipes } from './draft-recipe.ts'
import { exportedRecipe } from './exported-recipe.test-data.ts'
import { nastyText } from './nasty-text.test-data.ts'

const ROOT = new URL('../../../', import.meta.url).pathname
const SAMPLES = join(ROOT, 'test/adopt/dockerfiles')
const RUNS = Number(process.env.STILLROOM_FUZZ_RUNS ?? rounds(200, 10_000))
const SEED = Number(process.env.STILLROOM_FUZZ_SEED ?? 20_261_129)
/** For reading one of them twice, in ms: the longest took a tenth of it. */
const MOST_TIME = 5000

/** The samples, each with the files of its build context. */
const SAMPLE_FILES = globSync('*/Dockerfile', { cwd: SAMPLES })
  .map((path) => path.replace('/Dockerfile', ''))
  .sort()
  .map((name) => ({
    name,
    text: readFileSync(join(SAMPLES, name, 'Dockerfile'), 'utf8'),
    context: new Map(
      globSync('**/*.*', { cwd: join(SAMPLES, name) }).map((path) => [
        path,
        readFileSync(join(SAMPLES, name, path), 'utf8'),
      ]),
    ),
  }))

const PIECES = [
  ...['FROM debian:12\n', 'FROM debian:12 AS one\n', 'FROM one AS two\n', 'FROM one\n', 'FROM $X\n'],
  ...['COPY --from=one ', 'COPY --from=0 /a* /b/\n', 'COPY --from=builder --chown=x /a /b /c\n'],
  ...['COPY a /b/\n', 'COPY <<EOF /x\n', 'ADD https://example.org/a.tar.gz /a\n', 'COPY [".", "/x y/"]\n'],
  ...['python3 -m venv /opt/venv\n', 'pip wheel -w /wheels ', 'pip install ', '-r requirements.txt ', '-e .'],
  ...['RUN ', 'ONBUILD ', 'ENV ', 'ARG X\n', 'LABEL a=', 'EXPOSE ', 'VOLUME ', 'SHELL ["bash", "-c"]\n'],
  ...['HEALTHCHECK CMD ', 'STOPSIGNAL ', 'USER x\n', 'WORKDIR ', 'CMD ["', '# escape=`\n', '# syntax=x\n'],
  ...[' && ', '; ', '\\\n', '<<EOF\n', 'EOF\n', '<<-"EOF"\n', '"', "'", '$(', ')', '`', '${X:-y}', '${X'],
  ...['|| ', '| ', '& ', 'if ', 'fi ', 'do ', 'case x in ', 'cd /', 'cd "$(', 'source ', 'set -eux; '],
  ...['apt-get install -y ', 'git clone ', 'useradd -u ', 'sh -c "', 'curl -o /x https://example.org/y\n'],
  ...['tar -xzf /x -C /', 'rm -rf ', 'export A=', '--mount=type=bind,source=', '#', '\0', '\ud800', '--'],
  ...['[', ']', '{', '}', '*', '*/', '/tmp/x', '\r\n', '\ufeff', '\u2028'],
]

interface Mutation {
  at: number
  length: number
  put: string
  times: number
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  // anywhere: without the liking of fast-check for ends, of which one is the FROM
  at: fc.noBias(fc.nat(9999)).map((at) => at / 10_000),
  length: fc.oneof({ weight: 8, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(400) }),
  put: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...PIECES) }, { weight: 1, arbitrary: nastyText }),
  // now and then so often that whatever takes more than its length in time shows
  times: fc.oneof({ weight: 30, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(3000) }),
})

function mutated(text: string, mutations: readonly Mutation[]): string {
  let now = text
  for (const { at, length, put, times } of mutations) {
    const from = Math.floor(at * now.length)
    now = now.slice(0, from) + put.repeat(times) + now.slice(from + length)
  }
  return now
}

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'stillroom-mutated-'))
})
afterAll(() => rmSync(directory, { recursive: true }), 120_000)

test(`${RUNS} mutated Dockerfiles: recipes that the compiler takes, or an error with its place`, async () => {
  const sources = new Set<string>()
  let refused = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...SAMPLE_FILES),
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      fc.array(mutation, { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('X', 'TAG', 'VERSION', 'PYTHON_VERSION'), nastyText, { maxKeys: 2 }),
      (sample, mutations, inContext, buildArgs) => {
        const text = mutated(sample.text, mutations)
        const contextFile = (path: string) => {
          const content = sample.context.get(path)
          return content === undefined ? undefined : mutated(content, inContext)
        }
        const started = performance.now()
        try {
          const options = { name: sample.name, path: 'Dockerfile', contextFile, buildArgs }
          const recipes = draftRecipes(text, options)
          expectSound(recipes)
          for (const { source } of recipes) sources.add(source)
        } catch (error) {
          expectPlace(error, text)
          refused++
        }
        try {
          for (const finding of checkDockerfile(text, { contextFile, buildArgs })) expectWithin(finding, text)
        } catch (error) {
          expectPlace(error, text)
        }
        expect(performance.now() - started).toBeLessThan(MOST_TIME)
      },
    ),
    { numRuns: RUNS, seed: SEED },
  )
  // a mutation leaves most of them what they are
  expect(refused).toBeLessThan(RUNS / 3)
  expect(await typeErrors([...sources])).toBe('')
}, 600_000)

/** Each is the recipe that it is said to be, made of nothing but values, and takes files only from those before it. */
function expectSound(recipes: readonly DraftedRecipe[]): void {
  const before = new Set<string>()
  for (const { name, source, recipe } of recipes) {
    expectValuesAlone(source)
    expect(Recipe.parse(exportedRecipe(source))).toEqual(recipe)
    expect(checkRecipe(recipe)).toEqual([])
    for (const step of recipe.steps) if (step.kind === 'copy') expect(before).toContain(step.from.name)
    before.add(name)
  }
  expect(before.size).toBe(recipes.length)
}

interface Node {
  type: string
  [field: string]: unknown
}

/** Fails when there is anything in a source but one import, and one call with literals and the functions that are imported. */
function expectValuesAlone(source: string): void {
  const [imports, exported, ...more] = parseAst(source).body as unknown as Node[]
  expect(more).toEqual([])
  expect([imports?.type, exported?.type]).toEqual(['ImportDeclaration', 'ExportDefaultDeclaration'])
  const { specifiers, source: module } = imports as unknown as {
    specifiers: { local: { name: string } }[]
    source: { value: string }
  }
  expect(module.value).toBe('stillroom')
  const functions = specifiers.map(({ local }) => local.name)
  const visit = (node: Node): void => {
    switch (node.type) {
      case 'Literal':
        return
      case 'TemplateLiteral':
        expect(node.expressions).toEqual([])
        return
      case 'ArrayExpression':
        for (const element of node.elements as Node[]) visit(element)
        return
      case 'ObjectExpression':
        for (const { type, computed, value } of node.properties as Node[]) {
          expect([type, computed]).toEqual(['Property', false])
          visit(value as Node)
        }
        return
      case 'CallExpression':
        expect(functions).toContain((node.callee as { name?: string }).name)
        for (const argument of node.arguments as Node[]) visit(argument)
        return
      default:
        expect(node.type, source).toBe('a value')
    }
  }
  visit((exported as Node).declaration as Node)
}

function expectPlace(error: unknown, text: string): void {
  if (!(error instanceof StillroomError)) throw error
  expectWithin(error.details as { line: number; column: number }, text)
}

function expectWithin({ line, column }: { line: number; column: number }, text: string): void {
  const lines = text.split('\n')
  expect(line).toBeGreaterThanOrEqual(1)
  expect(line).toBeLessThanOrEqual(lines.length)
  expect(column).toBeGreaterThanOrEqual(1)
  expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1)
}

/** What the compiler says of them, with the settings that recipes of this repository have. */
async function typeErrors(sources: readonly string[]): Promise<string> {
  for (const [i, source] of sources.entries()) {
    const recipe = join(directory, `recipes/${i}`)
    mkdirSync(recipe, { recursive: true })
    writeFileSync(join(recipe, 'recipe.ts'), source)
  }
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
  const config = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      paths: { stillroom: [join(ROOT, 'src/index.ts')] },
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: ['recipes/*/recipe.ts'],
  }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  const { stdout } = await execa('tsc', ['--project', directory], {
    preferLocal: true,
    localDir: ROOT,
    reject: false,
  })
  return stdout
}

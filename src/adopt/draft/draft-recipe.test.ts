import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { StillroomError } from '../../error.ts'
import { draftRecipe } from './draft-recipe.ts'
import { exportedRecipe } from './exported-recipe.test-data.ts'
import { recipeOf } from './recipe-draft.ts'
import { quote, writeRecipe } from './write-recipe.ts'

const ROOT = new URL('../../../', import.meta.url).pathname
const SAMPLES = join(ROOT, 'test/adopt/dockerfiles')
const names = globSync('*/Dockerfile', { cwd: SAMPLES })
  .map((path) => path.replace('/Dockerfile', ''))
  .sort()
const sample = (name: string) => readFileSync(join(SAMPLES, name, 'Dockerfile'), 'utf8')

function contextOf(name: string) {
  return (path: string) => {
    try {
      return readFileSync(join(SAMPLES, name, path), 'utf8')
    } catch {
      return undefined
    }
  }
}

describe('draftRecipe()', () => {
  it.each(names)('drafts %s', async (name) => {
    const { source, recipe } = draftRecipe(sample(name), { path: 'Dockerfile', contextFile: contextOf(name) })
    await expect(source).toMatchFileSnapshot(join(ROOT, `test/adopt/adopted/recipes/${name}/recipe.ts`))
    expect(JSON.stringify(exportedRecipe(source))).toBeDefined()
    expect(recipe.steps.length).toBe((exportedRecipe(source) as { steps?: unknown[] }).steps?.length ?? 0)
  })

  const refused: [string, string, number][] = [
    ['FROM debian AS a\nFROM a\n', 'a recipe cannot take files from another stage', 2],
    ['RUN x\n', 'there is no FROM', 1],
    ['\nFROM python:3.11-alpine\n', 'python:3.11-alpine is not Debian, Ubuntu or alike', 2],
    ['FROM scratch\n', 'a recipe begins with packages of Debian', 1],
    ['ARG X\nFROM $X\n', 'is only known with --build-arg', 2],
  ]
  it.each(refused)('refuses %j, with its place', (text, reason, line) => {
    const error = refusal(text)
    expect(error).toMatchObject({ code: 'DOCKERFILE_UNADOPTABLE', details: { line } })
    expect((error as Error).message).toContain(reason)
  })

  it.each(globSync('generated/*/Dockerfile', { cwd: ROOT }))('refuses %s: its recipe is there', (path) =>
    expect(refusal(readFileSync(join(ROOT, path), 'utf8'))).toMatchObject({ code: 'DOCKERFILE_UNADOPTABLE' }),
  )

  it('takes --suite and --build-arg', () => {
    const text = 'ARG TAG\nFROM ubuntu:$TAG\nARG P\nRUN apt-get install -y $P\n'
    const options = { path: 'Dockerfile', buildArgs: { TAG: '20.04', P: 'jq git' } }
    const { recipe } = draftRecipe(text, options)
    expect([recipe.base, recipe.steps[0]]).toMatchObject([
      { kind: 'image', reference: 'ubuntu:20.04' },
      { kind: 'apt', packages: ['jq', 'git'] },
    ])
    expect(draftRecipe(text, { ...options, suite: 'trixie' }).recipe.base).toEqual({
      kind: 'debian',
      suite: 'trixie',
    })
  })

  it('leaves out what no recipe may have, and says so', () => {
    const text =
      'FROM debian:12\nRUN apt-get install -y Not_A_Package\nEXPOSE 0\nENV __proto__=x\nCMD ["a\\nb"]\nVOLUME /\n'
    const { source, recipe, notes } = draftRecipe(text, { path: 'Dockerfile' })
    expect([recipe.steps, recipe.expose, recipe.cmd, recipe.volumes]).toEqual([[], [], undefined, []])
    expect(notes.filter(({ kind }) => kind === 'todo')).toHaveLength(5)
    expect(exportedRecipe(source)).toBeDefined()
  })
})

function refusal(text: string): unknown {
  try {
    draftRecipe(text, { path: 'Dockerfile' })
    return undefined
  } catch (error) {
    return error
  }
}

/** Strings that mean something to a shell, a Dockerfile, JavaScript or a terminal. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .array(
      fc.constantFrom(
        '`',
        '${',
        '}',
        "'",
        '"',
        '\\',
        '*/',
        '//',
        '\n',
        '\r',
        '\u2028',
        '\u2029',
        '\u202e',
        '\ud800',
        '\0',
        ')',
        '])',
        ',',
        "')",
        '`)',
        'a',
        ' ',
        '$',
        '</script>',
        '__proto__',
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
)

test('writeRecipe() of any strings is source of the same strings', () => {
  fc.assert(
    fc.property(fc.array(nasty, { minLength: 12, maxLength: 12 }), (all) => {
      const [a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = '', i = '', j = '', k = '', l = ''] =
        all
      const own = (key: string, value: string) => (key === '__proto__' ? {} : { [key]: value })
      const at = { line: 1, column: 1 }
      const draft = {
        comments: [a, b],
        base: { kind: 'image' as const, reference: c },
        entries: [
          { at, comments: [d], step: { kind: 'run' as const, command: e } },
          { at, comments: [], step: { kind: 'apt' as const, packages: [f, g], recommends: true } },
          { at, comments: [h], step: { kind: 'git' as const, url: i, ref: j, to: k, submodules: true } },
          {
            at,
            comments: [],
            step: { kind: 'file' as const, url: l, sha256: a, to: b, unpack: true, strip: 2, mode: c },
          },
          { at, comments: [d], step: undefined },
          {
            at,
            comments: [],
            step: {
              kind: 'pip' as const,
              requirements: [],
              files: [e],
              constraints: [f],
              constraintFiles: [g],
              index: h,
              local: [{ path: i, editable: true, extras: [j] }],
            },
          },
          { at, comments: [], step: { kind: 'project' as const, path: k, to: l } },
        ],
        env: own(a, b),
        labels: own(c, d),
        user: { name: e, uid: 1, home: f, shell: g },
        workdir: h,
        entrypoint: [i],
        cmd: [j, k],
        expose: [l],
        volumes: [a],
        tasks: { t: { description: b, command: [c] } },
        trailing: [d],
      }
      const found = JSON.parse(JSON.stringify(exportedRecipe(writeRecipe(draft)))) as {
        steps: Record<string, unknown>[]
      }
      const wanted = JSON.parse(JSON.stringify(recipeOf(draft)))
      // defaults that the functions fill in
      const bare = (value: Record<string, unknown>) => ({ ...value, lfs: undefined, constraints: undefined })
      expect(found.steps.map(bare)).toEqual(wanted.steps.map(bare))
      // what is empty is not written
      expect({ env: {}, labels: {}, ...found, steps: [] }).toEqual({ ...wanted, steps: [] })
    }),
    { numRuns: rounds(500, 5000) },
  )
})

test('quote() gives a literal of the same string, all of it visible', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      expect(new Function(`return ${quote(text)}`)()).toBe(text)
      expect(quote(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
    }),
    { numRuns: rounds(500, 5000) },
  )
})

test('any mutation of a Dockerfile gives a recipe, or an error with its place', () => {
  const piece = fc.constantFrom(
    'FROM debian:12\n',
    'RUN ',
    ' && ',
    '; ',
    '\\\n',
    '<<EOF\n',
    'EOF\n',
    '"',
    "'",
    '$(',
    ')',
    '`',
    '${X:-y}',
    '|| ',
    '| ',
    'apt-get install -y ',
    'pip install ',
    'git clone ',
    'COPY a /b/\n',
    'USER x\n',
    'cd /',
    '#',
    '\0',
    '\ud800',
    '--',
    '[',
    ']',
    '{',
    '}',
    '-e .',
    '/tmp/x',
    'curl -o /x https://example.org/y\n',
  )
  const mutation = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(12),
    put: fc.oneof(piece, nasty),
  })
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      (name, mutations) => {
        let text = sample(name)
        for (const { at, length, put } of mutations) {
          const from = Math.floor(at * text.length)
          text = text.slice(0, from) + put + text.slice(from + length)
        }
        try {
          const { source } = draftRecipe(text, { path: 'Dockerfile', contextFile: contextOf(name) })
          exportedRecipe(source)
        } catch (error) {
          if (!(error instanceof StillroomError)) throw error
          expect(error.details).toMatchObject({ line: expect.any(Number), column: expect.any(Number) })
        }
      },
    ),
    { numRuns: rounds(1000, 10_000) },
  )
}, 300_000)

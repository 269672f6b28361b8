import { describe, expect, test } from 'vitest'
import { parseRecipe } from '../workflows/project/load-recipe.ts'
import { apt, copy, debian, file, git, image, pip, project, recipe, run } from './define-recipe.ts'

/** Whatever an author wrote, as without a type checker. */
const untyped = <T>(make: (...args: never[]) => T) => make as unknown as (...args: unknown[]) => T

describe('what authors write that stillroom does not know', () => {
  const mistaken = { mistake: true }
  const to = '/opt/a'
  test.each<[string, object]>([
    ['debian()', { base: untyped(debian)('bookworm', mistaken) }],
    ['image()', { base: untyped(image)('debian:12', mistaken) }],
    ['recipe()', { base: untyped(recipe)('other', mistaken) }],
    ...(
      [
        ['apt()', untyped(apt)(['python3'], mistaken)],
        ['pip()', untyped(pip)(['six'], mistaken)],
        ['local of pip()', untyped(pip)([], { local: [{ path: to, ...mistaken }] })],
        ['git()', untyped(git)('https://example.org/a', { ref: 'main', to, ...mistaken })],
        ['file()', untyped(file)('https://example.org/a', { to, ...mistaken })],
        ['project()', untyped(project)('solver', { to, ...mistaken })],
        ['copy()', untyped(copy)(recipe('other'), { path: '/a', to, ...mistaken })],
        ['run()', untyped(run)('true', mistaken)],
      ] as const
    ).map(([name, step]): [string, object] => [name, { base: debian('bookworm'), steps: [step] }]),
  ])('is refused by %s', (_, written) => {
    expect(() => parseRecipe(written, 'recipe.ts')).toThrow(
      /(base|steps\[0\]).*\.mistake: true is not a known field/,
    )
  })
})

test.each(['solver', 'a/b', '../src', '../../src', '../..', '..'])('project() takes %s', (path) => {
  const written = { base: debian('bookworm'), steps: [project(path, { to: '/opt/a', exclude: ['recipes'] })] }
  expect(parseRecipe(written, 'recipe.ts').steps).toEqual([
    { kind: 'project', path, to: '/opt/a', exclude: ['recipes'] },
  ])
})

test.each(['/src', '.', './src', 'a/../..', '../a/../b', '../', 'a/', '', '../.', '....//'])(
  'project() refuses %j',
  (path) => {
    const written = { base: debian('bookworm'), steps: [project(path, { to: '/opt/a' })] }
    expect(() => parseRecipe(written, 'recipe.ts')).toThrow(/steps\[0\]\.path/)
  },
)

test('a recipe of words where lists and objects are wanted is told how they look', () => {
  const written = {
    base: debian('bookworm'),
    user: 'ana',
    cmd: 'true',
    tasks: { a: { command: 'python3 x.py' } },
  }
  expect(() => parseRecipe(written, 'recipe.ts')).toThrow(
    `recipe.ts: the recipe is not valid:
  user: "ana" must be an object: { name: 'me', uid: 1000, home: '/home/me' }
  cmd: "true" must be a list of words; for a shell: ['sh', '-c', '...']
  tasks.a.command: "python3 x.py" must be a list of words; for a shell: ['sh', '-c', '...']`,
  )
})

test('a project that is not named as indexes name it is told how that is', () => {
  const step = pip(['South==0.7rc1'], { sdists: { South: [], '-x': [] } })
  const written = { base: debian('bookworm'), steps: [step] }
  expect(() => parseRecipe(written, 'recipe.ts')).toThrow(
    `recipe.ts: the recipe is not valid:
  steps[0].sdists.South: the name must be a normalised name (PEP 503): write "south"
  steps[0].sdists["-x"]: the name must begin with a letter or a digit (PEP 503)`,
  )
})

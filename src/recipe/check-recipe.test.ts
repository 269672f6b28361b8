import { describe, expect, it } from 'vitest'
import { checkRecipe } from './check-recipe.ts'
import { Recipe, type RecipeInput } from './schema.ts'

const BASE = { kind: 'debian', suite: 'bookworm' } as const

function issues(fields: Omit<RecipeInput, 'base'>): string[] {
  return checkRecipe(Recipe.parse({ base: BASE, ...fields })).map(
    ({ path, value, reason }) => `${path}: ${value} ${reason}`,
  )
}

const apt = (...packages: string[]) => ({ kind: 'apt' as const, packages })
const pip = (...requirements: string[]) => ({ kind: 'pip' as const, requirements })
const project = (to: string) => ({ kind: 'project' as const, path: 'solver', to })
const user = (fields: object) => ({ user: { name: 'fenics', uid: 1000, home: '/home/fenics', ...fields } })

describe('checkRecipe()', () => {
  it('finds nothing in a sound recipe', () => {
    expect(
      issues({
        steps: [
          apt('python3', 'curl=1.0'),
          apt('curl'),
          pip('six', 'numpy>=1'),
          project('/home/fenics/solver'),
          project('/opt/a'),
        ],
        ...user({}),
        workdir: '/home/fenics/solver',
        shared: '/home/fenics/shared',
        expose: ['80/tcp', '80/udp', '8000-8010/tcp'],
        volumes: ['/data'],
        entrypoint: ['sh'],
        cmd: [''],
      }),
    ).toEqual([])
  })

  it.each<[Omit<RecipeInput, 'base'>, string[]]>([
    [{ steps: [apt('a1', 'b1', 'a1')] }, ['steps[0].packages[2]: "a1" names "a1" again']],
    [
      { steps: [apt('a1=1'), apt('a1=2')] },
      ['steps[1].packages[0]: "a1=2" has another version in steps[0]: "1"'],
    ],
    [{ steps: [pip('Foo.Bar', 'foo_bar==1')] }, ['steps[0].requirements[1]: "foo-bar" is there twice']],
    [
      { steps: [project('/opt/a'), project('/opt/a')] },
      ['steps[1].to: "/opt/a" overlaps steps[0].to: "/opt/a"'],
    ],
    [
      { steps: [project('/opt/a/b'), project('/opt/a')] },
      ['steps[1].to: "/opt/a" overlaps steps[0].to: "/opt/a/b"'],
    ],
    [{ steps: [project('/usr')] }, ['steps[0].to: "/usr" is a directory of the system']],
    [{ steps: [project('/data/a')], shared: '/data' }, ['shared: "/data" would hide steps[0].to: "/data/a"']],
    [{ shared: '/' }, ['shared: "/" is a directory of the system']],
    [
      { volumes: ['/', '/a', '/a'] },
      ['volumes[2]: "/a" is there twice', 'volumes[0]: "/" must not be the root'],
    ],
    [
      { workdir: '/tmp/a', volumes: ['/proc/a', '/run/a'], shared: '/.stillroom' },
      [
        'workdir: "/tmp/a" is a place whose files do not stay in an image',
        'volumes[0]: "/proc/a" is a place whose files do not stay in an image',
        'volumes[1]: "/run/a" is a place whose files do not stay in an image',
        'shared: "/.stillroom" is a place whose files do not stay in an image',
      ],
    ],
    [user({ name: 'root' }), ['user.name: "root" is an account of the base system']],
    [user({ uid: 33 }), ['user.uid: 33 is taken by "www-data" of the base system']],
    [user({ home: '/' }), ['user.home: "/" is a directory of the system']],
    [{ expose: ['3-2/tcp'] }, ['expose[0]: "3-2/tcp" must begin with the lower port']],
    [{ expose: ['1-65536/tcp'] }, ['expose[0]: "1-65536/tcp" must not be above 65535']],
    [{ expose: ['1/tcp', '1/tcp'] }, ['expose[1]: "1/tcp" is there twice']],
    [{ cmd: [''] }, ['cmd[0]: "" must name a program']],
    [{ tasks: { a: { command: [''] } } }, ['tasks.a.command[0]: "" must name a program']],
    [{ env: { A: '\ud800' } }, ['env.A: "\\ud800" must not contain half of a surrogate pair']],
    [
      { steps: [{ kind: 'run', command: 'a \u202e b' }] },
      ['steps[0].command: "a \u202e b" must not contain characters that turn the direction of text'],
    ],
    [
      {
        checks: [
          { name: 'a', command: ['b'] },
          { name: 'a', command: ['c'] },
        ],
      },
      ['checks[1].name: "a" is there twice'],
    ],
  ])('finds what is wrong in %j', (fields, expected) => {
    expect(issues(fields).sort()).toEqual(expected.sort())
  })
})

it.each(['sid', 'unstable', 'testing', 'stable'])('a recipe can not stand on %s, and says why', (suite) => {
  const { error } = Recipe.safeParse({ base: { kind: 'debian', suite } })
  expect(error?.message).toMatch(
    /is no release: its packages are replaced|is another release every two years/,
  )
  expect(error?.message).toContain('take')
})

it('components of the archive stand once, and are those of the suite', () => {
  const check = (base: object) => checkRecipe(Recipe.parse({ base: { kind: 'debian', ...base } }))
  expect(check({ suite: 'bookworm', components: ['main', 'contrib', 'non-free-firmware'] })).toEqual([])
  expect(check({ suite: 'bookworm', components: ['contrib', 'contrib'] })).toMatchObject([
    { path: 'base.components[1]', reason: 'is there twice' },
  ])
  expect(check({ suite: 'bullseye', components: ['non-free-firmware'] })).toMatchObject([
    { path: 'base.components[0]', reason: 'is there from bookworm on: take non-free' },
  ])
})

it('a repository is not asked by git://, and the reason is said', () => {
  const step = { kind: 'git', url: 'git://git.example.org/a.git', ref: 'main', to: '/opt/a' }
  const { error } = Recipe.safeParse({ base: { kind: 'debian', suite: 'bookworm' }, steps: [step] })
  expect(error?.message).toContain('neither encrypted nor authenticated')
  expect(error?.message).not.toContain('must be the address')
})

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NIGHTLY } from './support/nightly.ts'
import { makeProject } from './support/project.ts'
import { failure } from './support/stillroom.ts'

const withSteps = (steps: string) => `import { apt, debian, defineRecipe, pip } from 'stillroom'
export default defineRecipe({ base: debian('bookworm'), steps: [${steps}] })\n`
// the same apt step as in hello, so that its layer is built once for all
const python = `apt(['python3', 'python3-pip'])`

/** Every second by day: each resolves in an image. */
const tried = <T>(cases: readonly T[]) => (NIGHTLY ? cases : cases.filter((_, index) => index % 2 === 0))
if (!NIGHTLY) console.warn('every second case is left to the nightly tests')

const CASES = [
  [
    'an unknown Debian package',
    `apt(['python3', 'no-such-package', 'nor-this'])`,
    'APT_PACKAGE_UNKNOWN',
    /steps\[0\] "no-such-package"[\s\S]*steps\[0\] "nor-this"/,
  ],
  [
    'a Debian version that does not exist',
    `apt(['python3=2.7.0-1'])`,
    'APT_VERSION_UNKNOWN',
    /"python3=2\.7\.0-1": no index has this version; available: 3\./,
  ],
  [
    'Debian packages that exclude each other',
    `apt(['mawk', 'exim4-daemon-light', 'postfix'])`,
    'APT_UNRESOLVABLE',
    /exim4-daemon-light/,
  ],
  [
    'an unknown Python project',
    `${python}, pip(['no-such-project-of-stillroom'])`,
    'PIP_PACKAGE_UNKNOWN',
    /no-such-project-of-stillroom/,
  ],
  [
    'a Python version that does not exist',
    `${python}, pip(['cowsay==99.0'])`,
    'PIP_PACKAGE_UNKNOWN',
    /cowsay==99\.0/,
  ],
  [
    'Python requirements in conflict',
    `${python}, pip(['requests==2.32.3', 'urllib3==1.20'])`,
    'PIP_CONFLICT',
    /urllib3/,
  ],
  ['a Python project without pip in the image', `pip(['cowsay'])`, 'PIP_FAILED', /no pip/],
] as const

test.for(tried(CASES))('%s', async ([, steps, code, message]) => {
  const directory = await makeProject({ 'recipes/wish/recipe.ts': withSteps(steps) })
  const error = await failure(directory, ['lock', 'recipe', 'wish'])
  expect(error).toMatchObject({ exitCode: 2, code, message: expect.stringMatching(message) })
  expect(existsSync(join(directory, 'recipes/wish/lock.json'))).toBe(false)
  expect(existsSync(join(directory, 'generated'))).toBe(false)
})

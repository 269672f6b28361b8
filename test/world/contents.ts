import type { ArchiveState } from './apt-archive.ts'
import type { GitServer } from './git-server.ts'
import { makeDeb } from './make-deb.ts'
import { makeTar } from './make-tar.ts'
import { composeImage, composeIndex, type OciImage } from './oci-image.ts'
import { type Distribution, makeSdist, makeWheel } from './python-distributions.ts'

/** A shell script. */
const program = (line: string) => ({ content: `#!/bin/sh\n${line}\n`, mode: 0o755 })

/**
 * The apt archive on two days: first `widget` 1.0, which needs `gadget` 1.0; then `widget` 1.1, and 1.0 is gone from
 * the pool.
 */
export async function archiveStates(): Promise<ArchiveState[]> {
  const gadget = await makeDeb({ name: 'gadget', version: '1.0' })
  const widgets = ['1.0', '1.1'].map((version) =>
    makeDeb({
      name: 'widget',
      version,
      depends: 'gadget (>= 1.0)',
      files: { '/usr/bin/widget': program(`echo widget ${version}`) },
    }),
  )
  const dates = ['2024-01-15T12:00:00Z', '2024-06-15T12:00:00Z']
  return await Promise.all(
    widgets.map(async (widget, day) => ({
      date: new Date(dates[day] as string),
      suites: {
        'debian bookworm': [gadget, await widget],
        'debian bookworm-updates': [],
        'debian-security bookworm-security': [],
      },
    })),
  )
}

/** `numbers` 1.0 and 1.1 as wheels, and `plots` 0.3, which needs it, as a source distribution. */
export async function distributions(): Promise<Distribution[]> {
  return [
    makeWheel({ name: 'tiny-numbers', version: '1.0' }),
    makeWheel({ name: 'tiny-numbers', version: '1.1', requiresPython: '>=3.6' }),
    await makeSdist({ name: 'tiny-plots', version: '0.3', requires: ['tiny-numbers'] }),
  ]
}

/** `tiny-numbers` 1.1 as it should not be: another file of the same name. */
export function replacedWheel(): Distribution {
  return makeWheel({
    name: 'tiny-numbers',
    version: '1.1',
    requiresPython: '>=3.6',
    files: { 'tiny_numbers.py': 'VERSION = "1.1"\nREPLACED = True\n' },
  })
}

/** What can be downloaded at `/data/mesh.txt`. */
export const MESH = Buffer.from('0 0\n1 0\n0 1\n'.repeat(2000))

/** What stands for tensorforce: a package without pyproject.toml, with a submodule, a large file and a tag. */
export const LEARNING = 'research/learning'
/** A private repository with what is run. */
export const EXPERIMENT = 'research/experiment'
/** What the first has as its submodule. */
export const AGENTS = 'research/agents'

/** Fills the repositories; gives the commit of each. */
export async function fillRepositories(git: GitServer): Promise<Record<string, string>> {
  const agents = await git.commit(AGENTS, { 'agents.json': '["ppo", "dqn"]\n' })
  const learning = await git.commit(LEARNING, {
    '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
    '.gitmodules': `[submodule "agents"]\n\tpath = agents\n\turl = ../agents.git\n`,
    agents: { commit: agents },
    'weights.bin': git.keepLarge(Buffer.from('the weights of a network\n'.repeat(1000))),
    'setup.py': learningSetup('0.4.2'),
    'learning/__init__.py': "__version__ = '0.4.2'\n",
    'learning/presets.json': '{"ppo": {}}\n',
    'run.sh': { executable: '#!/bin/sh\nexec python3 -m learning "$@"\n' },
    'README.md': { link: 'learning/presets.json' },
  })
  await git.tag(LEARNING, '0.4.2', learning)
  const experiment = await git.commit(EXPERIMENT, {
    'train.py': 'import learning\nprint("training with", learning.__version__)\n',
    'data/values.csv': '1,2\n3,4\n',
  })
  return { [AGENTS]: agents, [LEARNING]: learning, [EXPERIMENT]: experiment }
}

export function learningSetup(version: string): string {
  return `from setuptools import setup
setup(name='learning', version='${version}', packages=['learning'], install_requires=['tiny-numbers'])
`
}

/** `team/tiny`: no programs, two platforms. Another `version`, other bytes. */
export async function tinyImage(version: string): Promise<OciImage> {
  const layers = [
    await makeTar({
      'etc/': { directory: true },
      'etc/os-release': 'ID=tiny\nVERSION_ID="1"\n',
      'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ntiny:x:1000:1000::/home/tiny:/bin/sh\n',
      'etc/group': 'root:x:0:\ntiny:x:1000:\n',
      'opt/': { directory: true },
      'opt/old': 'old\n',
    }),
    await makeTar({ 'etc/version': `${version}\n`, 'opt/.wh.old': '' }),
  ]
  const config = { User: 'tiny', Env: ['PATH=/bin', `VERSION=${version}`], Entrypoint: ['/bin/sh'] }
  const manifests = await Promise.all(
    ['amd64', 'arm64'].map((architecture) =>
      composeImage({ layers, config, platform: { os: 'linux', architecture } }),
    ),
  )
  return composeIndex(manifests)
}

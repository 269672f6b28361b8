import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { InstalledPackage } from '../../inventory/inventory.ts'
import { treeOf } from '../../inventory/tree.test-data.ts'
import { wantedByAudit } from '../wanted-by-audit.ts'
import { builtNotes } from './built-notes.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const INFO = 'usr/lib/python3/dist-packages/gym-0.21.0.dist-info'

/** As gym 0.21.0 has them, built with setuptools and wheel 0.34.2, without most of its extras. */
const WHEEL = `Wheel-Version: 1.0
Generator: bdist_wheel (0.34.2)
Root-Is-Purelib: true
Tag: py3-none-any

`
const METADATA = `Metadata-Version: 2.1
Name: gym
Version: 0.21.0
Summary: Gym: A universal API for reinforcement learning environments.
License: UNKNOWN
Platform: UNKNOWN
Requires-Python: >=3.6
Requires-Dist: cloudpickle (>=1.2.0)
Requires-Dist: importlib-metadata (>=4.8.1) ; python_version < "3.8"
Provides-Extra: all
Requires-Dist: mujoco-py (<2.0,>=1.50) ; extra == 'all'
Requires-Dist: autorom[accept-rom-license] (~=0.4.2) ; extra == 'all'

A title

  indented
`
const PKG_INFO = `Metadata-Version: 1.1
Name: gym
Version: 0.21.0
Summary: Gym: A universal API for reinforcement learning environments.
License: UNKNOWN
Description: A title
        
          indented
        
Platform: UNKNOWN
Requires-Python: >=3.6
Provides-Extra: all
`
const REQUIRES = `cloudpickle>=1.2.0

[:python_version < "3.8"]
importlib_metadata>=4.8.1

[all]
mujoco_py<2.0,>=1.50
autorom[accept-rom-license]~=0.4.2
`

const PACKAGE: InstalledPackage = {
  kind: 'pypi',
  name: 'gym',
  version: '0.21.0',
  record: `${INFO}/METADATA`,
  environment: 'usr/lib/python3/dist-packages',
  files: [
    { path: `${INFO}/RECORD` },
    { path: 'usr/lib/python3/dist-packages/__pycache__/gym.cpython-39.pyc' },
    {
      path: 'usr/lib/python3/dist-packages/gym.py',
      digest: { algorithm: 'sha256', value: sha256('print()\n') },
    },
  ],
}
const isInstalled = (name: string, version: string) => name === 'wheel' && version === '0.34.2'

/** Names of the notes that are right. */
async function right(changes: Record<string, string> = {}, found = PACKAGE): Promise<string[]> {
  const files: Record<string, string> = {
    [`${INFO}/RECORD`]: 'gym.py,,\n',
    [`${INFO}/WHEEL`]: WHEEL,
    [`${INFO}/METADATA`]: METADATA,
    'usr/lib/python3/dist-packages/gym.py': 'print()\n',
    ...changes,
  }
  const tree = await treeOf(Object.entries(files), {
    keep: (path, size) => wantedByAudit(path, size) || path.endsWith('METADATA'),
  })
  const notes = builtNotes(tree, found, { metadata: PKG_INFO, requires: REQUIRES }, isInstalled)
  for (const [path, digest] of notes) {
    const content = files[path]
    if (content !== undefined) expect(digest).toBe(sha256(content))
  }
  return [...notes.keys()].map((path) => path.slice(INFO.length + 1))
}

const ALL = ['INSTALLER', 'REQUESTED', 'RECORD', 'WHEEL', 'METADATA']

describe('builtNotes()', () => {
  test('knows all that is noted of a wheel that was built from a source distribution', async () => {
    expect(await right()).toEqual(ALL)
  })

  test.each<[string, string, string]>([
    ['WHEEL', WHEEL, WHEEL.replace('0.34.2', '0.99')],
    ['WHEEL', WHEEL, WHEEL.replace('bdist_wheel', 'evil')],
    ['WHEEL', WHEEL, `${WHEEL}Build: 1\n`],
    ['METADATA', METADATA, METADATA.replace('0.21.0', '0.21.1')],
    ['METADATA', METADATA, METADATA.replace('cloudpickle', 'evil')],
    ['METADATA', METADATA, METADATA.replace('(>=1.2.0)', '(>=1.2.1)')],
    ['METADATA', METADATA, METADATA.replace("extra == 'all'", "extra == 'other'")],
    ['METADATA', METADATA, METADATA.replace('Requires-Dist: cloudpickle (>=1.2.0)\n', '')],
    ['METADATA', METADATA, METADATA.replace('Provides-Extra: all', 'Provides-Extra: more')],
    ['METADATA', METADATA, METADATA.replace('License: UNKNOWN', 'License: MIT')],
    ['METADATA', METADATA, METADATA.replace('A title', 'Another title')],
  ])('takes no other %s', async (name, before, after) => {
    expect(after).not.toBe(before)
    expect(await right({ [`${INFO}/${name}`]: after })).toEqual(ALL.filter((each) => each !== name))
  })

  test('takes no RECORD that says another hash than a file has, or none', async () => {
    const without = ALL.filter((each) => each !== 'RECORD')
    expect(await right({ 'usr/lib/python3/dist-packages/gym.py': 'evil()\n' })).toEqual(without)
    const files = PACKAGE.files.map(({ path }) => ({ path }))
    expect(await right({}, { ...PACKAGE, files })).toEqual(without)
  })
})

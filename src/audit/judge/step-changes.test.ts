import { beforeAll, describe, expect, test } from 'vitest'
import {
  audit,
  type Change,
  findingsOf,
  type SmallImage,
  smallImage,
  withLayer,
  withStep,
} from '../small-image.test-data.ts'

let small: SmallImage
beforeAll(async () => {
  small = await smallImage()
})

/** Layers of the small image, by the step that made each. */
const LAYERS = ['base', 'apt-1', 'pip-2', 'git-3', 'file-4', 'project-5', 'run-6']
const RUN = 'run-6'
const text = (path: string) => small.image.tree.read(path)?.toString() ?? expect.unreachable(path)

/** What the audit says of a locked image in which a step left paths so. */
async function changedBy(step: string, changes: Record<string, Change | undefined>) {
  const changed = await withStep(small, LAYERS.indexOf(step), changes)
  const { verdict, files } = await audit(changed)
  const lines = files.changes.map(({ path, by, scripts = [], rule, owner = '' }) =>
    [path, by, rule, owner, ...scripts].join(' '),
  )
  return {
    verdict,
    changes: lines,
    reasons: files.generated.map(({ reason }) => reason),
    findings: await findingsOf(changed),
  }
}

describe("what a step of the locked image changed is that step's, and shown", () => {
  test.each<[what: string, step: string, changes: () => Record<string, Change>, shown: string[]]>([
    [
      'a file of a package, by a command',
      RUN,
      () => ({ 'usr/bin/dpkg': { content: 'patched' } }),
      ['/usr/bin/dpkg run-6 file-modified deb/dpkg'],
    ],
    [
      'a file of an earlier step, its mode and owner, by a command',
      RUN,
      () => ({ 'opt/solver/main.py': { content: 'patched', mode: 0o700, uid: 7 } }),
      ['/opt/solver/main.py run-6 file-mode project-5', '/opt/solver/main.py run-6 file-modified project-5'],
    ],
    [
      'a link, by a command',
      RUN,
      () => ({ 'usr/bin/python3': { target: '/opt/python3' } }),
      ['/usr/bin/python3 run-6 file-modified deb/python3'],
    ],
    [
      'a package beside the locked ones, by a command',
      RUN,
      () => ({
        'venv/site-packages/pip-23.dist-info/METADATA': { content: 'Name: pip\nVersion: 23\n' },
        'venv/site-packages/pip-23.dist-info/RECORD': {
          content: 'pip.py,,\npip-23.dist-info/METADATA,,\npip-23.dist-info/RECORD,,\n',
        },
        'venv/site-packages/pip.py': { content: 'import os\n' },
      }),
      ['/venv/site-packages/pip-23.dist-info/METADATA run-6 package-extra pypi/pip'],
    ],
    ['the time zone, by a command', RUN, () => ({ 'etc/timezone': { content: 'Europe/Berlin\n' } }), []],
    [
      'the archive that apt asks, by a command',
      RUN,
      () => ({ 'etc/apt/sources.list': { content: '' } }),
      ['/etc/apt/sources.list run-6 file-modified '],
    ],
    ['what a package keeps, by its scripts', 'apt-1', () => ({ 'var/lib/state/x': { content: 'x' } }), []],
    [
      'a path that a script names',
      'base',
      () => ({ 'usr/libexec/send': { mode: 0o2711, gid: 7 } }),
      ['/usr/libexec/send base file-mode deb/adduser adduser'],
    ],
    [
      'an alternative that is set by hand',
      'apt-1',
      () => ({ 'etc/alternatives/editor': { target: '/usr/bin/dpkg' } }),
      [],
    ],
    [
      'users of packages in any way',
      'apt-1',
      () => ({
        'etc/passwd': { content: `${text('etc/passwd')}cluster:x:64030:64030::/var/lib/cluster:/bin/bash\n` },
      }),
      [],
    ],
  ])('%s', async (_, step, changes, shown) => {
    expect(await changedBy(step, changes())).toMatchObject({ verdict: 'clean', changes: shown, findings: [] })
  })

  test('and counted by the step', async () => {
    const { reasons } = await changedBy(RUN, {
      'usr/bin/dpkg': { content: 'patched' },
      'etc/timezone': { content: 'UTC\n' },
    })
    expect(reasons).toEqual(expect.arrayContaining(['modified by run-6', "made by the recipe's run-6"]))
    const made = await changedBy('base', {
      'usr/libexec/other': { content: 'x' },
      'var/lib/other': { content: 'x' },
    })
    expect(made.reasons).toContain('made as the packages of step base were set up')
  })
})

/** The small image, whose package dpkg brings one more file. */
async function bringing(path: string, content: string): Promise<SmallImage> {
  const with1 = await withStep(small, 0, { [path]: { content } })
  const { size, sha256 } = with1.image.tree.findLink(path)?.inode ?? expect.unreachable()
  const artifacts = new Map(with1.lock.contents.artifacts)
  for (const [key, contents] of artifacts)
    if (contents.control?.['control']?.text?.includes('Package: dpkg\n')) {
      const file = { path, type: 'file' as const, size, sha256, mode: 0o644, uid: 0, gid: 0, target: '' }
      artifacts.set(key, { ...contents, files: [...contents.files, file] })
    }
  return { ...with1, lock: { ...with1.lock, contents: { ...with1.lock.contents, artifacts } } }
}

test.each([
  ['var/lib/state/x', 'brought', []],
  ['usr/share/state/x', '', []],
  ['usr/share/state/x', 'brought', ['file-modified /usr/share/state/x']],
])('of a package: %s brought as %j and filled as it is set up', async (path, content, findings) => {
  const filled = await withStep(await bringing(path, content), 0, { [path]: { content: 'filled' } })
  expect((await findingsOf(filled)).filter((each) => each.endsWith(path))).toEqual(findings)
})

test.each([...LAYERS, 'none'])(
  'a directory that a script may change, as it is without that, in the layer of %s',
  async (step) => {
    const changes: Record<string, Change> = { 'var/spool/mailer': { type: 'directory', mode: 0o755 } }
    const layer = LAYERS.indexOf(step)
    const changed = await (layer === -1 ? withLayer(small, changes) : withStep(small, layer, changes))
    const about = (all: string[]) =>
      all.filter((each) => each.startsWith('file-mode') || each.startsWith('setuid'))
    expect(about(await findingsOf(changed))).toEqual([])
    expect(about(await findingsOf(changed, false))).toEqual([])
  },
)

describe('is found all the same in a locked image:', () => {
  test.each<[what: string, step: string, changes: () => Record<string, Change | undefined>, finding: string]>(
    [
      [
        'a file of a package with another content, in the layer of its own step',
        'base',
        () => ({ 'usr/bin/dpkg': { content: 'bad' } }),
        'file-modified /usr/bin/dpkg',
      ],
      [
        'a file of a package in the layer of files',
        'project-5',
        () => ({ 'usr/bin/dpkg': { content: 'bad' } }),
        'file-modified /usr/bin/dpkg',
      ],
      [
        'a file of a package with another mode that no script names',
        'base',
        () => ({ 'usr/bin/dpkg': { mode: 0o700 } }),
        'file-mode /usr/bin/dpkg',
      ],
      [
        'a file of a package that is gone',
        'base',
        () => ({ 'usr/bin/dpkg': undefined }),
        'file-missing /usr/bin/dpkg',
      ],
      [
        'a package that is no locked one, in the layer of a step that runs nothing',
        'project-5',
        () => ({
          'opt/x/pip-23.dist-info/METADATA': { content: 'Name: pip\nVersion: 23\n' },
          'opt/x/pip-23.dist-info/RECORD': { content: 'pip-23.dist-info/METADATA,,\n' },
        }),
        'package-extra pypi/pip',
      ],
      [
        'rights of another user that a command gives',
        RUN,
        () => ({ 'usr/bin/dpkg': { mode: 0o4755 } }),
        'setuid /usr/bin/dpkg',
      ],
      [
        'a file that everybody may write to',
        RUN,
        () => ({ 'opt/open': { content: 'x', mode: 0o666 } }),
        'world-writable /opt/open',
      ],
      [
        'a second root',
        RUN,
        () => ({ 'etc/passwd': { content: `${text('etc/passwd')}eve:x:0:0::/:/bin/sh\n` } }),
        'account /etc/passwd',
      ],
      [
        'a user without a password',
        'base',
        () => ({ 'etc/shadow': { content: text('etc/shadow').replace('root:*', 'root:') } }),
        'account /etc/shadow',
      ],
      [
        'a password',
        RUN,
        () => ({ 'etc/shadow': { content: text('etc/shadow').replace('root:*', 'root:$y$a') } }),
        'account /etc/shadow',
      ],
      [
        'another status of packages',
        'base',
        () => ({
          'var/lib/dpkg/status': {
            content: text('var/lib/dpkg/status').replace(' of a package', ' of another'),
          },
        }),
        'file-modified /var/lib/dpkg/status',
      ],
      [
        'a credential',
        RUN,
        () => ({ 'root/.netrc': { content: 'machine x password y\n' } }),
        'credential /root/.netrc',
      ],
    ],
  )('%s', async (_, step, changes, finding) => {
    expect((await changedBy(step, changes())).findings).toContain(finding)
  })
})

test('the same changes in a layer on top are found', async () => {
  const changes: Record<string, Change> = {
    'etc/timezone': { content: 'Europe/Berlin\n' },
    'etc/apt/sources.list': { content: '' },
    'var/lib/state/x': { content: 'x' },
    'etc/alternatives/editor': { target: '/usr/bin/dpkg' },
    'opt/solver/main.py': { content: 'patched' },
  }
  for (const [path, change] of Object.entries(changes))
    expect((await findingsOf(await withLayer(small, { [path]: change }))).join(), path).toContain(`/${path}`)
})

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { RULES } from './rules.ts'
import {
  audit,
  byteCode,
  type Change,
  findingsOf,
  type SmallImage,
  smallImage,
  withLayer,
} from './small-image.test-data.ts'

let small: SmallImage
beforeAll(async () => {
  small = await smallImage()
})

const SITE = 'usr/local/lib/python3.11/dist-packages'
const inode = (path: string) => small.image.tree.findLink(path)?.inode ?? expect.unreachable(path)
const text = (path: string) => inode(path).content?.toString() ?? expect.unreachable(path)

describe('auditImage() of an image that its lock describes', () => {
  test('finds nothing, and explains every byte', async () => {
    const report = await audit(small)
    expect(report).toMatchObject({
      verdict: 'clean',
      findings: [],
      ignored: [],
      files: { explainedShare: 1 },
    })
    expect(report.files.account.intact.files).toBeGreaterThan(20)
    expect(report.files.account).toMatchObject({ modified: { files: 0 }, unexplained: { files: 0 } })
  })

  test('says of each package which step brought it', async () => {
    const { packages } = await audit(small)
    expect(packages.map(({ kind, name, step }) => `${kind}/${name} ${step}`)).toEqual([
      'deb/adduser base',
      'deb/dpkg base',
      'deb/python3 apt-1',
      'pypi/docopt pip-2',
      'pypi/six pip-2',
      'pypi/tool pip-2',
    ])
  })

  test('is the same for the same image, and reads nothing but what it is given', async () => {
    expect(await audit(small)).toEqual(await audit(await smallImage()))
  })
})

/** Git trees say nothing of their directories; mode and owner of what a script sets may be any that it names. */
const UNJUDGED = ['opt/tool/tool', 'usr/libexec/send']

describe('auditImage() finds any one change to what the lock pins', () => {
  const kinds: [what: string, change: (path: string) => Change | undefined, kinds: string[]][] = [
    ['other content', (path) => ({ content: `${inode(path).sha256}` }), ['file']],
    ['another mode', (path) => ({ mode: inode(path).mode ^ 0o100 }), ['file', 'directory']],
    ['another owner', () => ({ uid: 1000 }), ['file', 'directory']],
    ['another group', () => ({ gid: 1000 }), ['file', 'directory']],
    ['another target', () => ({ target: '/dev/null' }), ['symlink']],
    ['a symlink instead', () => ({ type: 'symlink', target: '/dev/null', mode: 0o777 }), ['file']],
    ['a file instead', () => ({ type: 'file', target: '', mode: 0o644, content: 'x' }), ['symlink']],
    ['a device instead', () => ({ type: 'character', major: 1, minor: 3, target: '' }), ['file', 'symlink']],
    ['nothing instead', () => undefined, ['file', 'symlink']],
  ]
  test.each(kinds)('%s', async (what, change, types) => {
    const unjudged = /mode|owner|group/.test(what) ? UNJUDGED : []
    const missed: string[] = []
    const paths = small.pinned.filter((path) => types.includes(inode(path).type))
    for (const path of paths) {
      const findings = await findingsOf(await withLayer(small, { [path]: change(path) }))
      if (!findings.some((finding) => finding.endsWith(` /${path}`) || finding.startsWith('package-')))
        missed.push(path)
    }
    expect(paths.length).toBeGreaterThan(2)
    expect(missed.filter((path) => !unjudged.includes(path))).toEqual([])
  })

  test('a file more, in any directory', async () => {
    const directories = [...small.image.tree.files()].filter(({ inode: { type } }) => type === 'directory')
    const missed: string[] = []
    for (const { path } of directories) {
      const added = `${path}/added`
      const findings = await findingsOf(await withLayer(small, { [added]: { content: 'x' } }))
      if (!findings.some((finding) => finding.endsWith(` /${added}`))) missed.push(path)
    }
    expect(directories.length).toBeGreaterThan(20)
    expect(missed).toEqual([])
  })
})

/** By rule: what a layer on top changes, and the findings that come of it; and what it may change without any. */
const BAD: [rule: string, changes: () => Record<string, Change | undefined>, findings: string[]][] = [
  ['file-modified', () => ({ 'usr/bin/dpkg': { content: 'bad' } }), ['file-modified /usr/bin/dpkg']],
  ['file-modified', () => ({ 'etc/dpkg/dpkg.cfg': { content: 'x' } }), ['file-modified /etc/dpkg/dpkg.cfg']],
  ['file-modified', () => ({ 'usr/bin/python3': { target: 'sh' } }), ['file-modified /usr/bin/python3']],
  [
    'file-modified',
    () => ({ 'etc/alternatives/editor': { target: '/usr/bin/dpkg' } }),
    ['file-modified /etc/alternatives/editor'],
  ],
  [
    'file-modified',
    () => ({ 'usr/bin/vi': { type: 'directory', mode: 0o755 } }),
    ['file-modified /usr/bin/vi'],
  ],
  [
    'file-modified',
    () => ({ 'usr/local/bin/six-tool': { content: '#!/bin/sh\n' } }),
    ['file-modified /usr/local/bin/six-tool'],
  ],
  [
    'file-modified',
    () => ({ [`${SITE}/docopt.py`]: { content: 'bad' } }),
    [`file-modified /${SITE}/docopt.py`],
  ],
  [
    'file-modified',
    () => ({ 'opt/mesh/mesh/a.xml': { content: 'bad' } }),
    ['file-modified /opt/mesh/mesh/a.xml'],
  ],
  [
    'file-modified',
    () => ({ 'var/cache/debconf/config.dat': { content: 'x' } }),
    ['file-modified /var/cache/debconf/config.dat'],
  ],
  ['file-missing', () => ({ 'usr/bin/dpkg': undefined }), ['file-missing /usr/bin/dpkg']],
  ['file-missing', () => ({ 'etc/shadow': undefined }), ['file-missing /etc/shadow']],
  ['file-missing', () => ({ 'opt/solver/main.py': undefined }), ['file-missing /opt/solver/main.py']],
  ['file-unexplained', () => ({ 'usr/bin/added': { content: 'x' } }), ['file-unexplained /usr/bin/added']],
  ['file-unexplained', () => ({ 'opt/result.txt': { content: 'x' } }), ['file-unexplained /opt/result.txt']],
  [
    'file-unexplained',
    () => ({ 'usr/bin/added': { type: 'symlink', target: 'dpkg' } }),
    ['file-unexplained /usr/bin/added'],
  ],
  [
    'file-unexplained',
    () => ({ 'usr/lib/null': { type: 'character', major: 1, minor: 3 } }),
    ['file-unexplained /usr/lib/null'],
  ],
  ['file-mode', () => ({ 'usr/bin/dpkg': { mode: 0o700 } }), ['file-mode /usr/bin/dpkg']],
  ['file-mode', () => ({ 'usr/bin/dpkg': { mode: 0o750 } }), ['file-mode /usr/bin/dpkg']],
  ['file-mode', () => ({ 'usr/libexec/send': { mode: 0o700 } }), ['file-mode /usr/libexec/send']],
  ['file-mode', () => ({ 'usr/share': { gid: 7 } }), ['file-mode /usr/share']],
  ['setuid', () => ({ 'usr/bin/dpkg': { mode: 0o4755 } }), ['setuid /usr/bin/dpkg']],
  ['setuid', () => ({ 'usr/bin/dpkg': { mode: 0o2755 } }), ['setuid /usr/bin/dpkg']],
  [
    'setuid',
    () => ({ 'opt/added': { content: 'x', xattrs: new Map([['security.capability', '\x01']]) } }),
    ['setuid /opt/added'],
  ],
  [
    'world-writable',
    () => ({ 'opt/solver/main.py': { mode: 0o666 } }),
    ['world-writable /opt/solver/main.py'],
  ],
  [
    'world-writable',
    () => ({ 'opt/open': { type: 'directory', mode: 0o777 } }),
    ['world-writable /opt/open'],
  ],
  [
    'account',
    () => ({ 'etc/passwd': { content: `${text('etc/passwd')}eve:x:0:0::/:/bin/sh\n` } }),
    ['account /etc/passwd'],
  ],
  ['account', () => ({ 'etc/shadow': { mode: 0o644 } }), ['account /etc/shadow']],
  ['file-mode', () => ({ 'etc/passwd': { mode: 0o600 } }), ['file-mode /etc/passwd']],
  [
    'file-unexplained',
    () => ({ 'opt/spool': { type: 'directory', mode: 0o1777 } }),
    ['file-unexplained /opt/spool'],
  ],
  [
    'file-unexplained',
    () => ({ [`${SITE}/numpy`]: { type: 'directory', mode: 0o755 } }),
    [`file-unexplained /${SITE}/numpy`],
  ],
  [
    'file-unexplained',
    () => ({ 'var/log/dpkg.log': { content: '-----BEGIN CERTIFICATE-----' } }),
    ['file-unexplained /var/log/dpkg.log'],
  ],
  [
    'byte-code',
    () => ({ [`${SITE}/__pycache__/six.cpython-311.pyc`]: { content: byteCode('other') } }),
    [`byte-code /${SITE}/__pycache__/six.cpython-311.pyc`],
  ],
  [
    'byte-code',
    () => ({ [`${SITE}/__pycache__/gone.cpython-311.pyc`]: { content: byteCode('') } }),
    [`byte-code /${SITE}/__pycache__/gone.cpython-311.pyc`],
  ],
  [
    'credential',
    () => ({ 'root/key': { content: `-----BEGIN RSA PRIVATE ${'KEY'}-----\n` } }),
    ['credential /root/key'],
  ],
  [
    'credential',
    () => ({ 'root/.netrc': { content: 'machine x password y\n' } }),
    ['credential /root/.netrc'],
  ],
  ['package-missing', () => withoutSix(), ['package-missing pypi/six']],
  [
    'package-version',
    () => ({ [`${SITE}/six-1.16.0.dist-info/METADATA`]: { content: 'Name: six\nVersion: 1.15.0\n' } }),
    ['package-version pypi/six'],
  ],
  [
    'package-extra',
    () => ({
      [`${SITE}/evil-1.dist-info/METADATA`]: { content: 'Name: evil\nVersion: 1\n' },
      [`${SITE}/evil-1.dist-info/RECORD`]: {
        content: 'evil.py,,\nevil-1.dist-info/METADATA,,\nevil-1.dist-info/RECORD,,\n',
      },
      [`${SITE}/evil.py`]: { content: 'import os\n' },
    }),
    ['package-extra pypi/evil'],
  ],
  [
    'inconclusive',
    () => ({ [`${SITE}/broken.dist-info/METADATA`]: { content: 'nothing' } }),
    [
      `file-unexplained /${SITE}/broken.dist-info/METADATA`,
      `inconclusive /${SITE}/broken.dist-info/METADATA`,
    ],
  ],
]

function withoutSix(): Record<string, undefined> {
  const paths = [...small.image.tree.files()].map(({ path }) => path)
  return Object.fromEntries(paths.filter((path) => /\/six[-.]/.test(path)).map((path) => [path, undefined]))
}

const GOOD: [why: string, changes: () => Record<string, Change | undefined>][] = [
  ['the same content again', () => ({ 'usr/bin/dpkg': { content: 'ELF dpkg' } })],
  ['a directory of a locked file', () => ({ opt: { type: 'directory', mode: 0o755 } })],
  ['a mode that the package gives', () => ({ 'usr/bin/passwd': { mode: 0o4755 } })],
  [
    'mode and group that a maintainer script sets',
    () => ({ 'usr/libexec/send': { mode: 0o2755, gid: 101 } }),
  ],
  ['a mode that a maintainer script gives by a pattern', () => ({ 'usr/bin/vi': { mode: 0o750 } })],
  ['byte code that is gone', () => ({ [`${SITE}/__pycache__/six.cpython-311.pyc`]: undefined })],
  ['a file of an archive that is not there', () => ({ 'opt/mesh/mesh/a.xml': undefined })],
]

describe('auditImage() judges what a layer on top changes', () => {
  test.each(BAD)('%s', async (_, changes, findings) => {
    expect(await findingsOf(await withLayer(small, changes()))).toEqual(findings)
  })

  test.each(GOOD)('nothing for %s', async (_, changes) => {
    expect(await findingsOf(await withLayer(small, changes()))).toEqual([])
  })

  test('every rule on files and packages that docs/rules.md has is among them', () => {
    const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8')
    const ids = [...page.matchAll(/^## ([a-z-]+)$/gm)].map(([, id = '']) => id)
    const elsewhere =
      /^(config-.*|image-id|tree-digest|base-digest|layer-(digest|extra)|file-(link|time)|trust|policy-expired|git-modified|sif-settings)$/
    expect(ids.filter((id) => !elsewhere.test(id)).sort()).toEqual(
      [...new Set(BAD.map(([rule]) => rule))].sort(),
    )
    expect(ids.sort()).toEqual(Object.keys(RULES).sort())
  })
})

describe('auditImage() looks for credentials', () => {
  const secret = `-----BEGIN RSA PRIVATE ${'KEY'}-----\n`

  test('in what a project brings', async () => {
    const path = 'opt/tool/tool/run'
    const { image, lock, pinned } = await withLayer(small, { [path]: { content: secret } })
    const { sha256, size } = image.tree.find(path)?.inode ?? expect.unreachable()
    const trees = [...lock.contents.trees].map(([name, { files }]) => {
      const brought = files.map((file) => (file.path === 'tool/run' ? { ...file, sha256, size } : file))
      return [name, { files: brought }] as const
    })
    const contents = { ...lock.contents, trees: new Map(trees) }
    expect(await findingsOf({ image, lock: { ...lock, contents }, pinned })).toEqual([`credential /${path}`])
  })

  test('in a layer below, of a file that is not there any more', async () => {
    const { inode: covered } =
      (await withLayer(small, { 'root/.netrc': { content: 'password x' } })).image.tree.find('root/.netrc') ??
      expect.unreachable()
    const image = { ...small.image, covered: [{ path: 'root/.netrc', inode: covered }] }
    for (const hasLock of [true, false])
      expect(await findingsOf({ ...small, image }, hasLock)).toContain('credential /root/.netrc')
  })

  test.each(['etc/munge/munge.key', 'var/lib/rabbitmq/.erlang.cookie', 'etc/ssh/ssh_host_rsa_key'])(
    'that services make: /%s',
    async (path) => {
      expect(await findingsOf(await withLayer(small, { [path]: { content: 'abc' } }))).toEqual([
        `credential /${path}`,
      ])
    },
  )
})

describe('auditImage() compares identity', () => {
  const rules = async (image: SmallImage) =>
    (await audit(image)).findings.map(({ rule, subject }) => `${rule} ${subject}`)

  test('names another ID, and a layer on top of the same files', async () => {
    const other = await withLayer(small, {})
    expect(await rules(other)).toEqual(['layer-digest image/layers'])
    const id = `sha256:${'0'.repeat(64)}`
    expect(await rules({ ...small, image: { ...small.image, id } })).toEqual(['image-id image/id'])
  })

  test('names other layers with the same files, and nothing else', async () => {
    const [, ...rest] = small.image.layers
    const layers = [{ diffID: `sha256:${'1'.repeat(64)}`, size: 1 }, ...rest]
    const other = { ...small, image: { ...small.image, layers }, lock: { ...small.lock, layers: 0 } }
    expect(await rules(other)).toEqual(['layer-digest image/layers'])
    const flat = { ...small, image: { ...small.image, layers: layers.slice(0, 1) }, lock: other.lock }
    expect(await rules(flat)).toEqual(['layer-digest image/layers'])
  })

  test('names another base, whose files are judged as files above the locked layers', async () => {
    const { image, lock } = await withLayer(small, { 'usr/bin/dpkg': { mtime: 5 } })
    const layers = image.layers.with(0, { diffID: `sha256:${'1'.repeat(64)}`, size: 1 })
    expect(await rules({ ...small, image: { ...image, layers }, lock: { ...lock, layers: 0 } })).toEqual([
      'base-digest image/base',
      ...['docopt-0.6.2', 'tool-1.0'].map((name) => `file-modified /${SITE}/${name}.dist-info/METADATA`),
      'file-unexplained /opt/result.txt',
      'tree-digest image/tree',
      'layer-extra image/layer/0',
      'layer-extra image/layer/7',
    ])
  })

  test('names the tree when a time differs', async () => {
    const other = await withLayer(small, { 'usr/bin/dpkg': { mtime: 5 } })
    expect(await rules(other)).toEqual(['tree-digest image/tree', 'layer-extra image/layer/7'])
  })

  test('says nothing of it before the first build', async () => {
    const locked = { ...small.lock.locked, image: null }
    expect(await rules({ ...small, lock: { ...small.lock, locked, layers: 7 } })).toEqual([])
  })
})

describe('auditImage() without a lock', () => {
  const bare = async (changes: Record<string, Change | undefined>) =>
    (await findingsOf(await withLayer(small, changes), false)).sort()
  let own: string[]
  beforeAll(async () => {
    own = await bare({})
  })

  test('compares Python packages with their RECORD, and skips what needs a lock', async () => {
    expect(await bare({ [`${SITE}/six.py`]: { content: 'bad' } })).toContain(`file-modified /${SITE}/six.py`)
    expect(await bare({ [`${SITE}/six.py`]: undefined })).toContain(`file-missing /${SITE}/six.py`)
    expect(await bare({ 'usr/bin/added': { content: 'x' } })).toEqual(own)
    expect((await audit(small, false)).rules).not.toContain('file-unexplained')
  })

  test('finds privileges and credentials', async () => {
    expect(await bare({ 'opt/added': { content: 'x', mode: 0o4755 } })).toContain('setuid /opt/added')
    expect(await bare({ 'root/.netrc': { content: 'password x' } })).toContain('credential /root/.netrc')
  })
})

test('an artifact that could not be read is inconclusive, and the rest is judged all the same', async () => {
  const { lock } = small
  const missing = [{ name: 'six.whl', reason: 'nobody has it' }]
  const report = await audit({ ...small, lock: { ...lock, contents: { ...lock.contents, missing } } })
  expect(report.verdict).toBe('inconclusive')
  expect(report.findings).toEqual([
    {
      rule: 'inconclusive',
      severity: 'inconclusive',
      subject: 'artifact/six.whl',
      message: 'its files cannot be compared with the locked ones: nobody has it',
    },
  ])
})

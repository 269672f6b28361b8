import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../image/image-archive.test-data.ts'
import { readInventory } from './read-inventory.ts'
import { recorded, treeOf, treeOfLayer } from './tree.test-data.ts'

const inventoryOf = async (layer: string) => readInventory(await treeOfLayer(recorded(layer)))
const problemsOf = async (members: Parameters<typeof treeOf>[0]) =>
  (await readInventory(await treeOf(members))).problems.map(({ path, reason }) => `${path}: ${reason}`)

describe('dpkg', () => {
  it('reads what Debian trixie recorded, but for what was removed', async () => {
    const { packages, problems } = await inventoryOf('dpkg-trixie.tar.gz')
    expect(problems).toEqual([])
    // dpkg-query -W of the same database, without its line "rc libpam-runtime"
    expect(packages.map(({ name, version, architecture }) => `${name} ${version} ${architecture}`)).toEqual([
      'base-passwd 3.6.7 amd64',
      'dash 0.5.12-12 amd64',
      'hostname 3.25 amd64',
      'libc-bin 2.41-12+deb13u5 amd64',
      'libpam-modules 1.7.0-5 amd64',
      'zlib1g 1:1.3.dfsg+really1.3.1-1+deb13u1 amd64',
    ])
    const file = (name: string, path: string) =>
      packages.find((found) => found.name === name)?.files.find((found) => found.path === path)
    expect(file('libpam-modules', 'etc/security/limits.conf')).toEqual({
      path: 'etc/security/limits.conf',
      configuration: true,
      digest: { algorithm: 'md5', value: expect.stringMatching(/^[0-9a-f]{32}$/) },
    })
    expect(file('hostname', 'usr/share/doc/hostname/copyright')?.digest?.algorithm).toBe('md5')
    expect(file('hostname', 'usr/share/doc')).toEqual({ path: 'usr/share/doc' })
    // diverted for the sake of hostname
    expect(file('dash', 'usr/bin/dash')).toBeUndefined()
    expect(file('dash', 'usr/bin/dash.real')?.digest?.algorithm).toBe('md5')
  })

  it('reads status.d of distroless images', async () => {
    const { packages, problems } = await readInventory(
      await treeOf([
        ['var/lib/dpkg/status.d/tzdata', 'Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n'],
        ['var/lib/dpkg/status.d/tzdata.md5sums', `${'a'.repeat(32)}  usr/share/zoneinfo/UTC\n`],
      ]),
    )
    expect(problems).toEqual([])
    expect(packages).toMatchObject([
      { name: 'tzdata', version: '2024a-0+deb12u1', files: [{ path: 'usr/share/zoneinfo/UTC' }] },
    ])
  })

  it('tells what it cannot read', async () => {
    const stanza = 'Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n'
    expect(await problemsOf([['var/lib/dpkg/status', stanza]])).toEqual([
      'var/lib/dpkg/status: "a" is installed and has no list of files',
    ])
    expect(await problemsOf([['var/lib/dpkg/status', 'Package: a\nStatus: install ok gone\n']])).toHaveLength(
      1,
    )
    expect(await problemsOf([{ name: 'var/lib/dpkg/status', type: 'fifo' }])).toEqual([
      'var/lib/dpkg/status: it is a fifo',
    ])
  })
})

describe('python', () => {
  it('finds what `pip list` finds: wheels, eggs, editable installs old and new, and one from git', async () => {
    const { packages, problems } = await inventoryOf('python-venv.tar.gz')
    expect(problems).toEqual([])
    const normal = (name: string) => name.toLowerCase().replace(/[_.-]+/g, '-')
    const listed = recorded('python-venv.pip-list.txt').toString().trim().split('\n')
    expect(packages.map(({ name, version }) => `${name}==${version}`)).toEqual(
      listed.map((line) => normal(line.split('==')[0] ?? '') + line.slice(line.indexOf('=='))).sort(),
    )
    const by = new Map(packages.map((found) => [found.name, found]))
    expect(by.get('probe-vcs')?.origin).toEqual({
      url: 'file:///srv/vcs',
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    })
    expect(by.get('probe-modern')?.origin).toEqual({ url: 'file:///srv/modern', editable: true })
    expect(by.get('probe-develop')).toMatchObject({
      origin: { url: 'file:///srv/develop', editable: true },
      environment: 'opt/venv/lib/python3.13/site-packages',
    })
    expect(by.get('six')?.files).toContainEqual({
      path: 'opt/venv/lib/python3.13/site-packages/six.py',
      digest: {
        algorithm: 'sha256',
        value: (await treeOfLayer(recorded('python-venv.tar.gz'))).find(
          'opt/venv/lib/python3.13/site-packages/six.py',
        )?.inode.sha256,
      },
    })
  })

  it('redacts credentials, and tells of what is damaged', async () => {
    const site = 'usr/lib/python3/dist-packages'
    const tree = await treeOf([
      [`${site}/a-1.dist-info/METADATA`, 'Metadata-Version: 2.1\nName: A.b\nVersion: 1\n\nName: c\n'],
      [`${site}/a-1.dist-info/RECORD`, '"x,y.py",,\n../../../../../etc/x,sha256=bad,1\nonly\n'],
      [`${site}/a-1.dist-info/direct_url.json`, '{"url":"https://me:s3cret@h.example/x?k=s3cret"}'],
      [`${site}/b-1.dist-info/METADATA`, 'nothing'],
      [`${site}/c-1.dist-info/RECORD`, ''],
      [`${site}/~d-1.dist-info/METADATA`, 'Name: d\nVersion: 1\n'],
    ])
    const { packages, problems } = await readInventory(tree)
    expect(packages).toMatchObject([{ name: 'a-b', version: '1', origin: { url: 'https://h.example/x' } }])
    expect(packages[0]?.files).toEqual([{ path: `${site}/x,y.py` }, { path: 'etc/x' }])
    expect(problems.map(({ path }) => path.slice(site.length + 1))).toEqual([
      'a-1.dist-info/RECORD',
      'b-1.dist-info/METADATA',
      'c-1.dist-info/METADATA',
    ])
  })
})

describe('md5', () => {
  const pip = 'usr/local/lib/python3.11/dist-packages/a.py'
  const read = (sums: string) =>
    treeOf([
      ['usr/bin/a', 'a'],
      [pip, 'a'],
      ['var/lib/dpkg/info/a.md5sums', sums],
    ])

  it('is taken of what pip installs only when a .deb has such files', async () => {
    const usual = await read(`${'a'.repeat(32)}  usr/bin/a\n`)
    expect(usual.find('usr/bin/a')?.inode.md5).toBeDefined()
    expect(usual.find(pip)?.inode.md5).toBeUndefined()
    const odd = await read(`${'a'.repeat(32)}  ./${pip}\n`)
    expect(odd.find('usr/bin/a')?.inode.md5).toBeDefined()
    expect(odd.find(pip)?.inode.md5).toBeDefined()
  })
})

describe('hostile text', () => {
  it.each([
    ['RECORD of open quotes', 'usr/lib/python3/dist-packages/a-1.dist-info/RECORD', '"a\n""'],
    ['RECORD of one line', 'usr/lib/python3/dist-packages/a-1.dist-info/RECORD', '""'],
    ['conffiles', 'var/lib/dpkg/status', ' newconffile obsolete'],
    ['git config of blanks', 'srv/.git/config', ' '],
    ['apk stanzas', 'lib/apk/db/installed', '\n\n'],
  ])('%s is read in time', async (_, path, part) => {
    const heads = {
      'var/lib/dpkg/status': 'Package: a\nStatus: install ok installed\nVersion: 1\nConffiles:\n /x',
      'srv/.git/config': '[core]\na =',
    } as Record<string, string>
    const size = path.endsWith('config') ? 60_000 : 2_000_000
    const tree = await treeOf([
      ['usr/lib/python3/dist-packages/a-1.dist-info/METADATA', 'Name: a\nVersion: 1\n'],
      ['srv/.git/HEAD', `${'a'.repeat(40)}\n`],
      [path, `${heads[path] ?? ''}${part.repeat(size / part.length)}x`],
    ])
    const started = process.cpuUsage()
    expect((await readInventory(tree)).problems.length).toBeGreaterThan(0)
    // of this process alone, however busy the machine is; what is quadratic takes far longer
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(5)
  })
})

describe('rpm', () => {
  const database = recorded('rpm-4.20.1.sqlite.gz')
  const read = async (file: Buffer) => readInventory(await treeOf([['var/lib/rpm/rpmdb.sqlite', file]]))

  it('reads the database of rpm 4.20', async () => {
    const { packages, problems } = await read(database)
    expect(problems).toEqual([])
    // rpm -qa and rpm -ql --dump
    expect(packages).toEqual([
      {
        kind: 'rpm',
        name: 'stillroom-probe',
        version: '4:1.2-3',
        architecture: 'noarch',
        record: 'var/lib/rpm/rpmdb.sqlite',
        license: 'MIT',
        files: [
          {
            path: 'etc/probe.conf',
            configuration: true,
            digest: {
              algorithm: 'sha256',
              value: 'fe3209d6d4f51935b391288a43df48d9ddece1a992597ae53387ca16611a9179',
            },
          },
          { path: 'usr/share/probe' },
          {
            path: 'usr/share/probe/hello.txt',
            digest: { algorithm: 'sha256', value: sha256('hello\n') },
          },
          { path: 'usr/share/probe/link' },
        ],
      },
    ])
  })

  it('tells of a table that is not its own, of other databases, and of a log', async () => {
    const { default: load } = await import('sql.js')
    const { Database } = await load()
    const forged = new Database()
    forged.run(
      `CREATE VIEW Packages AS WITH RECURSIVE t(blob) AS (SELECT 1 UNION ALL SELECT blob FROM t) SELECT * FROM t`,
    )
    expect((await read(Buffer.from(forged.export()))).problems[0]?.reason).toContain('no table of packages')
    expect(await problemsOf([['var/lib/rpm/Packages', 'x']])).toHaveLength(1)
    expect(await problemsOf([['var/lib/rpm/rpmdb.sqlite-wal', 'x']])).toHaveLength(1)
  })

  it('never throws, whatever is damaged', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(database.length - 1), fc.nat(255)), { minLength: 1 }),
        async (flips) => {
          const damaged = Buffer.from(database)
          for (const [at, value] of flips) damaged[at] = value
          const { packages, problems } = await read(damaged)
          expect(packages.length + problems.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('conda, R, apk', () => {
  it('reads a prefix, with the hashes of files that the prefix was written into', async () => {
    const tree = await treeOfLayer(recorded('conda-prefix.tar.gz'))
    const { packages, problems } = await readInventory(tree)
    expect(problems).toEqual([])
    expect(packages).toMatchObject([
      { kind: 'conda', name: 'probe', version: '1.2', environment: 'opt/conda-probe', license: 'MIT' },
    ])
    for (const { path, digest } of packages[0]?.files ?? [])
      expect(digest?.value).toBe(tree.find(path)?.inode.sha256)
    expect(packages[0]?.files).toHaveLength(2)
  })

  it("reads R's own packages", async () => {
    const { packages, problems } = await inventoryOf('r-base-core-4.2.2.tar.gz')
    expect(problems).toEqual([])
    expect(packages.map(({ name, version, environment }) => [name, version, environment])).toEqual([
      ['stats4', '4.2.2', 'usr/lib/R/library'],
      ['tools', '4.2.2', 'usr/lib/R/library'],
    ])
  })

  it('takes the sha1 of files that apk gives one of', async () => {
    const stanza = [
      ...['C:Q1x', 'P:probe', 'V:1.2-r3', 'A:x86_64', 'L:MIT', 'F:etc', 'R:probe.conf', 'a:0:0:600'],
      ...['Z:Q19XLTlvrpIGYocU+yzgD3LpTyJY8=', 'F:usr/bin', 'R:probe', ''],
    ].join('\n')
    const tree = await treeOf([
      ['lib/apk/db/installed', `${stanza}\n`],
      ['etc/probe.conf', 'hello\n'],
    ])
    const { packages, problems } = await readInventory(tree)
    expect(problems).toEqual([])
    expect(packages[0]).toMatchObject({ kind: 'apk', name: 'probe', version: '1.2-r3', license: 'MIT' })
    expect(packages[0]?.files.map(({ path }) => path)).toEqual([
      'etc',
      'etc/probe.conf',
      'usr/bin',
      'usr/bin/probe',
    ])
    const digest = { algorithm: 'sha1', value: tree.find('etc/probe.conf')?.inode.sha1 }
    expect(packages[0]?.files[1]).toEqual({ path: 'etc/probe.conf', configuration: true, digest })
  })
})

describe('npm', () => {
  it('finds what npm itself installed here', async () => {
    const root = new URL('../../', import.meta.url)
    const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as {
      packages: Record<string, { version: string; name?: string; optional?: boolean }>
    }
    const installed = Object.entries(lock.packages).flatMap(([path, { version, name, optional }]) => {
      if (path === '' || optional) return []
      const content = readFileSync(new URL(`${path}/package.json`, root))
      const [, last = ''] = /.*node_modules\/(.+)$/.exec(path) ?? []
      return [{ path: `srv/${path}/package.json`, content, id: `${path} ${name ?? last} ${version}` }]
    })
    const tree = await treeOf(installed.map(({ path, content }): [string, Buffer] => [path, content]))
    const { packages, problems } = await readInventory(tree)
    expect(problems).toEqual([])
    expect(installed.length).toBeGreaterThan(100)
    expect(
      packages
        .map(({ name, version, record }) => `${record.slice(4, -'/package.json'.length)} ${name} ${version}`)
        .sort(),
    ).toEqual(installed.map(({ id }) => id).sort())
  })
})

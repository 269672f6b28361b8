import { expect, test } from 'vitest'
import { StillroomError } from '../error.ts'
import { findSources } from './find-sources.ts'
import type { Machine } from './machine.ts'
import { SourcesConfig } from './schema.ts'

/** A machine of files and of programs, each by its command line. */
function machineOf(files: Record<string, string>, programs: Record<string, string> = {}): Machine {
  return {
    readFile: async (path) => files[path],
    readDirectory: async (path) =>
      Object.keys(files)
        .filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1)),
    run: async (program, args) => programs[[program, ...args].join(' ')],
  }
}

const PIP_LIST = 'python3 -m pip config list'
const DEBOOTSTRAP = {
  '/usr/sbin/debootstrap':
    'X=1\nDEF_MIRROR="http://default.example.org/debian"\nDEF_HTTPS_MIRROR="https://no.example.org/debian"\n',
}
const APT = {
  '/etc/apt/sources.list': [
    '# deb http://old.example.org/debian bookworm main',
    'deb-src http://src.example.org/debian bookworm main',
    'deb [arch=amd64 signed-by=/x y=z] https://vendor.example.org/apt bookworm main',
    'deb cdrom:[Debian]/ bookworm main',
    'deb http://one.example.org/debian/ bookworm main contrib # best',
    'deb http://one.example.org/debian bookworm-updates main',
    'deb https://tools.example.org/apt tools-bookworm main',
    'deb https://docker.example.org/linux/debian bookworm stable',
  ].join('\n'),
  '/etc/apt/sources.list.d/security.sources': [
    '# comment',
    'Types: deb',
    'URIs: http://sec.example.org/debian-security mirror+file:/etc/apt/mirrors.list',
    'Suites: bookworm-security',
    'Components: main',
    'Signed-By:',
    ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
    ' .',
    '',
    'Enabled: no',
    'Types: deb',
    'URIs: http://off.example.org/debian',
    'Suites: bookworm',
    'Components: main',
  ].join('\n'),
}

test('findSources() takes mirrors from the sources of apt, the usual places first', async () => {
  const sources = await findSources({ env: {}, machine: machineOf({ ...APT, ...DEBOOTSTRAP }) })
  expect(sources.debian).toEqual({
    debian: ['http://one.example.org/debian', 'https://vendor.example.org/apt'],
    'debian-security': ['http://sec.example.org/debian-security'],
  })
  expect(sources.snapshot).toBeUndefined()
})

test('findSources() takes the default of debootstrap when apt has none', async () => {
  const ubuntu = { '/etc/apt/sources.list': 'deb http://ubuntu.example.org/ubuntu jammy main' }
  const sources = await findSources({ env: {}, machine: machineOf({ ...ubuntu, ...DEBOOTSTRAP }) })
  expect(sources.debian).toEqual({
    debian: ['http://default.example.org/debian'],
    'debian-security': ['http://default.example.org/debian-security'],
  })
})

test('findSources() lets the environment win over the configuration, and that over apt', async () => {
  const config = SourcesConfig.parse({
    debian: 'http://config.example.org/debian/',
    snapshot: 'http://snap.example.org',
  })
  const machine = machineOf(APT)
  expect((await findSources({ env: {}, config, machine })).debian.debian).toEqual([
    'http://config.example.org/debian',
  ])
  const env = { STILLROOM_DEBIAN: 'http://127.0.0.1:1/debian/ http://127.0.0.1:2/mirror' }
  const sources = await findSources({ env, config, machine })
  expect(sources.debian).toEqual({
    debian: ['http://127.0.0.1:1/debian', 'http://127.0.0.1:2/mirror'],
    'debian-security': ['http://127.0.0.1:1/debian-security'],
  })
  expect(sources.snapshot).toBe('http://snap.example.org')
})

test('findSources() takes the standard services when no setting names others, and none when that is said', async () => {
  const machine = machineOf(APT)
  const standard = async () => ({
    snapshot: 'https://snap.example.org',
    oldReleases: 'https://old.example.org',
  })
  const find = async (env: Record<string, string>, config = {}) => {
    const { snapshot, oldReleases } = await findSources({
      env,
      config: SourcesConfig.parse(config),
      machine,
      standard,
    })
    return [snapshot, oldReleases]
  }
  expect(await find({})).toEqual(['https://snap.example.org', 'https://old.example.org'])
  expect(await find({ STILLROOM_SNAPSHOT: '' })).toEqual([
    'https://snap.example.org',
    'https://old.example.org',
  ])
  expect(await find({ STILLROOM_SNAPSHOT: 'none' }, { oldReleases: 'none' })).toEqual([undefined, undefined])
  expect(await find({ STILLROOM_OLD_RELEASES: 'http://me.example.org/' }, { snapshot: 'none' })).toEqual([
    undefined,
    'http://me.example.org',
  ])
})

test('findSources() takes a snapshot among the sources of apt for a snapshot service, not for a mirror', async () => {
  const frozen = {
    '/etc/apt/sources.list': 'deb http://snap.example.org/archive/debian/20250520T000000Z bookworm main',
  }
  const sources = await findSources({ env: {}, machine: machineOf({ ...frozen, ...DEBOOTSTRAP }) })
  expect(sources.snapshot).toBe('http://snap.example.org')
  expect(sources.debian.debian).toEqual(['http://default.example.org/debian'])
})

test('findSources() rejects a machine without any mirror, with a hint', async () => {
  const failure = await findSources({ env: {}, machine: machineOf({}) }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(StillroomError)
  expect(failure).toMatchObject({
    code: 'SOURCE_UNKNOWN',
    hint: expect.stringContaining('STILLROOM_DEBIAN='),
  })
})

test('findSources() rejects a variable that is no URL without showing credentials', async () => {
  const env = { STILLROOM_DEBIAN: 'ftp://me:secret@example.org/debian' }
  const failure = await findSources({ env, machine: machineOf({}) }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('secret') })
})

test('findSources() takes what pip is configured with', async () => {
  const list = [
    ":env:.find-links='/opt/wheels https://links.example.org/'",
    'WARNING: something',
    "global.extra-index-url='\\nhttps://a.example.org/simple\\nhttps://b.example.org/simple'",
    "global.index-url='https://u:p@main.example.org/simple'",
    "install.trusted-host='main.example.org'",
  ].join('\n')
  const { pypi } = await findSources({ env: {}, machine: machineOf(DEBOOTSTRAP, { [PIP_LIST]: list }) })
  expect(pypi).toEqual({
    indexes: [
      'https://u:p@main.example.org/simple',
      'https://a.example.org/simple',
      'https://b.example.org/simple',
    ],
    findLinks: ['/opt/wheels', 'https://links.example.org/'],
    trustedHosts: ['main.example.org'],
    settings: {
      'index-url': 'https://u:p@main.example.org/simple',
      'extra-index-url': 'https://a.example.org/simple https://b.example.org/simple',
      'find-links': 'https://links.example.org/',
      'trusted-host': 'main.example.org',
    },
  })
})

test('findSources() lets PIP_INDEX_URL win over the configuration, and that over pip', async () => {
  const machine = machineOf(DEBOOTSTRAP, {
    'pip3 config list': "global.index-url='https://c.example.org/simple'",
  })
  const config = SourcesConfig.parse({
    pypi: { indexes: ['https://b.example.org/simple', 'https://x.example.org/simple'] },
  })
  const env = { PIP_INDEX_URL: 'https://a.example.org/simple', PIP_EXTRA_INDEX_URL: '' }
  const indexes = async (options: Parameters<typeof findSources>[0]) =>
    (await findSources(options)).pypi.indexes
  expect(await indexes({ env: {}, machine })).toEqual(['https://c.example.org/simple'])
  expect(await indexes({ env: {}, config, machine })).toEqual([
    'https://b.example.org/simple',
    'https://x.example.org/simple',
  ])
  expect(await indexes({ env, config, machine })).toEqual([
    'https://a.example.org/simple',
    'https://x.example.org/simple',
  ])
})

test("findSources() takes pip's built-in index when none is configured, and none without pip", async () => {
  const machine = machineOf(DEBOOTSTRAP)
  const run: Machine['run'] = async (_, args) =>
    args[0] === '-c' ? 'https://built-in.example.org/simple\n' : undefined
  expect((await findSources({ env: {}, machine: { ...machine, run } })).pypi).toMatchObject({
    indexes: ['https://built-in.example.org/simple'],
    settings: { 'index-url': 'https://built-in.example.org/simple' },
  })
  expect(
    (await findSources({ env: { PIP_NO_INDEX: '1' }, machine: { ...machine, run } })).pypi.indexes,
  ).toEqual([])
  expect((await findSources({ env: {}, machine })).pypi).toMatchObject({ indexes: [], settings: {} })
})

test('findSources() reads the machine it runs on without failing', async () => {
  const env = { ...process.env, STILLROOM_DEBIAN: 'http://127.0.0.1:9/debian' }
  const sources = await findSources({ env })
  expect(sources.debian.debian).toEqual(['http://127.0.0.1:9/debian'])
})

test('commits that are gone are looked for at Software Heritage, unless a setting says otherwise', async () => {
  const archiveOf = async (named: string | undefined, config: object = {}) => {
    const env = named === undefined ? {} : { STILLROOM_SOFTWARE_HERITAGE: named }
    const machine = machineOf({ ...APT, ...DEBOOTSTRAP })
    const { commitArchive } = await findSources({ env, config: SourcesConfig.parse(config), machine })
    return commitArchive
  }
  expect(await archiveOf(undefined)).toBe('https://archive.softwareheritage.org')
  expect(await archiveOf('')).toBe('https://archive.softwareheritage.org')
  expect(await archiveOf(undefined, { softwareHeritage: 'none' })).toBeUndefined()
  expect(await archiveOf('none', { softwareHeritage: 'https://commits.example.org' })).toBeUndefined()
  expect(await archiveOf('https://other.example.org/', { softwareHeritage: 'none' })).toBe(
    'https://other.example.org',
  )
  await expect(archiveOf('ftp://user:word@other.example.org')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.not.stringContaining('word'),
  })
})

import { beforeAll, expect, test } from 'vitest'
import { StillroomError } from '../../error.ts'
import { DebianIndex, LockedBase } from '../../lock/schema.ts'
import type { Get } from '../../net/http-get.ts'
import { fetchIndexes, fetchOtherIndexes } from './fetch-indexes.ts'
import { refetchIndexes } from './refetch-indexes.ts'
import { resolveBase } from './resolve-base.ts'
import { makeArchive, makeKey, sha256, type TestKey } from './small-archive.fixture.ts'

const DATE = new Date('2026-02-01T00:00:00Z')
const NOW = new Date('2026-02-02T00:00:00Z')
const MAIN = 'http://main.example.org/debian'
const SECURITY = 'http://main.example.org/debian-security'
const SNAPSHOT = 'http://snap.example.org'
const SOURCES = { debian: [MAIN], 'debian-security': [SECURITY] }

const ROOTS = ['base-files', 'coreutils', 'dash', 'dpkg', 'findutils', 'grep', 'sed', 'tar', 'apt']

const stanza = (name: string, version: string) =>
  `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nEssential: ${name === 'apt' ? 'no' : 'yes'}\nFilename: pool/main/x/${name}_${version}_amd64.deb\nSize: 7\nSHA256: ${sha256(Buffer.from(name + version))}\n`

const EXPIRES = { 'Valid-Until': 'Sun, 08 Feb 2026 00:00:00 UTC' }

let key: TestKey
let files: Map<string, Buffer>

/** The web, as a map from URL to bytes. */
const web =
  (content: ReadonlyMap<string, Buffer>): Get =>
  async (url) => {
    const bytes = content.get(url)
    if (bytes !== undefined) return bytes
    throw new StillroomError('FETCH_FAILED', `cannot fetch ${url}: HTTP status 404`, {
      details: { status: 404 },
    })
  }

async function publish(
  date: Date,
  version: string,
  signer = key,
  fields: Record<string, string> = {},
): Promise<Map<string, Buffer>> {
  const packages = ROOTS.map((name) => stanza(name, version)).join('\n')
  const debian = await makeArchive(
    [
      { suite: 'bookworm', packages, fields },
      { suite: 'bookworm-updates', packages: '', fields },
    ],
    signer,
    date,
  )
  const security = await makeArchive(
    [{ suite: 'bookworm-security', packages: stanza('apt', `${version}+deb12u1`), fields }],
    signer,
    date,
  )
  return new Map([
    ...[...debian].map(([path, bytes]) => [`${MAIN}/${path}`, bytes] as const),
    ...[...security].map(([path, bytes]) => [`${SECURITY}/${path}`, bytes] as const),
  ])
}

beforeAll(async () => {
  key = await makeKey('Archive', new Date('2026-01-01T00:00:00Z'))
  files = await publish(DATE, '1.0')
})

const options = (content: ReadonlyMap<string, Buffer>) => ({
  get: web(content),
  sources: SOURCES,
  keys: [key.armored],
  now: NOW,
})

test('fetchIndexes() gives the suite, its updates and its security updates, verified', async () => {
  const indexes = await fetchIndexes({ suite: 'bookworm' }, options(files))
  expect(indexes.map(({ index }) => DebianIndex.parse(index))).toEqual(indexes.map(({ index }) => index))
  expect(indexes.map(({ index }) => [index.archive, index.suite, index.date, index.signedBy])).toEqual([
    ['debian', 'bookworm', '2026-02-01T00:00:00Z', [key.fingerprint]],
    ['debian', 'bookworm-updates', '2026-02-01T00:00:00Z', [key.fingerprint]],
    ['debian-security', 'bookworm-security', '2026-02-01T00:00:00Z', [key.fingerprint]],
  ])
  for (const { index, inRelease, packages } of indexes) {
    expect([index.release, index.packages]).toEqual([sha256(inRelease), sha256(packages)])
  }
})

test('resolveBase() locks the closure, the newest version from whichever archive has it', async () => {
  const base = resolveBase('bookworm', await fetchIndexes({ suite: 'bookworm' }, options(files)))
  expect(LockedBase.parse(base)).toEqual(base)
  expect(base.packages.map((entry) => entry.name)).toEqual([...ROOTS].sort())
  expect(base.packages[0]).toMatchObject({ name: 'apt', version: '1.0+deb12u1', archive: 'debian-security' })
  expect(base.seed).toEqual(ROOTS.filter((name) => name !== 'apt').sort())
})

const packedUrl = () => [...files.keys()].find((url) => url.includes('dists/bookworm/main')) as string

test('fetchIndexes() names file, expected and got when an index is not what was signed', async () => {
  const url = packedUrl()
  const good = files.get(url) as Buffer
  for (const bad of [good.subarray(0, 20), Buffer.concat([good, Buffer.from('x')])]) {
    const failure = fetchIndexes({ suite: 'bookworm' }, options(new Map([...files, [url, bad]])))
    await expect(failure).rejects.toMatchObject({
      code: 'INDEX_INVALID',
      message: `cannot use ${MAIN}/dists/bookworm/main/binary-amd64/Packages.xz: expected sha256 ${sha256(good)} (${good.length} bytes), got ${sha256(bad)} (${bad.length} bytes)`,
    })
  }
})

test('fetchIndexes() asks for the plain name where a mirror has no files by hash', async () => {
  const plain = new Map([...files].map(([url, bytes]) => [url.replace(/by-hash\/.*/, 'Packages.xz'), bytes]))
  await expect(fetchIndexes({ suite: 'bookworm' }, options(plain))).resolves.toHaveLength(3)
})

test('fetchIndexes() rejects a missing suite, a foreign key and another suite under its name', async () => {
  const without = new Map([...files].filter(([url]) => !url.includes('bookworm-updates')))
  await expect(fetchIndexes({ suite: 'bookworm' }, options(without))).rejects.toMatchObject({
    code: 'FETCH_FAILED',
  })
  const foreign = await publish(DATE, '1.0', await makeKey('Other', new Date('2026-01-01T00:00:00Z')))
  await expect(fetchIndexes({ suite: 'bookworm' }, options(foreign))).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
  })
  const renamed = new Map(
    [...files].map(([url, bytes]) => [url.replace('dists/bookworm', 'dists/trixie'), bytes]),
  )
  await expect(fetchIndexes({ suite: 'trixie' }, options(renamed))).rejects.toThrow('expected suite "trixie')
})

test('fetchIndexes() passes over a mirror that fails', async () => {
  const sources = { debian: ['http://off.example.org/debian', MAIN], 'debian-security': [SECURITY] }
  await expect(fetchIndexes({ suite: 'bookworm' }, { ...options(files), sources })).resolves.toHaveLength(3)
})

test('refetchIndexes() gives what is locked from the mirror, the snapshot service or what was kept', async () => {
  const first = await fetchIndexes({ suite: 'bookworm' }, options(files))
  const locked = first.map(({ index }) => index)
  expect(await refetchIndexes(locked, options(files))).toEqual(first)

  const newer = await publish(new Date('2026-02-01T12:00:00Z'), '2.0')
  await expect(refetchIndexes(locked, options(newer))).rejects.toMatchObject({
    code: 'INDEX_INVALID',
    hint: expect.stringContaining('stillroom lock recipe NAME --upgrade'),
  })

  const taken = (archive: string) => `${SNAPSHOT}/archive/${archive}/20260201T060000Z`
  const old = [...files].map(
    ([url, bytes]) =>
      [
        url
          .replace(`${SECURITY}/`, `${taken('debian-security')}/`)
          .replace(`${MAIN}/`, `${taken('debian')}/`),
        bytes,
      ] as const,
  )
  const both = { ...options(new Map([...newer, ...old])), snapshot: SNAPSHOT }
  expect(await refetchIndexes(locked, both)).toEqual(first)

  const kept = new Map(
    first.flatMap((one) => [
      [one.index.release, one.inRelease],
      [one.index.packages, one.packages],
    ]),
  )
  const cached = async (digest: string) => kept.get(digest)
  expect(await refetchIndexes(locked, { ...options(new Map()), cached })).toEqual(first)
})

test('fetchIndexes() does not fetch an index again that was kept, and trusts no other bytes', async () => {
  const first = await fetchIndexes({ suite: 'bookworm' }, options(files))
  const kept = new Map(first.map(({ index, packages }) => [index.packages, packages]))
  const asked: string[] = []
  const cached = async (digest: string) => kept.get(digest)
  const get: Get = (url, how) => {
    asked.push(url)
    return web(files)(url, how)
  }
  expect(await fetchIndexes({ suite: 'bookworm' }, { ...options(files), get, cached })).toEqual(first)
  expect(asked.filter((url) => !url.endsWith('/InRelease'))).toEqual([])
  for (const digest of kept.keys()) kept.set(digest, Buffer.from('something else'))
  expect(await fetchIndexes({ suite: 'bookworm' }, { ...options(files), get, cached })).toEqual(first)
  expect(asked.filter((url) => !url.endsWith('/InRelease'))).toHaveLength(first.length)
})

test('refetchIndexes() takes an expired index, but not one that another key signed', async () => {
  const locked = (await fetchIndexes({ suite: 'bookworm' }, options(files))).map(({ index }) => index)
  const later = { ...options(files), now: new Date('2030-01-01T00:00:00Z') }
  await expect(refetchIndexes(locked, later)).resolves.toHaveLength(3)
  const other = await makeKey('Other', new Date('2026-01-01T00:00:00Z'))
  await expect(refetchIndexes(locked, { ...later, keys: [other.armored] })).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
  })
})

test('refetchIndexes() rejects a lock whose entry is not what the signed file says', async () => {
  const [index] = (await fetchIndexes({ suite: 'bookworm' }, options(files))).map((one) => one.index)
  const edited = { ...(index as DebianIndex), packages: sha256(Buffer.from('other')) }
  await expect(refetchIndexes([edited], options(files))).rejects.toThrow('but its signed Release file says')
})

test('a key of another suite does not vouch for an index, neither a present nor a locked one', async () => {
  const signers = (suite: string) => (suite === 'bookworm-security' ? ['A'.repeat(40)] : [key.fingerprint])
  await expect(fetchIndexes({ suite: 'bookworm' }, { ...options(files), signers })).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
    message: expect.stringContaining('by a key of suite "bookworm-security"'),
  })
  const locked = (await fetchIndexes({ suite: 'bookworm' }, options(files))).map(({ index }) => index)
  await expect(refetchIndexes(locked, { ...options(files), signers })).rejects.toMatchObject({
    code: 'SIGNATURE_INVALID',
  })
  const own = () => [key.fingerprint]
  await expect(
    fetchIndexes({ suite: 'bookworm' }, { ...options(files), signers: own }),
  ).resolves.toHaveLength(3)
})

test('fetchIndexes() takes no index that is older than the one known, but from another mirror', async () => {
  const old = new Date('2026-01-15T00:00:00Z')
  const stale = await publish(old, '0.9')
  const known = (await fetchIndexes({ suite: 'bookworm' }, options(files))).map(({ index }) => index)
  await expect(fetchIndexes({ suite: 'bookworm' }, { ...options(stale), known })).rejects.toMatchObject({
    code: 'INDEX_OLDER',
    message: expect.stringContaining(
      'it is of 2026-01-15T00:00:00Z, older than the locked one of 2026-02-01T',
    ),
    hint: expect.stringContaining('--older-indexes'),
  })
  await expect(fetchIndexes({ suite: 'bookworm' }, options(stale))).resolves.toHaveLength(3)
  await expect(fetchIndexes({ suite: 'bookworm' }, { ...options(files), known })).resolves.toHaveLength(3)
  const lagging = new Map(
    [...stale].map(([url, bytes]) => [url.replace(MAIN, 'http://lag.example.org/debian'), bytes]),
  )
  const sources = { ...SOURCES, debian: ['http://lag.example.org/debian', MAIN] }
  const both = { ...options(new Map([...lagging, ...files])), sources, known }
  expect((await fetchIndexes({ suite: 'bookworm' }, both)).map(({ index }) => index)).toEqual(known)
})

test('fetchIndexes() finds a suite that every mirror has dropped in the archive of old releases, though it expired', async () => {
  const moved = new Map(
    [...(await publish(DATE, '1.0', key, EXPIRES))].map(([url, bytes]) => [
      url.replace('http://main.example.org', 'http://old.example.org'),
      bytes,
    ]),
  )
  const late = { ...options(moved), now: new Date('2036-01-01T00:00:00Z') }
  await expect(fetchIndexes({ suite: 'bookworm' }, late)).rejects.toMatchObject({ code: 'FETCH_FAILED' })
  const found = await fetchIndexes({ suite: 'bookworm' }, { ...late, oldReleases: 'http://old.example.org/' })
  expect(found.map(({ index }) => index.suite)).toEqual(['bookworm', 'bookworm-updates', 'bookworm-security'])
  // nor does it serve in place of a mirror that is only out of date
  const expired = new Map([...moved, ...(await publish(DATE, '1.0', key, EXPIRES))])
  await expect(
    fetchIndexes(
      { suite: 'bookworm' },
      { ...late, get: web(expired), oldReleases: 'http://old.example.org' },
    ),
  ).rejects.toMatchObject({ code: 'INDEX_EXPIRED' })
  // the signature counts there as anywhere
  const other = await makeKey('Other', new Date('2026-01-01T00:00:00Z'))
  await expect(
    fetchIndexes(
      { suite: 'bookworm' },
      { ...late, keys: [other.armored], oldReleases: 'http://old.example.org' },
    ),
  ).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
})

test('fetchIndexes() has the components and the backports that are chosen; a base is made of neither', async () => {
  const suites = ['bookworm', 'bookworm-updates', 'bookworm-backports']
  const component = (name: string, version: string) => ({
    [name]: `${stanza(`only-${name}`, '1')}\n${stanza('apt', version)}`,
  })
  const content = await makeArchive(
    suites.map((suite) => ({
      suite,
      packages: ROOTS.map((name) => stanza(name, suite === 'bookworm' ? '1.0' : '3.0~bpo')).join('\n'),
      ...(suite === 'bookworm-updates' ? { packages: '' } : {}),
      components: component('contrib', '9'),
    })),
    key,
    DATE,
  )
  const security = await makeArchive(
    [{ suite: 'bookworm-security', packages: '', components: component('contrib', '9') }],
    key,
    DATE,
  )
  const urls = new Map([
    ...[...content].map(([path, bytes]) => [`${MAIN}/${path}`, bytes] as const),
    ...[...security].map(([path, bytes]) => [`${SECURITY}/${path}`, bytes] as const),
  ])
  const found = await fetchIndexes(
    { suite: 'bookworm', components: ['contrib'], backports: true },
    options(urls),
  )
  expect(found.map(({ index }) => `${index.suite} ${index.component}`)).toEqual(
    [...suites.slice(0, 2), 'bookworm-security', 'bookworm-backports'].flatMap((suite) => [
      `${suite} main`,
      `${suite} contrib`,
    ]),
  )
  const base = resolveBase('bookworm', found)
  expect(base.indexes).toHaveLength(8)
  expect(new Set(base.packages.map(({ version }) => version))).toEqual(new Set(['1.0']))
  // a mirror without them says so
  await expect(
    fetchIndexes({ suite: 'bookworm', components: ['non-free'] }, options(urls)),
  ).rejects.toMatchObject({ code: 'INDEX_INVALID', message: expect.stringContaining('no "non-free/') })
})

test('indexes that are not chosen are those that there are, each signed like any other', async () => {
  const components = { contrib: stanza('zfs-dkms', '2.1'), 'non-free': stanza('nvidia-smi', '525') }
  const backports = { suite: 'bookworm-backports', packages: stanza('cmake', '3.31'), fields: EXPIRES }
  const suites = [{ suite: 'bookworm', packages: stanza('apt', '1'), components }, backports]
  const content = async (signer: TestKey) =>
    new Map([...(await makeArchive(suites, signer, DATE))].map(([path, bytes]) => [`${MAIN}/${path}`, bytes]))
  const found = async (choice: object, signer = key) =>
    (await fetchOtherIndexes({ suite: 'bookworm', ...choice }, options(await content(signer)))).map(
      ({ index }) => `${index.suite} ${index.component}`,
    )
  expect(await found({})).toEqual(['bookworm contrib', 'bookworm non-free', 'bookworm-backports main'])
  expect(await found({ components: ['contrib'], backports: true })).toEqual(['bookworm non-free'])
  expect(await found({}, await makeKey('Stranger', new Date('2026-01-01T00:00:00Z')))).toEqual([])
})

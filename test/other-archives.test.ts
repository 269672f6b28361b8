import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { execa } from 'execa'
import { armor, createMessage, enums, sign } from 'openpgp'
import { beforeAll, describe, expect, test } from 'vitest'
import { StillroomError } from '../src/error.ts'
import { lockInputs } from '../src/lock/lock-inputs.ts'
import { comparePins } from '../src/lock/pins/compare-pins.ts'
import { DebianIndex, type LockedApt, type LockedPlatform } from '../src/lock/schema.ts'
import { smallLock } from '../src/lock/small-lock.test-data.ts'
import type { Get } from '../src/net/http-get.ts'
import { aptArchive } from '../src/recipe/define-recipe.ts'
import { AptArchive, Recipe } from '../src/recipe/schema.ts'
import { openIndexes, resolveApt } from '../src/resolve/apt/resolve-apt.ts'
import { type FetchedIndex, fetchIndexes } from '../src/resolve/debian/fetch-indexes.ts'
import { fetchArchives, refetchArchives } from '../src/resolve/debian/other-archives.ts'
import {
  clearsign,
  makeArchive,
  makeKey,
  releaseText,
  sha256,
  type TestKey,
} from '../src/resolve/debian/small-archive.fixture.ts'
import type { Sandbox } from '../src/resolve/sandbox.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { locateFrom } from '../src/workflows/build/fetch-inputs.ts'

const DATE = new Date('2026-02-01T00:00:00Z')
const NOW = new Date('2026-02-02T00:00:00Z')
const DEBIAN = 'http://main.example.org/debian'
const SECURITY = 'http://main.example.org/debian-security'
const VENDOR = 'https://apt.example.org:8443/Team/debian'
const STATES = 'https://old.example.org/vendor'

const stanza = (name: string, version: string, more = '') =>
  `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nFilename: ./pool/${name}_${version}_amd64.deb\nSize: 7\nSHA256: ${sha256(Buffer.from(name + version))}\n${more}\n`

let vendor: TestKey
let debian: TestKey

beforeAll(async () => {
  vendor = await makeKey('Vendor', new Date('2026-01-01T00:00:00Z'))
  debian = await makeKey('Debian', new Date('2026-01-01T00:00:00Z'))
})

type Web = Map<string, Buffer>
const at = (root: string, files: Map<string, Buffer>): Web =>
  new Map([...files].map(([path, bytes]) => [`${root}/${path}`, bytes]))
const getFrom =
  (web: Web): Get =>
  async (url) => {
    const bytes = web.get(url)
    if (bytes !== undefined) return bytes
    throw new StillroomError('FETCH_FAILED', `cannot fetch ${url}`, { details: { status: 404 } })
  }

/** A flat archive with its index compressed by gzip alone, as many vendors' are. */
async function flat(
  packages: string,
  key = vendor,
  fields: Record<string, string> = {},
): Promise<Map<string, Buffer>> {
  const packed = gzipSync(packages)
  const release = releaseText({ Date: DATE.toUTCString(), ...fields }, { 'Packages.gz': packed })
  return new Map([
    ['InRelease', Buffer.from(await clearsign(release, [key], DATE))],
    ['Packages.gz', packed],
  ])
}

const signatures = new Map<string, Uint8Array>()

/** The same with the signature in a file of its own. */
async function detached(
  packages: string,
  form: 'armored' | 'binary',
  key = vendor,
): Promise<Map<string, Buffer>> {
  const { InRelease: _, ...files } = Object.fromEntries(await flat(packages, key))
  const text = Buffer.from(releaseText({ Date: DATE.toUTCString() }, { 'Packages.gz': gzipSync(packages) }))
  const message = await createMessage({ binary: text })
  const options = {
    message,
    signingKeys: key.privateKey,
    detached: true,
    date: DATE,
    format: 'binary',
  } as const
  // no signature is made twice alike
  const known = signatures.get(`${key.fingerprint} ${packages}`) ?? ((await sign(options)) as Uint8Array)
  signatures.set(`${key.fingerprint} ${packages}`, known)
  const signature = form === 'binary' ? known : armor(enums.armor.signature, known)
  const own = { Release: text, 'Release.gpg': Buffer.from(signature as string) }
  return new Map(Object.entries({ ...files, ...own }))
}

const archive = (fields: object = {}) =>
  AptArchive.parse(
    aptArchive({
      url: VENDOR,
      suite: './',
      key: { fingerprint: vendor.fingerprint.replace(/(.{4})/g, '$1 ').trim(), file: 'vendor.asc' },
      ...fields,
    }),
  )
const optionsOf = (web: Web, ring = vendor.armored) => ({
  get: getFrom(web),
  now: NOW,
  readFile: async (path: string) => Buffer.from(path === 'vendor.asc' ? ring : ''),
})
const fetch = async (web: Web, wanted = archive(), ring?: string) =>
  fetchArchives([wanted], optionsOf(web, ring))

describe('the indexes of an archive of somebody else', () => {
  test('are verified by the key that is named, flat or not, and named by their address', async () => {
    const [one, ...none] = await fetch(at(VENDOR, await flat(stanza('tool', '1'))))
    expect(none).toEqual([])
    expect(DebianIndex.parse(one?.index)).toEqual(one?.index)
    const name = 'apt.example.org:8443/Team/debian'
    const where = { archive: name, suite: './', component: '', url: VENDOR, signedBy: [vendor.fingerprint] }
    expect(one?.index).toMatchObject(where)
    const suites = [
      { suite: 'stable', packages: stanza('tool', '1'), components: { extra: stanza('more', '1') } },
    ]
    const web = at(VENDOR, await makeArchive(suites, vendor, DATE))
    const found = await fetch(web, archive({ suite: 'stable', components: ['main', 'extra'] }))
    expect(found.map(({ index }) => [index.archive, index.suite, index.component])).toEqual([
      [name, 'stable', 'main'],
      [name, 'stable', 'extra'],
    ])
  })

  test.each(['armored', 'binary'] as const)('are verified by a Release.gpg as well, %s', async (form) => {
    const packages = stanza('tool', '1')
    const web = at(VENDOR, await detached(packages, form))
    const [one] = await fetch(web)
    expect(one?.index).toMatchObject({ signedBy: [vendor.fingerprint], suite: './' })
    expect(one?.index.release).toBe(sha256(one?.inRelease as Buffer))
    // the same of either form, from the archive and from what was kept
    const other = at(VENDOR, await detached(packages, form === 'armored' ? 'binary' : 'armored'))
    const indexes = one === undefined ? [] : [one.index]
    expect(await refetchArchives(indexes, [archive()], optionsOf(other))).toEqual([one])
    const kept = { ...optionsOf(new Map()), cached: async () => one?.inRelease }
    await expect(refetchArchives(indexes, [archive()], kept)).rejects.toMatchObject({ code: 'INDEX_INVALID' })

    const changed = Buffer.from(String(web.get(`${VENDOR}/Release`)).replace('SHA256', 'Label: x\nSHA256'))
    await expect(fetch(new Map(web).set(`${VENDOR}/Release`, changed))).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringContaining('its text is not what key'),
    })
    for (const signature of [
      '',
      'nonsense',
      '-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n',
    ])
      await expect(
        fetch(new Map(web).set(`${VENDOR}/Release.gpg`, Buffer.from(signature))),
      ).rejects.toMatchObject({
        code: 'SIGNATURE_INVALID',
      })
    const stranger = at(VENDOR, await detached(packages, form, debian))
    await expect(fetch(stranger)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
    web.delete(`${VENDOR}/Release.gpg`)
    await expect(fetch(web)).rejects.toMatchObject({ code: 'FETCH_FAILED' })
  })

  test('come with a key from an address as well, out of a ring of several', async () => {
    const web = at(VENDOR, await flat(stanza('tool', '1')))
    const both = await execa('cat', { input: `${debian.armored}\n${vendor.armored}` })
    web.set('https://keys.example.org/ring.asc', Buffer.from(both.stdout))
    const key = { fingerprint: vendor.fingerprint, url: 'https://keys.example.org/ring.asc' }
    expect(await fetch(web, archive({ key }))).toHaveLength(1)
  })

  test.each([
    [
      'another key in the file',
      async () => fetch(at(VENDOR, await flat('')), archive(), debian.armored),
      /expected key .*, got/,
    ],
    [
      'no key in the file',
      async () => fetch(at(VENDOR, await flat('')), archive(), '<html>'),
      /got no public key/,
    ],
    ['a signature by another key', async () => fetch(at(VENDOR, await flat('', debian))), /InRelease/],
  ])('are refused with %s', async (_, attempt, message) => {
    await expect(attempt()).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
      message: expect.stringMatching(message),
    })
  })

  test('are refused when they expired, changed on the way, or are of another suite', async () => {
    const expired = await flat('', vendor, { 'Valid-Until': 'Sun, 01 Feb 2026 12:00:00 UTC' })
    await expect(fetch(at(VENDOR, expired))).rejects.toMatchObject({ code: 'INDEX_EXPIRED' })
    const changed = at(VENDOR, await flat(stanza('tool', '1'))).set(
      `${VENDOR}/Packages.gz`,
      gzipSync(stanza('evil', '1')),
    )
    await expect(fetch(changed)).rejects.toMatchObject({ code: 'INDEX_INVALID' })
    const other = at(VENDOR, await makeArchive([{ suite: 'nightly', packages: '' }], vendor, DATE))
    const moved = new Map([...other].map(([url, bytes]) => [url.replace('/nightly/', '/release/'), bytes]))
    await expect(fetch(moved, archive({ suite: 'release', components: ['main'] }))).rejects.toMatchObject({
      code: 'INDEX_INVALID',
      message: expect.stringContaining('expected suite "release", got "nightly"'),
    })
  })

  test('are had from earlier states when the archive has moved on, byte for byte', async () => {
    const old = await flat(stanza('tool', '1'))
    const wanted = archive({ snapshot: STATES })
    const locked = await fetch(at(VENDOR, old), wanted)
    const web = new Map([
      ...at(VENDOR, await flat(stanza('tool', '2'))),
      ...at(`${STATES}/20260201T060000Z`, old),
    ])
    const indexes = locked.map(({ index }) => index)
    const again = await refetchArchives(indexes, [wanted], optionsOf(web))
    expect(again.map(({ packages }) => sha256(packages))).toEqual(
      locked.map(({ packages }) => sha256(packages)),
    )
    await expect(
      refetchArchives(indexes, [archive()], optionsOf(at(VENDOR, await flat('')))),
    ).rejects.toMatchObject({ code: 'INDEX_INVALID' })
  })

  test('say where its packages are fetched from, live and from earlier states', async () => {
    const [one] = await fetch(at(VENDOR, await flat(stanza('tool', '1'))), archive({ snapshot: STATES }))
    const { base, ...platform } = smallLock.platforms['linux/amd64'] as LockedPlatform
    const locked = { ...platform, base: { ...base, indexes: one ? [one.index] : [] } } as LockedPlatform
    const pypi = { indexes: [], findLinks: [], trustedHosts: [], settings: {} }
    const sources = {
      debian: { debian: [], 'debian-security': [] },
      snapshot: 'https://snap.example.org',
      pypi,
    }
    const locate = locateFrom(sources as never, locked, new AbortController().signal)
    const origin = {
      kind: 'debian' as const,
      archive: one?.index.archive ?? '',
      path: 'pool/tool_1_amd64.deb',
    }
    const urls = await locate({ name: 'tool', file: 'tool', sha256: '', size: 1, origin })
    expect(urls.map(({ url }) => url)).toEqual([
      `${VENDOR}/pool/tool_1_amd64.deb`,
      `${STATES}/20260201T060000Z/pool/tool_1_amd64.deb`,
      `${STATES}/20260201T120000Z/pool/tool_1_amd64.deb`,
    ])
  })

  test('make a lock stale that names another archive or key than the recipe', async () => {
    const [one] = await fetch(at(VENDOR, await flat('')))
    const { base, ...platform } = smallLock.platforms['linux/amd64'] as LockedPlatform
    const locked = { ...platform, base: { ...base, indexes: one ? [one.index] : [] } } as LockedPlatform
    const complaints = (archives: AptArchive[]) => {
      const recipe = Recipe.parse({ base: { kind: 'debian', suite: 'bookworm' }, archives })
      return comparePins(recipe, lockInputs(recipe), locked).filter(({ field }) =>
        field.startsWith('base.indexes'),
      )
    }
    expect(complaints([archive()])).toEqual([])
    expect(complaints([])).toHaveLength(1)
    expect(complaints([archive({ key: { fingerprint: debian.fingerprint, file: 'x' } })])).toHaveLength(1)
    expect(complaints([archive({ url: `${VENDOR}2` })])).toHaveLength(1)
  })
})

const hasApt = await execa('apt-get', ['--version'], { reject: false }).then(({ failed }) => !failed)
if (!hasApt)
  console.warn('skipped: what apt chooses of an archive of somebody else, since there is no apt-get')

describe.skipIf(!hasApt)('apt sees it beside Debian', () => {
  /** What this machine's apt would install on an empty system. */
  async function install(
    theirs: Map<string, Buffer>,
    names: string[],
    more: object = {},
  ): Promise<LockedApt> {
    const suites = ['bookworm', 'bookworm-updates'].map((suite) => ({
      suite,
      packages: suite === 'bookworm' ? `${stanza('libx', '2')}\n${stanza('debians', '1')}` : '',
    }))
    const security = [{ suite: 'bookworm-security', packages: '' }]
    const web = new Map([
      ...at(DEBIAN, await makeArchive(suites, debian, DATE)),
      ...at(SECURITY, await makeArchive(security, debian, DATE)),
      ...at(VENDOR, theirs),
    ])
    const sources = { debian: [DEBIAN], 'debian-security': [SECURITY] }
    const own = await fetchIndexes(
      { suite: 'bookworm' },
      { get: getFrom(web), sources, keys: [debian.armored], now: NOW },
    )
    const indexes: FetchedIndex[] = [...own, ...(await fetch(web, archive(more)))]
    const step = { kind: 'apt' as const, packages: names, recommends: false }
    return resolveApt(step, openIndexes(indexes), await hostSandbox())
  }
  const chosen = ({ packages }: LockedApt) =>
    packages.map(({ name, version, archive, path }) => [name, version, archive.split('/')[0], path])

  test('a package of it comes with what it needs of Debian, the path without "./"', async () => {
    const theirs = await flat(stanza('tool', '1', 'Depends: libx (>= 2)\n'))
    expect(chosen(await install(theirs, ['tool']))).toEqual([
      ['libx', '2', 'debian', 'pool/libx_2_amd64.deb'],
      ['tool', '1', 'apt.example.org:8443', 'pool/tool_1_amd64.deb'],
    ])
  })

  test('whether its signature lies in InRelease or apart', async () => {
    const theirs = await detached(stanza('tool', '1', 'Depends: libx (>= 2)\n'), 'armored')
    expect(chosen(await install(theirs, ['tool']))).toMatchObject([{ 0: 'libx' }, { 0: 'tool' }])
  })

  test("a package of it replaces Debian's when it is newer, and not when it is as old, older or not automatic", async () => {
    const libx = async (version: string, fields = {}) => {
      const [first] = chosen(await install(await flat(stanza('libx', version), vendor, fields), ['libx']))
      return first?.slice(1, 3)
    }
    expect(await libx('3')).toEqual(['3', 'apt.example.org:8443'])
    expect(await libx('2')).toEqual(['2', 'debian'])
    expect(await libx('1')).toEqual(['2', 'debian'])
    expect(await libx('3', { NotAutomatic: 'yes' })).toEqual(['2', 'debian'])
  })

  test('any of several versions that it has can be asked for, and a version by its suite', async () => {
    const packages = ['1', '2', '3'].map((version) => stanza('tool', version)).join('\n')
    expect(chosen(await install(await flat(packages), ['tool=2']))).toMatchObject([{ 0: 'tool', 1: '2' }])
    const suites = [{ suite: 'edge', packages: stanza('libx', '1') }]
    const edge = { suite: 'edge', components: ['main'] }
    expect(chosen(await install(await makeArchive(suites, vendor, DATE), ['libx/edge'], edge))).toMatchObject(
      [{ 0: 'libx', 1: '1', 2: 'apt.example.org:8443' }],
    )
  })
})

/** Runs apt here, with the container's paths below a directory and no package installed. */
async function hostSandbox(): Promise<Sandbox> {
  const root = await temporaryDirectory()
  const own = (text: string) => text.replaceAll('/stillroom', `${root}/stillroom`)
  await writeFile(join(root, 'status'), '')
  return {
    write: async (files) => {
      for (const { path, content } of files) {
        // apt names a list by the path of its source, which is another here
        const place = own(path).replace(
          '/lists/_stillroom',
          `/lists/${`${root}/stillroom`.replaceAll('/', '_')}`,
        )
        await mkdir(dirname(place), { recursive: true })
        await writeFile(place, path.endsWith('sources.list') ? own(String(content)) : content)
      }
    },
    run: async ([program = '', ...args], env) =>
      new Promise((resolve) => {
        const system = ['-o', `Dir::State::status=${root}/status`, '-o', 'APT::Architecture=amd64']
        const options = { env: { PATH: process.env.PATH, ...env } }
        execFile(program, [...system, ...args.map(own)], options, (error, stdout, stderr) =>
          resolve({ exitCode: error === null ? 0 : 100, stdout, stderr }),
        )
      }),
    remove: async () => {},
    // biome-ignore lint/correctness/useYield: nothing is read
    read: async function* () {
      throw new Error('nothing is read')
    },
  }
}

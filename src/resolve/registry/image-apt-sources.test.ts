import { expect, test } from 'vitest'
import { imageAptSources, nameArchive, wantedByApt } from './image-apt-sources.ts'

const filesOf = (files: Record<string, string>) => ({
  read: (path: string) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
  list: (directory: string) =>
    Object.keys(files)
      .filter((path) => path.startsWith(`${directory}/`))
      .map((path) => path.slice(directory.length + 1))
      .sort(),
})
const show = (files: Record<string, string>) =>
  imageAptSources(filesOf(files)).map(({ uris, suite, components, keyrings }) =>
    [...uris, suite, ...components, ...keyrings.map(String)].join(' '),
  )

test('imageAptSources() reads one-line sources with their options and the trusted keys', () => {
  const files = {
    'etc/apt/sources.list': [
      '# deb http://commented.example/ubuntu bionic main',
      'deb http://archive.example/ubuntu/ bionic main restricted # why',
      'deb http://archive.example/ubuntu bionic universe',
      'deb-src http://archive.example/ubuntu bionic main',
      'deb [arch=arm64] http://ports.example/ubuntu bionic main',
      'deb file:/srv/debs ./',
      'deb http://flat.example/x86_64 /',
    ].join('\n'),
    'etc/apt/sources.list.d/a.list':
      'deb [ arch=amd64 signed-by=/usr/share/keyrings/a.gpg ] https://a.example/debian stable main',
    'etc/apt/trusted.gpg': 'OLD',
    'etc/apt/trusted.gpg.d/new.asc': 'NEW',
    'etc/apt/trusted.gpg.d/readme': 'no key',
    'usr/share/keyrings/a.gpg': 'A',
  }
  expect(show(files)).toEqual([
    'http://archive.example/ubuntu bionic main restricted universe OLD NEW',
    'https://a.example/debian stable main A',
  ])
  expect(Object.keys(files).filter((path) => !wantedByApt(path, 10))).toEqual([])
})

test('imageAptSources() reads deb822 sources with keys within them', () => {
  const text = `Types: deb deb-src
URIs: http://a.example/debian http://b.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: sid
Components: main
`
  const sources = imageAptSources(filesOf({ 'etc/apt/sources.list.d/debian.sources': text }))
  expect(sources.map(({ suite }) => suite)).toEqual(['trixie', 'trixie-updates'])
  expect(String(sources[0]?.keyrings[0])).toContain('BLOCK-----\n\nabc\n-----END')
})

test.each([
  ['http://mirror.example/pub/debian', 'bookworm', 'Debian', 'debian'],
  ['http://security.example', 'bullseye-security', 'Debian', 'debian-security'],
  ['http://security.example/debian-security', 'buster/updates', 'Debian', 'debian-security'],
  ['http://old.example/archive/debian/20240101T000000Z', 'bookworm', 'Debian', 'debian'],
  ['http://archive.example/ubuntu', 'bionic-updates', 'Ubuntu', 'ubuntu'],
  ['http://ppa.example/team/solver/ubuntu', 'bionic', 'LP-PPA-team', 'ppa.example/team/solver/ubuntu'],
  ['https://vendor.example/debian', 'bookworm', 'Vendor', 'vendor.example/debian'],
])('nameArchive(%j, %j, %j) is %j', (uri, suite, origin, expected) => {
  expect(nameArchive(uri, suite, origin)).toBe(expected)
})

import { expect, test } from 'vitest'
import type { DebianPackage } from '../lock/schema.ts'
import { parseAptRequest } from '../recipe/apt-request.ts'
import { readVersions } from '../resolve/debian/read-packages.ts'
import { newerDebian } from './newer-debian.ts'

type Entry = [name: string, version: string, depends?: string]

const index = (suite: string, entries: Entry[], archive = 'debian') => ({
  archive,
  suite,
  packages: Buffer.from(
    entries
      .map(
        ([name, version, depends]) =>
          `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nFilename: pool/${name}.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n${depends === undefined ? '' : `Depends: ${depends}\n`}`,
      )
      .join('\n'),
  ),
})

/** What is advised and what is not, of packages that are locked in version 1. */
function advice(indexes: ReturnType<typeof index>[], locked: string[], requests: string[] = []) {
  const packages = locked.map((name): DebianPackage => {
    const more = { architecture: 'amd64' as const, archive: 'debian', path: 'x.deb', size: 1 }
    return { name, version: '1', ...more, sha256: '0'.repeat(64) }
  })
  const { newer, excluded } = newerDebian(packages, {
    packages: readVersions(indexes),
    requests: requests.map(parseAptRequest),
    isNotAutomatic: ({ suite }) => suite === 'bookworm-backports',
  })
  return [
    newer.map(({ subject, newest, security }) => `${subject} ${newest}${security ? ' security' : ''}`),
    excluded.map(({ subject, newest, reason }) => `${subject} ${newest}: ${reason}`),
  ]
}

test('the newest of the suite, its updates and its security updates is advised', () => {
  const indexes = [
    index('bookworm', [
      ['jq', '1'],
      ['mawk', '1'],
    ]),
    index('bookworm-security', [['jq', '1.1']], 'debian-security'),
    index('bookworm-updates', [['mawk', '1.2']]),
  ]
  expect(advice(indexes, ['jq', 'mawk', 'gone'])).toEqual([['deb/jq 1.1 security', 'deb/mawk 1.2'], []])
})

test('not against what the recipe says of version or suite', () => {
  const indexes = [
    index('bookworm', [
      ['jq', '2'],
      ['cmake', '2'],
      ['curl', '2'],
      ['git', '2'],
    ]),
    index('bookworm-security', [['curl', '3']], 'debian-security'),
    index('bookworm-backports', [
      ['cmake', '3'],
      ['git', '3'],
    ]),
  ]
  const requests = ['jq=1', 'cmake/bookworm-backports', 'curl/bookworm', 'git']
  expect(advice(indexes, ['jq', 'cmake', 'curl', 'git'], requests)).toEqual([
    ['deb/cmake 3', 'deb/curl 2', 'deb/git 2'],
    ['deb/jq 2: the recipe says jq=1', 'deb/curl 3: the recipe says curl/bookworm'],
  ])
})

test('nor what would part packages that go together with one that the recipe pins', () => {
  const indexes = [
    index('bookworm', [
      ['tool', '1', 'libtool (= 1), libc (>= 1)'],
      ['libtool', '1', 'tool-data (<< 2)'],
      ['tool-data', '1'],
      ['libc', '1'],
      ['plugin', '1'],
    ]),
    index('bookworm-updates', [
      ['tool', '2', 'libtool (= 2)'],
      ['libtool', '2', 'tool-data (>= 2)'],
      ['tool-data', '1.5'],
      ['tool-data', '2'],
      ['libc', '2'],
      ['plugin', '2', 'tool (>= 2)'],
    ]),
  ]
  const locked = ['tool', 'libtool', 'tool-data', 'libc', 'plugin']
  expect(advice(indexes, locked)[1]).toEqual([])
  expect(advice(indexes, locked, ['tool=1', 'plugin'])).toEqual([
    ['deb/tool-data 1.5', 'deb/libc 2'],
    [
      'deb/tool 2: the recipe says tool=1',
      'deb/libtool 2: tool 1 needs libtool (= 1)',
      'deb/tool-data 2: libtool 1 needs tool-data (<< 2)',
      'deb/plugin 2: it needs tool (>= 2), and the recipe says tool=1',
    ],
  ])
})

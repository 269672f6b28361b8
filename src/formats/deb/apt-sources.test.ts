import { expect, it, test } from 'vitest'
import { parseAptDeb822, parseAptList } from './apt-sources.ts'

it('parseAptList() reads options, and nothing but entries of binary packages', () => {
  const text = [
    '# deb http://a.example/debian x main',
    'deb http://b.example/debian bookworm main contrib # all',
    ' deb [ arch=amd64,arm64 signed-by=/etc/b.gpg ] http://c.example/debian/ ./',
    'deb-src http://b.example/debian bookworm main',
    '',
  ].join('\n')
  expect(parseAptList(text)).toEqual([
    {
      uris: ['http://b.example/debian'],
      suites: ['bookworm'],
      components: ['main', 'contrib'],
      architectures: [],
      signedBy: undefined,
    },
    {
      uris: ['http://c.example/debian/'],
      suites: ['./'],
      components: [],
      architectures: ['amd64', 'arm64'],
      signedBy: '/etc/b.gpg',
    },
  ])
})

// by `apt-get update --print-uris` of apt 2.6
test.each([
  ...['no', 'No', 'false', 'without', 'off', 'disable', '0'].map((value) => [value, 0] as const),
  ...['yes', '1', 'x'].map((value) => [value, 1] as const),
])('parseAptDeb822() reads Enabled: %s as apt does', (value, count) => {
  const text = `Types: deb-src deb\nURIs: http://a.example\n http://b.example\nSuites: x y\nComponents: main\nEnabled: ${value}\n`
  const entries = parseAptDeb822(text)
  expect(entries).toHaveLength(count)
  if (count === 1)
    expect(entries[0]).toMatchObject({ uris: ['http://a.example', 'http://b.example'], suites: ['x', 'y'] })
})

it('parseAptDeb822() keeps keys that are in the entry', () => {
  const key = ' -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n'
  const [entry] = parseAptDeb822(`Types: deb\nURIs: u\nSuites: s\nArchitectures: amd64\nSigned-By:\n${key}`)
  expect(entry).toMatchObject({
    architectures: ['amd64'],
    signedBy: '\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n.\nmQINB',
  })
})

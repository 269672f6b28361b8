import fc from 'fast-check'
import { expect, test } from 'vitest'
import { minimalClosure, seedClosure } from './closure.ts'
import { type PackageSet, readPackages } from './read-packages.ts'

type Fields = Record<string, string>

function setOf(...entries: Fields[]): PackageSet {
  return readPackages([{ archive: 'debian', packages: Buffer.from(entries.map(stanza).join('\n')) }])
}

function stanza(fields: Fields): string {
  const filled = {
    Version: '1',
    Architecture: 'amd64',
    Filename: `pool/main/x/${fields.Package}_1_amd64.deb`,
    Size: '1',
    SHA256: '0'.repeat(64),
    ...fields,
  }
  return Object.entries(filled)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('')
}

const names = (packages: { name: string }[]) => packages.map(({ name }) => name)

test('minimalClosure() takes Essential packages, the roots and what they depend on, sorted', () => {
  const set = setOf(
    { Package: 'zsh' },
    { Package: 'libc6' },
    { Package: 'tar', Essential: 'yes', 'Pre-Depends': 'libc6 (>= 1)' },
    { Package: 'apt', Depends: 'keys', Recommends: 'zsh', Suggests: 'zsh' },
    { Package: 'keys', Depends: 'apt' },
  )
  expect(names(minimalClosure(set, ['apt']))).toEqual(['apt', 'keys', 'libc6', 'tar'])
})

test('minimalClosure() takes the first alternative that is there, new enough and not usrmerge', () => {
  const set = setOf(
    { Package: 'apt', Depends: 'gone | old (>= 2) | new (>= 2) | other, usrmerge | usr-is-merged' },
    { Package: 'old' },
    { Package: 'new', Version: '2' },
    { Package: 'other' },
    { Package: 'usrmerge' },
    { Package: 'usr-is-merged' },
  )
  expect(names(minimalClosure(set, ['apt']))).toEqual(['apt', 'new', 'usr-is-merged'])
})

test('minimalClosure() takes the provider of the highest priority, then the first by name', () => {
  const awks = [
    { Package: 'busy', Provides: 'awk', Priority: 'optional' },
    { Package: 'mawk', Provides: 'awk', Priority: 'required' },
    { Package: 'bawk', Provides: 'awk', Priority: 'required' },
  ]
  expect(names(minimalClosure(setOf({ Package: 'apt', Depends: 'awk' }, ...awks), ['apt']))).toEqual([
    'apt',
    'bawk',
  ])
})

test('minimalClosure() meets a version only by a version provided', () => {
  const wanting = { Package: 'apt', Depends: 'virtual (>= 2)' }
  const versioned = { Package: 'versioned', Provides: 'virtual (= 2.1)' }
  const plain = { Package: 'plain', Version: '3', Provides: 'virtual' }
  expect(names(minimalClosure(setOf(wanting, plain, versioned), ['apt']))).toEqual(['apt', 'versioned'])
  expect(() => minimalClosure(setOf(wanting, plain), ['apt'])).toThrow('apt needs virtual (>= 2)')
})

test('minimalClosure() rejects a missing root and a relation it cannot read', () => {
  expect(() => minimalClosure(setOf(), ['apt'])).toThrow('the base system needs apt')
  expect(() => minimalClosure(setOf({ Package: 'apt', Depends: 'a b' }), ['apt'])).toThrow(
    'cannot read the relations of apt 1',
  )
})

test('seedClosure() takes what runs dpkg, and base-files', () => {
  const roots = ['base-files', 'coreutils', 'dash', 'dpkg', 'findutils', 'grep', 'sed', 'tar']
  const set = setOf({ Package: 'extra', Essential: 'yes' }, ...roots.map((name) => ({ Package: name })))
  expect(names(seedClosure(set))).toEqual(roots)
})

test('minimalClosure() depends neither on the order of packages nor on that of roots', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
  const entries = fc.uniqueArray(
    fc.record({
      Package: name.map((one) => `p${one}`),
      Depends: fc.array(name.map((one) => `v${one} | pa`)).map((all) => all.join(', ')),
      Provides: name.map((one) => `v${one}`),
    }),
    { selector: (entry) => entry.Package },
  )
  fc.assert(
    fc.property(
      entries.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      ([all, shuffled]) => {
        const outcome = (order: Fields[], roots: string[]) => {
          try {
            return names(minimalClosure(setOf(...order), roots))
          } catch {
            return 'cannot be met'
          }
        }
        const roots = all.map((entry) => entry.Package)
        expect(outcome(shuffled, [...roots].reverse())).toEqual(outcome(all, roots))
      },
    ),
  )
})

test('readPackages() takes the newest version over all indexes', () => {
  const index = (archive: 'debian' | 'debian-security', version: string) => ({
    archive,
    packages: Buffer.from(stanza({ Package: 'apt', Version: version })),
  })
  const newest = readPackages([
    index('debian', '2.0'),
    index('debian-security', '2.0+deb11u1'),
    index('debian', '1:0~'),
  ])
  expect(newest.get('apt')).toMatchObject({ version: '1:0~', archive: 'debian' })
  expect(readPackages([index('debian', '1'), index('debian-security', '1')]).get('apt')?.archive).toBe(
    'debian',
  )
})

test('readPackages() rejects an entry without what a download needs', () => {
  const packages = Buffer.from('Package: apt\nVersion: 1\nArchitecture: all\n')
  expect(() => readPackages([{ archive: 'debian', packages }])).toThrow('apt has no "filename"')
})

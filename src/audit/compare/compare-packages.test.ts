import { describe, expect, test } from 'vitest'
import { FileTree } from '../../image/file-tree.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { InstalledPackage } from '../../inventory/inventory.ts'
import { ExpectedFiles } from '../expect/expected-files.ts'
import type { LockedPackage } from '../expect/locked-packages.ts'
import { comparePackages, distance } from './compare-packages.ts'

const installed = (
  kind: InstalledPackage['kind'],
  name: string,
  version: string,
  more: Partial<InstalledPackage> = {},
): InstalledPackage => ({
  kind,
  name,
  version,
  record: `site/${name}.dist-info/METADATA`,
  files: [],
  ...more,
})

const locked = (kind: LockedPackage['kind'], name: string, version: string): LockedPackage => {
  const artifact = { file: `${name}.whl`, size: 1, sha256: '0'.repeat(64) }
  return {
    kind,
    name,
    version,
    step: 'pip-1',
    artifact,
    ...(kind === 'deb' ? { architecture: 'amd64' } : {}),
  }
}

const LOCKED = [locked('deb', 'libc6', '2.36-9'), locked('pypi', 'six', '1.16.0')]
const LIBC = installed('deb', 'libc6', '2.36-9', { architecture: 'amd64', record: 'var/lib/dpkg/status' })
const SIX = installed('pypi', 'six', '1.16.0')

function compare(
  packages: InstalledPackage[],
  {
    base = [] as InstalledPackage[],
    owners = {},
    below = [] as InstalledPackage[],
    installedBy = (_found: InstalledPackage, _instead?: string): string | undefined => undefined,
  } = {},
) {
  const expected = new ExpectedFiles(new FileTree({ inode: {} as Inode, children: new Map() }))
  for (const [path, owner] of Object.entries({ 'site/six.dist-info/RECORD': 'pypi/six', ...owners }))
    expected.add(path, { owner: owner as string, type: 'file' })
  const map = new Map(LOCKED.map((entry) => [`${entry.kind}/${entry.name}`, entry]))
  return comparePackages(
    { packages, problems: [] },
    map,
    expected,
    (found) => base.includes(found),
    (found) => below.includes(found),
    installedBy,
  )
}

const rules = (result: ReturnType<typeof compare>) =>
  result.findings.map(({ rule, subject, actual = '' }) => `${rule} ${subject} ${actual}`.trim())

describe('comparePackages()', () => {
  test('says nothing of what the layers of a base that is another recipe have besides', () => {
    const pip = installed('pypi', 'pip', '23.0')
    expect(rules(compare([LIBC, SIX, pip], { below: [pip] }))).toEqual([])
    expect(rules(compare([LIBC, SIX, pip]))).toEqual(['package-extra pypi/pip 23.0'])
  })

  test('finds nothing where all that is locked is installed', () => {
    expect(compare([LIBC, SIX])).toEqual({ findings: [], strays: [], absent: new Set(), changes: [] })
  })

  test('names a package that is missing, whose files may be missing then', () => {
    const result = compare([LIBC])
    expect(rules(result)).toEqual(['package-missing pypi/six'])
    expect(result.absent).toEqual(new Set(['pypi/six']))
  })

  test('names another version, how far it is, and lists its files as stray', () => {
    const older = installed('pypi', 'six', '1.15.0')
    const result = compare([LIBC, older])
    expect(rules(result)).toEqual(['package-version pypi/six 1.15.0'])
    expect(result.findings[0]).toMatchObject({
      message: 'pypi/six is older by a minor version',
      expected: '1.16.0',
    })
    expect(result).toMatchObject({ strays: [older], absent: new Set(['pypi/six']) })
  })

  test('compares versions as their ecosystem does', () => {
    expect(rules(compare([LIBC, { ...SIX, version: '1.16' }]))).toEqual([])
    expect(rules(compare([{ ...LIBC, version: '2.36-9~' }, SIX]))).toEqual([
      'package-version deb/libc6 2.36-9~',
    ])
  })

  test('names another architecture', () => {
    expect(rules(compare([{ ...LIBC, architecture: 'arm64' }, SIX]))).toEqual([
      'package-version deb/libc6 2.36-9 (arm64)',
    ])
  })

  test('names what is not locked, and a second copy elsewhere', () => {
    const evil = installed('pypi', 'evil', '1')
    expect(rules(compare([LIBC, SIX, evil]))).toEqual(['package-extra pypi/evil 1'])
    const copy = installed('pypi', 'six', '1.16.0', { record: 'opt/six.dist-info/METADATA' })
    const result = compare([LIBC, SIX, copy])
    expect(rules(result)).toEqual(['package-extra pypi/six 1.16.0'])
    expect(result.strays).toEqual([copy])
  })

  test('takes what another package brings: a vendored copy, modules of a .deb', () => {
    const vendored = installed('pypi', 'urllib3', '2', {
      record: 'site/pip/_vendor/urllib3.dist-info/METADATA',
    })
    expect(rules(compare([LIBC, SIX, vendored], { owners: { [vendored.record]: 'pypi/pip' } }))).toEqual([])
  })

  test('takes a second version that was in the base', () => {
    const older = installed('pypi', 'six', '1.12.0', { record: 'usr/lib/six.egg-info' })
    expect(rules(compare([LIBC, SIX, older], { base: [older] }))).toEqual([])
    expect(rules(compare([LIBC, SIX, older]))).toEqual(['package-extra pypi/six 1.12.0'])
  })

  test('takes what commands of a step installed, also instead of an earlier step’s', () => {
    const extra = installed('pypi', 'pip', '23', { record: 'venv/pip.dist-info/METADATA' })
    const newer = installed('pypi', 'six', '1.17', { record: 'venv/six.dist-info/METADATA' })
    const asked: (string | undefined)[] = []
    const installedBy = (_: InstalledPackage, instead?: string) => {
      asked.push(instead)
      return 'run-2'
    }
    const result = compare([LIBC, extra, newer], { installedBy })
    expect(result).toMatchObject({ findings: [], strays: [], absent: new Set(['pypi/six']) })
    expect(result.changes.map(({ path, by, rule, owner }) => [path, by, rule, owner].join(' '))).toEqual([
      '/venv/pip.dist-info/METADATA run-2 package-extra pypi/pip',
      '/venv/six.dist-info/METADATA run-2 package-version pypi/six',
    ])
    expect(asked).toEqual([undefined, 'pip-1'])
  })

  test('leaves a modified checkout to its own rule', () => {
    const checkout = installed('git', 'opt/x', 'a'.repeat(40), { modified: ['opt/x/a'] })
    const result = compare([LIBC, SIX, checkout])
    expect(result).toMatchObject({ findings: [], strays: [checkout] })
    expect(rules(compare([LIBC, SIX, { ...checkout, modified: [] }]))).toHaveLength(1)
  })
})

describe('distance()', () => {
  test.each([
    ['deb', '1:2.36.1-8', '2.38.1-5', 'older by an epoch'],
    ['deb', '2.36.1-8', '2.36.1-7+b1', 'older by a Debian revision'],
    ['deb', '2.36.1-8', '2.36.2-1', 'newer by a patch version'],
    ['deb', '2.36.1-8', '2.38.1-5', 'newer by a minor version'],
    ['deb', '1.0~rc1-1', '1.0-1', 'newer by less than a patch'],
    ['pypi', '1.19.5', '2.0.0', 'newer by a major version'],
    ['pypi', '1.19.5', '1.9', 'older by a minor version'],
    ['pypi', '1.0', '1.0.post1', 'newer by less than a patch'],
    ['npm', '1.0.0', '1.0.1', 'another version'],
  ] as const)('%s %s, found %s: %s', (kind, locked, found, expected) => {
    expect(distance(kind, locked, found)).toBe(expected)
  })
})

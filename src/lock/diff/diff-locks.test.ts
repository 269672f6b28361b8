import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { arbitraryLock } from '../arbitrary-lock.test-data.ts'
import { canonicalJson, type Json } from '../canonical-json.ts'
import type { DebianPackage, LockedPlatform, Lockfile, PythonFile } from '../schema.ts'
import { serializeLock } from '../serialize-lock.ts'
import { imageBase, smallLock } from '../small-lock.test-data.ts'
import { diffLocks, levelOfChanges } from './diff-locks.ts'
import { listEntries } from './list-entries.ts'
import { ChangeClass, LockChanges, type PackageChange, type PackageState } from './schema.ts'

/** Two locks that have much in common: steps, base and image are those of the one or the other. */
const relatedLocks = fc
  .tuple(arbitraryLock, arbitraryLock, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }))
  .map(([a, b, picks]): [Lockfile, Lockfile] => [a, mix(a, b, picks)])
/** A lock, and what relocking could make of it: packages at other versions, with other bytes, from elsewhere, gone. */
const editedLocks = fc
  .tuple(arbitraryLock, fc.infiniteStream(fc.nat()))
  .map(([a, numbers]): [Lockfile, Lockfile] => {
    const b = structuredClone(a)
    relock(platformOf(b), () => numbers.next().value as number)
    return [a, b]
  })
const locks = fc.oneof(
  { arbitrary: editedLocks, weight: 4 },
  relatedLocks,
  fc.tuple(arbitraryLock, arbitraryLock),
)

function relock({ base, steps }: LockedPlatform, next: () => number): void {
  const otherBytes = (item: { sha256: string; size: number }) => {
    const sha256 = (BigInt(next()) + 1n).toString(16).padStart(64, '0')
    Object.assign(item, { sha256, size: Number.parseInt(sha256.slice(-8), 16) })
  }
  const edit = (item: DebianPackage | PythonFile) => {
    const number = () => next() % 9
    const version = [
      `${item.version}${'path' in item ? '+b1' : '.post1'}`,
      `${/^\d+/.exec(item.version)?.[0]}.${number()}.${number()}`,
      `${number()}.${number()}.${number()}${['', '-1', 'rc1', '.post1'][next() % 4]}`,
    ][next() % 3]
    const [move, rebuild, elsewhere] = [next() % 3 === 0, next() % 3 === 0, next() % 6 === 0]
    if (move) Object.assign(item, { version })
    if (move || rebuild) otherBytes(item)
    if (!('archive' in item)) return
    if (elsewhere) Object.assign(item, { archive: 'example.org/team' })
    if (next() % 6 === 0) Object.assign(item, { path: `pool/main/m/moved/${item.name}_1.deb` })
  }
  const editAll = (items: (DebianPackage | PythonFile)[]) => {
    if (next() % 3 === 0 && items.length > 1) items.splice(next() % items.length, 1)
    for (const item of items) edit(item)
  }
  for (const index of base.indexes) {
    if (next() % 3 === 0)
      Object.assign(index, { release: (BigInt(next()) + 1n).toString(16).padStart(64, '0') })
    if (next() % 3 === 0) Object.assign(index, { date: '2030-01-01T00:00:00Z' })
  }
  if (base.kind === 'debian') editAll(base.packages)
  else if (next() % 2 === 0) Object.assign(base, { manifest: `sha256:${'9'.repeat(64)}` })
  for (const step of steps) {
    if (step.kind === 'apt') editAll(step.packages)
    if (step.kind === 'pip') for (const files of [step.files, ...Object.values(step.build)]) editAll(files)
    if (step.kind === 'git' && next() % 2 === 0) {
      Object.assign(step, { commit: (BigInt(next()) + 1n).toString(16).padStart(40, '0') })
      otherBytes(step)
    }
    if (step.kind === 'file' && next() % 2 === 0) otherBytes(step)
  }
}

function mix(a: Lockfile, b: Lockfile, picks: boolean[]): Lockfile {
  const [x, y] = [platformOf(a), platformOf(b)]
  const pick = <T>(i: number, left: T, right: T) => (picks[i] ? left : right)
  const mixed = {
    epoch: pick(0, x.epoch, y.epoch),
    base: pick(1, x.base, y.base),
    image: pick(2, x.image, y.image),
    steps: x.steps.flatMap((step, i) => {
      const other = y.steps[i]
      if (step.kind !== 'apt' || other?.kind !== 'apt') return [pick(3 + (i % 5), step, other ?? step)]
      const packages = [...step.packages, ...other.packages].filter(
        ({ name }, at, all) => all.findIndex((item) => item.name === name) === at,
      )
      return [{ ...step, packages: packages.slice(picks[3 + (i % 5)] ? 1 : 0) }]
    }),
    // what is pinned of them is told by the inputs, which these locks have in common
    ...(x.recipes && { recipes: x.recipes }),
  }
  return { ...a, platforms: { 'linux/amd64': mixed } }
}

const RUNS = { numRuns: rounds(40, 1000) }

const platformOf = (lock: Lockfile) => lock.platforms['linux/amd64'] as LockedPlatform

/** A package and its state as text; where it comes in is no part of what is installed. */
function itemText({ ecosystem, name }: { ecosystem: string; name: string }, state: PackageState): string {
  const { place: _place, asked: _asked, ...rest } = state
  const known = ecosystem === 'git' || ecosystem === 'file' || ecosystem === 'base' ? '' : name
  return canonicalJson({ ecosystem, known, ...rest } as Json)
}

/** The account applied to a set of packages: what goes is taken out, which must be there, and what comes is put in. */
function apply(packages: string[], changes: PackageChange[]): string[] {
  const left = [...packages]
  for (const change of changes) {
    if (change.from === null) continue
    const at = left.indexOf(itemText(change, change.from))
    if (at < 0) throw new Error(`not there: ${itemText(change, change.from)}`)
    left.splice(at, 1)
  }
  return [...left, ...changes.flatMap((change) => (change.to === null ? [] : [itemText(change, change.to)]))]
}

const packagesOf = (lock: Lockfile) => listEntries(lock).map((entry) => itemText(entry, entry.state))

test('the locks of these tests differ in every way that there is', () => {
  const diffs = fc.sample(locks, 500).map(([a, b]) => diffLocks(a, b))
  const packages = diffs.flatMap((diff) => diff.packages)
  const counts = Object.fromEntries(
    ChangeClass.options.map((kind) => [kind, packages.filter((change) => change.class === kind).length]),
  )
  expect(Object.entries(counts).filter(([, count]) => count < 1)).toEqual([])
  for (const list of ['inputs', 'details', 'images'] as const)
    expect(diffs.filter((diff) => diff[list].length > 0).length).toBeGreaterThan(10)
})

test('diffLocks() of a lock with itself is empty', () => {
  fc.assert(
    fc.property(arbitraryLock, (lock) => {
      const changes = diffLocks(lock, structuredClone(lock))
      expect(changes).toEqual({ inputs: [], packages: [], details: [], images: [] })
      expect(levelOfChanges(changes)).toBeNull()
    }),
    RUNS,
  )
})

test('diffLocks() is empty for no others than locks that say the same', () => {
  fc.assert(
    fc.property(locks, ([a, b]) => {
      fc.pre(serializeLock(a) !== serializeLock(b))
      expect(levelOfChanges(diffLocks(a, b))).not.toBeNull()
    }),
    RUNS,
  )
})

test('diffLocks() both ways mirror each other', () => {
  const mirror: Record<string, string> = { added: 'removed', removed: 'added' }
  const sideless = ({ from, to, class: kind, ecosystem }: PackageChange, turned: boolean) =>
    JSON.stringify({
      ecosystem,
      ...(turned ? { from: to, to: from } : { from, to }),
      kind: /^(patch|minor|major|newer|downgrade)$/.test(kind)
        ? 'version'
        : turned
          ? (mirror[kind] ?? kind)
          : kind,
    })
  fc.assert(
    fc.property(locks, ([a, b]) => {
      const [there, back] = [diffLocks(a, b), diffLocks(b, a)]
      const turned = back.packages.map((change) => sideless(change, true))
      expect(turned.sort()).toEqual(there.packages.map((change) => sideless(change, false)).sort())
      for (const list of ['inputs', 'details', 'images'] as const) {
        expect(back[list].map(({ from, to, ...rest }) => ({ ...rest, from: to, to: from }))).toEqual(
          there[list],
        )
      }
    }),
    RUNS,
  )
})

test('diffLocks() turns upgrades into downgrades the other way round', () => {
  fc.assert(
    fc.property(locks, ([a, b]) => {
      const back = diffLocks(b, a).packages
      for (const { class: kind, from, to } of diffLocks(a, b).packages) {
        if (!/^(patch|minor|major|newer)$/.test(kind)) continue
        const found = back.filter((other) => equal(other.from, to) && equal(other.to, from))
        expect(found.map((other) => other.class)).toContain('downgrade')
      }
    }),
    RUNS,
  )
})

test('the account of diffLocks(a, b), applied to the packages of a, gives those of b', () => {
  fc.assert(
    fc.property(locks, ([a, b]) => {
      const { packages } = diffLocks(a, b)
      expect(apply(packagesOf(a), packages).sort()).toEqual(packagesOf(b).sort())
      expect(apply([], diffLocks(null, b).packages).sort()).toEqual(packagesOf(b).sort())
      expect(apply(packagesOf(a), diffLocks(a, null).packages)).toEqual([])
    }),
    RUNS,
  )
})

test('diffLocks() gives the same for shuffled lists', () => {
  fc.assert(
    fc.property(
      locks.chain(([a, b]) => fc.tuple(fc.constant([a, b] as const), shuffle(a), shuffle(b))),
      ([[a, b], x, y]) => {
        expect(JSON.stringify(diffLocks(x, y))).toBe(JSON.stringify(diffLocks(a, b)))
      },
    ),
    RUNS,
  )
})

test('diffLocks() gives what its schema says', () => {
  fc.assert(
    fc.property(locks, ([a, b]) => {
      const changes = diffLocks(a, b)
      expect(LockChanges.parse(changes)).toEqual(changes)
    }),
    RUNS,
  )
})

/** The lock with a function applied to its one platform. */
function edit(change: (platform: LockedPlatform) => void): Lockfile {
  const lock = structuredClone(smallLock)
  change(platformOf(lock))
  return lock
}

test.each<[string, (platform: LockedPlatform) => void, Partial<PackageChange>]>([
  [
    'a package under the same version with other bytes',
    ({ steps }) =>
      void (
        steps[0]?.kind === 'apt' && Object.assign(steps[0].packages[0] ?? {}, { sha256: '0'.repeat(64) })
      ),
    { ecosystem: 'deb', name: 'python3', class: 'rebuild', level: 'rebuild', asked: true },
  ],
  [
    'a security update of the base',
    ({ base }) =>
      void (
        base.kind === 'debian' &&
        Object.assign(base.packages[0] ?? {}, {
          version: '1.21.23',
          archive: 'debian-security',
          sha256: '0'.repeat(64),
        })
      ),
    { ecosystem: 'deb', name: 'dpkg', class: 'patch', level: 'patch', asked: false },
  ],
  [
    'a package that moves from the security archive with the same bytes',
    ({ base }) =>
      void (base.kind === 'debian' && Object.assign(base.packages[0] ?? {}, { archive: 'debian-security' })),
    { name: 'dpkg', class: 'detail', level: 'any' },
  ],
  [
    'a package from an archive of other people',
    ({ base }) =>
      void (
        base.kind === 'debian' &&
        Object.assign(base.packages[0] ?? {}, { archive: 'example.org/team', sha256: '0'.repeat(64) })
      ),
    { name: 'dpkg', class: 'source', level: 'source' },
  ],
  [
    'an older wheel',
    ({ steps }) =>
      void (
        steps[1]?.kind === 'pip' &&
        Object.assign(steps[1].files[0] ?? {}, { version: '1.16.0rc1', sha256: '0'.repeat(64) })
      ),
    { ecosystem: 'pypi', name: 'six', class: 'downgrade', asked: true },
  ],
  [
    'a wheel that builds a source distribution',
    ({ steps }) =>
      void (
        steps[1]?.kind === 'pip' &&
        Object.assign(steps[1].build.docopt?.[0] ?? {}, { version: '0.41.0', sha256: '0'.repeat(64) })
      ),
    { ecosystem: 'pypi-build', name: 'wheel (builds docopt)', class: 'minor', asked: false },
  ],
  [
    'another commit of a repository',
    ({ steps }) => void Object.assign(steps[2] ?? {}, { commit: '7'.repeat(40), sha256: '0'.repeat(64) }),
    { ecosystem: 'git', class: 'other', level: 'minor', asked: true },
  ],
  [
    'a repository at another address',
    ({ steps }) =>
      void Object.assign(steps[2] ?? {}, {
        url: 'https://git.example.org/fork/tool.git',
        sha256: '0'.repeat(64),
      }),
    { ecosystem: 'git', class: 'source', level: 'source' },
  ],
  [
    'a download of the same bytes from another address',
    ({ steps }) => void Object.assign(steps[3] ?? {}, { url: 'https://example.com/mesh.tar.gz' }),
    { ecosystem: 'file', class: 'source', level: 'source' },
  ],
  [
    'a package that came, of an archive of other people',
    ({ base }) =>
      void (
        base.kind === 'debian' &&
        base.packages.push({
          ...(base.packages[0] as DebianPackage),
          name: 'new',
          archive: 'example.org/team',
        })
      ),
    { name: 'new', class: 'added', level: 'source' },
  ],
  [
    'a download with other bytes',
    ({ steps }) => void Object.assign(steps[3] ?? {}, { sha256: '0'.repeat(64) }),
    { ecosystem: 'file', class: 'rebuild', level: 'rebuild' },
  ],
  [
    'a commit that leaves the tree as it was',
    ({ steps }) => void Object.assign(steps[4] ?? {}, { commit: '7'.repeat(40) }),
    { ecosystem: 'project', name: 'solver', class: 'detail', level: 'any' },
  ],
  [
    'a newer index',
    ({ base }) =>
      void Object.assign(base.indexes[0] ?? {}, { date: '2023-12-14T22:13:20Z', release: '0'.repeat(64) }),
    { ecosystem: 'index', class: 'newer', level: 'any' },
  ],
  [
    'an index of the same date with other content',
    ({ base }) => void Object.assign(base.indexes[0] ?? {}, { release: '0'.repeat(64) }),
    { ecosystem: 'index', class: 'rebuild', level: 'rebuild' },
  ],
  [
    'a newer suite',
    ({ base }) => void Object.assign(base, { suite: 'trixie' }),
    { ecosystem: 'base', name: 'debian', class: 'major', asked: true },
  ],
])('diffLocks() tells %s', (_, change, expected) => {
  const { packages } = diffLocks(smallLock, edit(change))
  expect(packages).toEqual([expect.objectContaining(expected)])
})

test('diffLocks() tells a tag of a base image that was moved, and packages in it', () => {
  const withBase = (base: typeof imageBase) => edit((platform) => void Object.assign(platform, { base }))
  const moved = {
    ...imageBase,
    manifest: `sha256:${'9'.repeat(64)}`,
    inventory: imageBase.inventory.map((item) => ({
      ...item,
      version: item.version.replace('1.16.3', '1.17.0'),
    })),
  }
  expect(diffLocks(withBase(imageBase), withBase(moved)).packages).toEqual([
    expect.objectContaining({ ecosystem: 'base', class: 'rebuild', asked: true }),
    expect.objectContaining({
      ecosystem: 'pypi',
      name: 'numpy (usr/local/lib/python3.6/dist-packages)',
      class: 'minor',
      asked: false,
    }),
  ])
})

function shuffle(lock: Lockfile): fc.Arbitrary<Lockfile> {
  return fc.infiniteStream(fc.nat()).map((numbers) => {
    const copy = structuredClone(lock)
    const mixUp = <T>(list: T[]) => {
      for (let i = list.length - 1; i > 0; i--) {
        const j = (numbers.next().value as number) % (i + 1)
        ;[list[i], list[j]] = [list[j] as T, list[i] as T]
      }
    }
    for (const { base, steps } of Object.values(copy.platforms) as LockedPlatform[]) {
      mixUp(base.indexes)
      mixUp<unknown>(base.kind === 'debian' ? base.packages : base.inventory)
      for (const step of steps) {
        if (step.kind === 'apt') mixUp(step.packages)
        if (step.kind === 'git') for (const list of [step.submodules, step.lfs]) mixUp<unknown>(list)
        if (step.kind !== 'pip') continue
        mixUp(step.files)
        mixUp(step.provided)
        for (const files of Object.values(step.build)) mixUp(files)
      }
    }
    return copy
  })
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

test('levelOfChanges() is that of a change of source when a submodule comes from another address', () => {
  const other = structuredClone(smallLock)
  const [, , step] = platformOf(other).steps
  if (step?.kind === 'git')
    for (const submodule of step.submodules) submodule.url = 'https://git.example.org/fork/part.git'
  expect(levelOfChanges(diffLocks(smallLock, other))).toBe('source')
  expect(levelOfChanges(diffLocks(null, other))).toBe('minor')
})

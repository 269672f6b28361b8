import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { StillroomError } from '../error.ts'
import { Recipe } from '../recipe/schema.ts'
import { compareLock, requireFresh } from './compare-lock.ts'
import { lockInputs } from './lock-inputs.ts'
import { parseLock } from './parse-lock.ts'
import type { Lockfile } from './schema.ts'
import { serializeLock } from './serialize-lock.ts'
import { imageBase, smallLock } from './small-lock.test-data.ts'

function recipe(fields: object = {}): Recipe {
  return Recipe.parse({ base: { kind: 'debian', suite: 'bookworm' }, ...fields })
}

describe('requireFresh()', () => {
  it('passes a lock made from the recipe', () => {
    expect(() => requireFresh(smallLock, smallLock.inputs)).not.toThrow()
  })

  it('lists each field as the lockfile and as the recipe has it', () => {
    const error = (() => {
      try {
        requireFresh(smallLock, lockInputs(recipe()))
      } catch (thrown) {
        return thrown as StillroomError
      }
    })()
    expect(error).toBeInstanceOf(StillroomError)
    expect(error).toMatchObject({ code: 'LOCK_STALE', hint: 'Run: stillroom lock recipe small' })
    expect(error?.message).toContain('  cmd: the lockfile has ["python3"], the recipe nothing')
    expect(error?.message).toContain('  env: the lockfile has {"LANG": "C.UTF-8"}, the recipe nothing')
  })
})

/** A lock of a base from a registry by digest, and of steps that name all that they can. */
function pinnedLock(): Lockfile {
  const { index: _, ...base } = imageBase
  const steps = [
    { kind: 'apt', packages: ['openssl=3.0.15-1~deb12u1', 'libc6'] },
    { kind: 'pip', requirements: ['requests==2.32.3', 'numpy'], sdists: {} },
    { kind: 'git', url: 'https://git.example.org/a.git', ref: 'b'.repeat(40), to: '/opt/a' },
    { kind: 'file', url: 'https://example.org/tool', sha256: 'a'.repeat(64), to: '/opt/tool' },
  ]
  const written = recipe({ base: { kind: 'image', reference: `team/base@${base.manifest}` }, steps })
  return {
    lockfileVersion: 1,
    recipe: 'pinned',
    inputs: lockInputs(written),
    platforms: {
      'linux/amd64': {
        epoch: Date.parse('2024-01-01T00:00:00Z') / 1000,
        base: {
          ...base,
          index: null,
          reference: `registry.example.org/team/base@${base.manifest}`,
          indexes: [
            {
              archive: 'debian',
              suite: 'bookworm',
              component: 'main',
              date: '2024-01-01T00:00:00Z',
              release: '1'.repeat(64),
              packages: '2'.repeat(64),
              signedBy: ['0123456789ABCDEF0123456789ABCDEF01234567'],
            },
          ],
        },
        steps: [
          {
            kind: 'apt',
            packages: [
              {
                name: 'openssl',
                version: '3.0.15-1~deb12u1',
                architecture: 'amd64',
                archive: 'debian',
                path: 'pool/main/o/openssl/openssl_3.0.15-1~deb12u1_amd64.deb',
                size: 1,
                sha256: '3'.repeat(64),
              },
            ],
            order: ['unpack openssl', 'configure openssl'],
          },
          {
            kind: 'pip',
            pip: '23.0.1',
            files: [
              {
                name: 'requests',
                version: '2.32.3',
                file: 'requests-2.32.3-py3-none-any.whl',
                size: 2,
                sha256: '4'.repeat(64),
              },
            ],
            build: {},
            provided: [{ name: 'numpy', version: '1.16.3' }],
            local: [],
          },
          {
            kind: 'git',
            url: 'https://git.example.org/a.git',
            commit: 'b'.repeat(40),
            tree: 'c'.repeat(40),
            submodules: [],
            lfs: [],
            size: 3,
            sha256: '5'.repeat(64),
          },
          { kind: 'file', url: 'https://example.org/tool', size: 4, sha256: 'a'.repeat(64) },
        ],
        image: null,
      },
    },
  }
}

const read = async (path: string) =>
  parseLock(await readFile(new URL(`../../${path}`, import.meta.url), 'utf8'), path)

const LOCKS: [name: string, make: () => Lockfile | Promise<Lockfile>][] = [
  ['of every kind of step', () => structuredClone(smallLock)],
  ['on a base from a registry', pinnedLock],
  ['hello', () => read('recipes/hello/lock.json')],
  ['fenics-tf', () => read('recipes/fenics-tf/lock.json')],
]

/** Leaves of a lock that its recipe says nothing of: what resolving found, or what a build recorded. */
const RESOLVED = [
  // which decides what the other fields are: the schema takes no other
  /(^|\.)kind$/,
  /\.(size|sha256|packages|release|signedBy\[\d+\]|date)$/,
  /\.(index|config|created|compression|diffID|digest)$/,
  /\.(configuration|account|inventory)[.[]/,
  /\.packages\[\d+\]\.archive$/,
  /\.indexes\[\d+\]\.(archive|suite|component)$/,
  /\.seed\[\d+\]$/,
  /\.pip$/,
  /\.files\[\d+\]\.(replaces|layer)$/,
  /\.provided\[\d+\]\./,
  /\.local\[\d+\]\.(name|version)$/,
  /\.(submodules|lfs)\[\d+\]\./,
  /^steps\[\d+\]\.(commit|tree)$/,
  /^image\./,
]
const OF_SUITE = /\.indexes\[\d+\]\.(archive|suite|component)$/
/** Of those, what the recipes above do determine. */
const DETERMINED: Record<string, RegExp[]> = {
  'of every kind of step': [/^steps\[4\]\.tree$/, OF_SUITE],
  hello: [OF_SUITE],
  'on a base from a registry': [/^steps\[2\]\.commit$/, /^steps\[3\]\.sha256$/],
}

/** Every string, number and flag below a value, with its place. */
function leavesOf(
  value: unknown,
  place = '',
): { place: string; set: (next: unknown) => void; value: unknown }[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => {
    const at = Array.isArray(value) ? `${place}[${key}]` : `${place}${place ? '.' : ''}${key}`
    if (typeof item === 'object' && item !== null) return leavesOf(item, at)
    if (item === null) return []
    const set = (next: unknown) => {
      ;(value as Record<string, unknown>)[key] = next
    }
    return [{ place: at, value: item, set }]
  })
}

/** Another value of the same shape. */
function another(value: unknown): unknown {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  const text = String(value)
  const others: Record<string, string> = { amd64: 'all', all: 'amd64', debian: 'ubuntu', bookworm: 'trixie' }
  if (others[text] !== undefined) return others[text]
  // the version in a file's name, not its platform
  if (/-\d.*\.(whl|tar\.gz)$/.test(text))
    return text.replace(/-\d/, (start) => (start === '-1' ? '-2' : '-1'))
  if (!/[0-9a-f]/.test(text)) return `${text}x`
  return text.replace(/[0-9a-f](?=[^0-9a-f]*$)/, (digit) => (digit === '1' ? '2' : '1'))
}

describe.each(LOCKS)('compareLock() of a lock %s', (name, make) => {
  it('finds nothing in it as it was made', async () => {
    const lock = await make()
    expect(compareLock(lock, lock.inputs)).toEqual([])
  })

  it('names each leaf that the recipe determines and that is another', async () => {
    const lock = await make()
    const unseen: string[] = []
    let seen = 0
    const locked = lock.platforms['linux/amd64'] ?? expect.unreachable()
    const leaves = leavesOf(locked)
    // of the largest some, which are others than of their neighbours
    const step = Math.ceil(leaves.length / 500) * 2 - 1
    for (const { place, value, set } of leaves.filter((_, i) => i % step === 0)) {
      const isFree = RESOLVED.some((pattern) => pattern.test(place))
      if (isFree && !DETERMINED[name]?.some((pattern) => pattern.test(place))) continue
      set(another(value))
      const part = /^(steps\[\d+\]|[a-z]+)/.exec(place)?.[0] ?? place
      if (named(lock).some((field) => field.includes(part))) seen += 1
      else unseen.push(place)
      set(value)
    }
    expect(unseen).toEqual([])
    expect(seen).toBeGreaterThan(10)
  })
})

/** The fields that are named when the lock is read and held against its recipe. */
function named(lock: Lockfile): string[] {
  try {
    const read = parseLock(serializeLock(lock), 'lock.json')
    return compareLock(read, read.inputs).map(({ field }) => field)
  } catch (error) {
    if (!(error instanceof StillroomError) || error.code !== 'LOCK_INVALID') throw error
    return error.message.split('\n')
  }
}

const edits: [string, (lock: Lockfile) => void, string][] = [
  [
    'a package that was asked for is gone',
    (lock) => edit(lock, 0, 'apt', { packages: [], order: [] }),
    'steps[0].packages["openssl"]',
  ],
  [
    'a requirement is met by nothing',
    (lock) => edit(lock, 1, 'pip', { provided: [] }),
    'steps[1].requirements["numpy"]',
  ],
  [
    'a submodule came that was not asked for',
    (lock) =>
      edit(lock, 2, 'git', {
        submodules: [
          { path: 'a', url: 'https://git.example.org/b', commit: 'd'.repeat(40), tree: 'e'.repeat(40) },
        ],
      }),
    'steps[2].submodules',
  ],
  [
    'the base is another image',
    (lock) => edit(lock, undefined, 'image', { manifest: `sha256:${'9'.repeat(64)}` }),
    'base.manifest',
  ],
]

/** Changes a step, or the base. */
function edit(lock: Lockfile, index: number | undefined, kind: string, fields: object): void {
  const locked = lock.platforms['linux/amd64'] ?? expect.unreachable()
  const part = index === undefined ? locked.base : locked.steps[index]
  expect(part?.kind).toBe(kind)
  Object.assign(part ?? {}, fields)
}

it.each(edits)('compareLock() names a field when %s', (_, change, field) => {
  const lock = pinnedLock()
  change(lock)
  expect(compareLock(lock, lock.inputs).map((found) => found.field)).toEqual([field])
  expect(() => requireFresh(lock, lock.inputs)).toThrow(field)
})

it('compareLock() leaves the pins of a field out that the recipe has changed since', () => {
  const lock = pinnedLock()
  const { base, steps } = pinnedRecipe(lock)
  const changed = recipe({
    base,
    steps: [{ kind: 'apt', packages: ['openssl=3.0.16-1'] }, ...steps.slice(1)],
  })
  expect(compareLock(lock, lockInputs(changed)).map(({ field }) => field)).toEqual(['steps[0]'])
})

function pinnedRecipe({ inputs: { fields } }: Lockfile): { base: unknown; steps: unknown[] } {
  const steps = Object.entries(fields).flatMap(([field, value]) =>
    field.startsWith('steps[') ? [value] : [],
  )
  return { base: fields.base, steps }
}

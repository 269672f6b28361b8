import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FileField } from '../image/compare-trees.ts'
import type { Inode, LayerEntry } from '../image/layer-entry.ts'
import { mergeLayers } from '../image/merge-layers.ts'
import { type ComparableImage, compareImages } from './compare-images.ts'
import type { ImageDifference } from './difference.ts'

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((digits) => digits.join(''))

const inode = fc.record({
  type: fc.constantFrom('file' as const, 'symlink' as const, 'fifo' as const),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.nat(70_000),
  gid: fc.nat(70_000),
  size: fc.nat(9999),
  mtime: fc.nat(2 ** 31),
  target: fc.constantFrom('there', '../here'),
  major: fc.constant(0),
  minor: fc.constant(0),
  xattrs: fc.dictionary(fc.constantFrom('user.a', 'security.capability'), hex(4)),
  sha256: hex(64),
})

/** Paths of three levels; `d` are directories, so that nothing lies below a file. */
const path = fc
  .tuple(fc.constantFrom('', 'd1/', 'd2/d3/', 'd1/d\xe9/'), fc.constantFrom('f', 'g', 'h i', '\xff'))
  .map((parts) => parts.join(''))

const files = fc.uniqueArray(fc.record({ path, inode }), { selector: (file) => file.path, maxLength: 12 })
const config = fc.record({
  created: fc.constantFrom('2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z'),
  config: fc.record({ Env: fc.array(fc.constantFrom('A=1', 'A=2', 'B=1', 'TOKEN=x')), User: fc.string() }),
})
type Files = typeof files extends fc.Arbitrary<infer T> ? T : never

function imageOf(entries: Files, settings: object, links: readonly [string, string][] = []): ComparableImage {
  const members = entries.map(
    ({ path, inode }): LayerEntry => ({ path, inode: toInode(inode), link: undefined }),
  )
  const hardLinks = links.map(([path, link]): LayerEntry => {
    const target = members.find((member) => member.path === link) as LayerEntry
    return { path, inode: { ...target.inode }, link }
  })
  return { config: { ...settings }, diffIDs: ['sha256:1'], root: mergeLayers([[...members, ...hardLinks]]) }
}

function toInode({ type, xattrs, ...rest }: Files[number]['inode']): Inode {
  return {
    ...rest,
    type,
    size: type === 'file' ? rest.size : 0,
    sha256: type === 'file' ? rest.sha256 : '',
    target: type === 'symlink' ? rest.target : '',
    xattrs: new Map(Object.entries(xattrs)),
  }
}

const image = fc.tuple(files, config).map(([entries, settings]) => imageOf(entries, settings))

function exchanged({ verdict, config, layers, files }: ImageDifference): ImageDifference {
  const swap = <T extends { a?: unknown; b?: unknown }>({ a, b, ...rest }: T) => ({
    ...rest,
    ...(b === undefined ? {} : { a: b }),
    ...(a === undefined ? {} : { b: a }),
  })
  const changes = { added: 'removed', removed: 'added', changed: 'changed' } as const
  return {
    verdict,
    config: config.map(swap) as never,
    layers: layers.map(swap) as never,
    files: files.map((file) => ({ ...swap(file), change: changes[file.change] })) as never,
  }
}

describe('compareImages', () => {
  test('finds nothing between an image and itself', () => {
    fc.assert(
      fc.property(files, config, (entries, settings) => {
        const difference = compareImages(imageOf(entries, settings), imageOf(entries, settings))
        expect(difference).toEqual({ verdict: 'identical', config: [], layers: [], files: [] })
      }),
    )
  })

  test('says the same with the sides exchanged', () => {
    fc.assert(
      fc.property(image, image, (a, b) => {
        expect(compareImages(b, a)).toEqual(exchanged(compareImages(a, b)))
      }),
    )
  })

  test('finds a difference in any field of a file, and names that field alone', () => {
    const seeds: [FileField, (inode: Files[number]['inode']) => Partial<Files[number]['inode']>][] = [
      [
        'content',
        ({ sha256 }) => ({ type: 'file', sha256: sha256.replace(/^./, (c) => (c === '0' ? '1' : '0')) }),
      ],
      ['mode', ({ mode }) => ({ mode: mode ^ 0o100 })],
      ['uid', ({ uid }) => ({ uid: uid + 1 })],
      ['gid', ({ gid }) => ({ gid: gid + 1 })],
      ['mtime', ({ mtime }) => ({ mtime: mtime + 1 })],
      ['target', ({ target }) => ({ target: `${target}x` as typeof target })],
      ['xattrs', ({ xattrs }) => ({ xattrs: { ...xattrs, 'user.seed': '00' } })],
    ]
    const places = fc.tuple(files, config, fc.nat(), fc.constantFrom(...seeds))
    fc.assert(
      fc.property(
        places.filter(([entries]) => entries.length > 0),
        ([entries, settings, index, [field, change]]) => {
          const at = index % entries.length
          const type = { content: 'file', target: 'symlink' } as Partial<
            Record<FileField, 'file' | 'symlink'>
          >
          const typed = entries.map((file, i) =>
            i === at ? { ...file, inode: { ...file.inode, type: type[field] ?? file.inode.type } } : file,
          )
          const seeded = typed.map((file, i) =>
            i === at ? { ...file, inode: { ...file.inode, ...change(file.inode) } } : file,
          )
          const difference = compareImages(imageOf(typed, settings), imageOf(seeded, settings))
          expect(difference.files.map(({ fields }) => fields)).toEqual([[field]])
          expect(difference.verdict).toBe('different')
        },
      ),
    )
  })

  test('finds a file that came, went, or got another name', () => {
    fc.assert(
      fc.property(
        files.filter((entries) => entries.length > 0),
        config,
        (entries, settings) => {
          const [first, ...rest] = entries as [Files[number], ...Files]
          const all = imageOf(entries, settings)
          const removed = compareImages(all, imageOf(rest, settings)).files
          const shown = `/${first.path.replaceAll(/[ \xe9\xff]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`
          expect(removed).toContainEqual(
            expect.objectContaining({ path: shown, change: 'removed', fields: [] }),
          )
          // of names that both have, none shares another file than before
          const linked = compareImages(all, imageOf(entries, settings, [['zz', first.path]])).files
          expect(linked).toEqual([
            expect.objectContaining({
              path: '/zz',
              change: 'added',
              b: expect.objectContaining({ hardlinks: [shown] }),
            }),
          ])
        },
      ),
    )
  })

  test('tells settings, the order of the environment, and layers apart, and keeps credentials to itself', () => {
    const a = imageOf([], {
      config: { Env: ['A=1', 'API_TOKEN=geheim', 'URL=https://me:geheim@host.example/'] },
      created: 'x',
    })
    const b = imageOf([], {
      config: { Env: ['API_TOKEN=other', 'A=2', 'URL=https://me:other@host.example/'] },
      history: [{ created_by: 'ENV MY_SECRET=geheim' }],
    })
    const difference = compareImages(a, { ...b, diffIDs: ['sha256:2', 'sha256:3'] })
    expect(difference.config).toEqual([
      { field: 'config/Env (order)', a: ['A', 'API_TOKEN', 'URL'], b: ['API_TOKEN', 'A', 'URL'] },
      { field: 'config/Env/A', a: '1', b: '2' },
      { field: 'config/Env/API_TOKEN', a: '[redacted]', b: '[redacted]' },
      { field: 'config/Env/URL', a: '[redacted]', b: '[redacted]' },
      { field: 'created', a: 'x' },
      { field: 'history/0/created_by', b: 'ENV MY_SECRET=[redacted]' },
    ])
    expect(difference.layers).toEqual([
      { index: 0, a: 'sha256:1', b: 'sha256:2' },
      { index: 1, b: 'sha256:3' },
    ])
  })

  test('calls the same tree and settings in other packaging equivalent', () => {
    const a = imageOf([], { config: {}, created: '2020-01-01T00:00:00Z' })
    const b = { ...imageOf([], { config: {}, created: '2021-01-01T00:00:00Z' }), diffIDs: [] }
    expect(compareImages(a, b).verdict).toBe('equivalent')
    expect(compareImages(a, { ...b, config: { config: { User: 'me' } } }).verdict).toBe('different')
  })
})

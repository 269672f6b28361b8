import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import type { FileField } from '../image/compare-trees.ts'
import { type Member, ociFiles, pieces, tarOf } from '../image/image-archive.test-data.ts'
import { readImageTree } from '../image/read-archive.ts'
import { explainImages, type ImageSource } from './explain-images.ts'

type Layers = readonly (readonly Member[])[]

const layerOf = (members: readonly Member[]) => tarOf([...members])
const filesOf = async (layers: Layers) => ociFiles(await Promise.all(layers.map(layerOf)))

async function sourceOf(reference: string, files: [string, Buffer][]): Promise<ImageSource> {
  const archive = await tarOf(files)
  return { reference, read: (options) => readImageTree(pieces(archive), options) }
}

const explain = async (a: Layers, b: Layers) =>
  (await explainImages(await sourceOf('a', await filesOf(a)), await sourceOf('b', await filesOf(b))))
    .difference

const file = (name: string, content: string, more: Partial<Member> = {}): Member => ({
  name,
  content,
  mode: 0o644,
  ...more,
})

describe('explainImages()', () => {
  const BASE = [file('opt/a', 'one\n'), file('opt/b', 'two\n')]

  test('refuses an image whose layer has other content than its name says, also when the other image has it', async () => {
    const [base, top] = [await layerOf(BASE), await layerOf([file('opt/c', 'three\n')])]
    const spoilt = ociFiles([base, top]).map(([path, bytes]): [string, Buffer] => [
      path,
      bytes === base ? Buffer.alloc(base.length, 'x') : bytes,
    ])
    const a = await sourceOf('a', ociFiles([base]))
    await expect(explainImages(a, await sourceOf('b', spoilt))).rejects.toThrow('has other content')
    const { difference } = await explainImages(a, await sourceOf('b', ociFiles([base, top])))
    expect(difference.files).toMatchObject([{ path: '/opt/c', change: 'added' }])
  })

  test('shows contents of both images, whichever layer they lie in', async () => {
    const { files } = await explain(
      [BASE, [file('opt/b', 'TWO\n')]],
      [BASE, [file('opt/a', 'ONE\n')], [file('opt/d', '')]],
    )
    expect(files.map(({ path, detail }) => [path, detail?.kind === 'text' ? detail.patch : null])).toEqual([
      ['/opt/a', expect.arrayContaining(['-one', '+ONE'])],
      ['/opt/b', expect.arrayContaining(['-TWO', '+two'])],
      ['/opt/d', null],
    ])
  })

  test('names other bytes of the same version, and another version, by the package that owns a file', async () => {
    const tool = (version: string, content: string, noted = content): Member[] => [
      file(
        'var/lib/dpkg/status',
        `Package: tool\nStatus: install ok installed\nVersion: ${version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: it\n\n`,
      ),
      file('var/lib/dpkg/info/tool.list', '/.\n/usr\n/usr/tool\n'),
      file('var/lib/dpkg/info/tool.md5sums', `${createHash('md5').update(noted).digest('hex')}  usr/tool\n`),
      file('usr/tool', content),
    ]
    const causeOf = async (a: Member[], b: Member[]) =>
      (await explain([a], [b])).files.find(({ path }) => path === '/usr/tool')?.causes[0]?.cause
    expect(await causeOf(tool('1.0', 'red'), tool('1.0', 'blue'))).toBe('other-upstream')
    expect(await causeOf(tool('1.0', 'red'), tool('1.1', 'blue'))).toBe('other-version')
    expect(await causeOf(tool('1.0', 'red'), tool('1.0', 'blue', 'red'))).toBe('unknown')
  })

  test('names no cause in a circle: what came or went is why, or unknown', async () => {
    const directory = (name: string, seconds: number): Member => ({
      name,
      type: 'directory',
      mtime: new Date(seconds * 1000),
    })
    const { files, causes } = await explain(
      [[directory('opt', 1)], [directory('srv', 1)]],
      [
        [directory('opt', 1)],
        [directory('srv', 1)],
        [directory('opt', 2), file('opt/evil', 'x'), directory('opt/new', 2), file('opt/new/file', 'y')],
      ],
    )
    expect(
      files.map(({ path, change, causes: [cause] }) => [change, path, cause?.cause, cause?.evidence]),
    ).toEqual([
      ['changed', '/opt', 'unknown', '"/opt/evil" was added, which changes its time'],
      ['added', '/opt/evil', 'unknown', 'only the second image has "/opt/evil" (layer 2)'],
      ['added', '/opt/new', 'unknown', 'only the second image has "/opt/new" (layer 2)'],
      ['added', '/opt/new/file', 'unknown', 'only the second image has "/opt/new/file" (layer 2)'],
    ])
    expect(causes.map(({ cause }) => cause)).toEqual(['unknown'])
  })

  test('names the package that only one image has', async () => {
    const package_ = (name: string, version: string, files: string[]): Member[] => [
      file(
        'var/lib/dpkg/status',
        `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: it\n\n`,
      ),
      file(`var/lib/dpkg/info/${name}.list`, `/.\n/usr\n${files.map((path) => `/${path}\n`).join('')}`),
      ...files.map((path) => file(path, path)),
    ]
    const causeAt = async (path: string, a: Member[], b: Member[]) => {
      const { files } = await explain([a], [b])
      return files.find((each) => each.path === path)?.causes[0]
    }
    const [one, two, more] = [
      package_('one', '1.0', ['usr/one']),
      package_('two', '2.0', ['usr/two']),
      package_('one', '1.1', ['usr/one', 'usr/more']),
    ]
    expect(await causeAt('/usr/two', one, two)).toEqual({
      cause: 'package',
      evidence: 'it belongs to deb/two 2.0, which only the second image has',
    })
    expect(await causeAt('/usr/one', one, two)).toMatchObject({ cause: 'package' })
    expect(await causeAt('/usr/more', one, more)).toMatchObject({
      cause: 'other-version',
      evidence: 'it belongs to deb/one: 1.0 and 1.1',
    })
  })

  describe('of random images, whose layers are shared as it comes', () => {
    const content = fc.stringMatching(/^[a-z0-9 \n]{1,40}$/)
    const member = fc.record({
      name: fc.constantFrom('opt/a', 'opt/b', 'opt/x/c', 'srv/d e', 'srv/\u00e9'),
      content,
      mode: fc.integer({ min: 0, max: 0o7777 }),
      uid: fc.nat(70_000),
      gid: fc.nat(70_000),
      mtime: fc.nat(2_000_000_000).map((seconds) => new Date(seconds * 1000)),
    })
    const layer = fc.uniqueArray(member, { selector: ({ name }) => name, minLength: 1, maxLength: 5 })
    const layers = fc.array(layer, { minLength: 1, maxLength: 3 })
    const RUNS = { numRuns: rounds(30, 500) }

    test('an image and itself are identical', () =>
      fc.assert(
        fc.asyncProperty(layers, async (all) => {
          expect((await explain(all, all)).verdict).toBe('identical')
        }),
        RUNS,
      ))

    test('the sides exchanged, the same paths, fields and causes are told', () =>
      fc.assert(
        fc.asyncProperty(layers, layers, fc.nat(2), async (a, b, shared) => {
          const c = [...a.slice(0, shared), ...b]
          const [there, back] = [await explain(a, c), await explain(c, a)]
          const told = ({ files }: typeof there) => files.map(({ path, fields }) => [path, fields])
          expect(told(back)).toEqual(told(there))
          expect(back.causes.map(({ cause, count }) => `${cause} ${count}`).sort()).toEqual(
            there.causes.map(({ cause, count }) => `${cause} ${count}`).sort(),
          )
          expect(back.verdict).toBe(there.verdict)
        }),
        RUNS,
      ))

    test('a difference seeded into any field of a file is found, named and given a cause', () => {
      const seeds: [FileField, (member: Member) => Partial<Member>][] = [
        ['content', ({ content = '' }) => ({ content: `${content}!` })],
        ['mode', ({ mode = 0 }) => ({ mode: mode ^ 0o100 })],
        ['uid', ({ uid = 0 }) => ({ uid: uid + 1 })],
        ['gid', ({ gid = 0 }) => ({ gid: gid + 1 })],
        ['mtime', ({ mtime }) => ({ mtime: new Date((mtime as Date).getTime() + 1000) })],
        ['xattrs', () => ({ pax: { 'SCHILY.xattr.user.seed': '1' } })],
      ]
      const place = fc.tuple(fc.nat(), fc.constantFrom(...seeds))
      return fc.assert(
        fc.asyncProperty(layers, place, async (all, [number, [field, change]]) => {
          const top = all.at(-1) as Member[]
          const at = number % top.length
          const seeded = top.map((each, i) => (i === at ? { ...each, ...change(each) } : each))
          const { files, layers: differing, verdict } = await explain(all, [...all.slice(0, -1), seeded])
          expect(files.map(({ fields }) => fields)).toEqual([[field]])
          expect(files[0]?.causes.length).toBeGreaterThan(0)
          expect(differing.map(({ index }) => index)).toEqual([all.length - 1])
          expect(verdict).toBe('different')
        }),
        RUNS,
      )
    })
  })
})

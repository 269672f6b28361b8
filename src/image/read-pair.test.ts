import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareImages } from '../verify/compare-images.ts'
import { type Member, ociFiles, pieces, tarOf } from './image-archive.test-data.ts'
import { fileInMemory, streamedFile } from './image-file.ts'
import type { ImageTree, OpenFile } from './image-tree.ts'
import { readImageTree } from './read-archive.ts'
import { readPair } from './read-pair.ts'

type Layers = readonly (readonly Member[])[]

async function open(
  layers: Layers,
): Promise<{ files: [string, Buffer][]; open: OpenFile; opened: string[] }> {
  const files = ociFiles(await Promise.all(layers.map((members) => tarOf([...members]))))
  const byPath = new Map(files)
  const opened: string[] = []
  return {
    files,
    opened,
    open: async (path) => {
      const bytes = byPath.get(path)
      opened.push(path)
      return bytes && streamedFile(path, bytes.length, pieces(bytes, 700))
    },
  }
}

/** Path of the lowest layer: config and manifest come first. */
const layerOf = ({ files }: { files: [string, Buffer][] }) => files[2]?.[0]

const compare = (a: ImageTree, b: ImageTree) =>
  compareImages(
    { config: a.config, diffIDs: a.config.rootfs.diff_ids, root: a.root },
    { config: b.config, diffIDs: b.config.rootfs.diff_ids, root: b.root },
  )

const outcome = (work: Promise<unknown>) =>
  work.catch((error: { code?: string }) => {
    if (error.code !== 'IMAGE_INVALID') throw error
    return 'invalid'
  })

/** What reading both images whole says, and what reading them as a pair does. */
async function bothWays(a: Layers, b: Layers): Promise<[unknown, unknown]> {
  const [left, right] = [await open(a), await open(b)]
  const whole = async ({ files }: typeof left) => readImageTree(pieces(await tarOf(files)))
  const slow = async () => compare(await whole(left), await whole(right))
  const quick = async () => {
    const pair = await readPair(left.open, right.open)
    return compare(pair.a, pair.b)
  }
  return [await outcome(slow()), await outcome(quick())]
}

const file = (name: string, content = '', more: Partial<Member> = {}): Member => ({ name, content, ...more })

describe('readPair()', () => {
  test('opens the layers that both begin with once, and none when all are the same', async () => {
    const base = [file('a', 'one'), file('b', 'two')]
    const [left, right] = [await open([base]), await open([base, [file('c')]])]
    await readPair(left.open, right.open)
    const blob = layerOf(left)
    expect(left.opened.filter((path) => path === blob)).toHaveLength(1)
    expect(right.opened).not.toContain(blob)
    const [again, same] = [await open([base]), await open([base])]
    await readPair(again.open, same.open)
    expect([...again.opened, ...same.opened]).not.toContain(blob)
  })

  test('verifies what it reads against its digest', async () => {
    const left = await open([[file('a', 'one')]])
    const right = await open([[file('a', 'one')], [file('a', 'two')]])
    const blob = layerOf(left)
    const spoilt: OpenFile = async (path) => {
      if (path !== blob) return left.open(path)
      return fileInMemory(path, await tarOf([file('a', 'eno')]))
    }
    await expect(readPair(spoilt, right.open)).rejects.toThrow('has other content')
  })

  test.each<[string, Layers, Layers, Layers]>([
    ['a deleted directory', [[file('d/a'), file('d/e/b')]], [[file('d/.wh.e')]], [[file('.wh.d')]]],
    ['an opaque directory', [[file('d/a'), file('d/e/b')]], [[file('d/.wh..wh..opq'), file('d/c')]], []],
    ['a directory that became a file', [[file('d/a')]], [[file('d', 'now a file')]], []],
    [
      'other names of a changed file, the first of them deleted below',
      [
        [
          file('x/a', 'one'),
          { name: 'x/b', type: 'link', linkname: 'x/a' },
          { name: 'x/c', type: 'link', linkname: 'x/b' },
        ],
        [file('x/.wh.a')],
      ],
      [[file('x/c', 'two')]],
      [[file('y')]],
    ],
    [
      'a directory that was there for a hard link alone',
      [[file('d/b'), { name: 'd/e/b', type: 'link', linkname: 'd/b' }]],
      [[file('d/e/a')]],
      [],
    ],
    [
      'a name that a file hides below, of a file with another name',
      [[file('d/e/b', 'x'), { name: 'a', type: 'link', linkname: 'd/e/b' }], [file('d')]],
      [],
      [[file('a')]],
    ],
    [
      'a symbolic link that became a directory below',
      [[{ name: 'l', type: 'symlink', linkname: 'd' }], [{ name: 'l', type: 'directory' }, file('l/a')]],
      [[file('l/a', 'changed')]],
      [],
    ],
  ])('tells %s as reading them whole does', async (_, below, a, b) => {
    const [slow, quick] = await bothWays([...below, ...a], [...below, ...b])
    expect(slow).not.toBe('invalid')
    expect(quick).toEqual(slow)
  })

  test('tells what reading both images whole tells, of whatever layers', async () => {
    const leaf = fc.constantFrom('a', 'b', 'd/a', 'd/b', 'd/e/a', 'd/e/b')
    const any = fc.oneof(
      { weight: 3, arbitrary: leaf },
      { weight: 1, arbitrary: fc.constantFrom('d', 'd/e') },
    )
    const content = fc.constantFrom('', 'x', 'y')
    const mode = fc.constantFrom(0o644, 0o600)
    const link = fc.constant('link' as const)
    const symlink = fc.constant('symlink' as const)
    const member: fc.Arbitrary<Member> = fc.oneof(
      { weight: 12, arbitrary: fc.record({ name: leaf, content, mode }) },
      { weight: 1, arbitrary: fc.record({ name: any, content, mode }) },
      { weight: 3, arbitrary: any.map((name): Member => ({ name, type: 'directory', mode: 0o700 })) },
      { weight: 3, arbitrary: any.map((name) => file(name.replace(/([^/]*)$/, '.wh.$1'))) },
      { weight: 1, arbitrary: fc.constantFrom('', 'd/', 'd/e/').map((d) => file(`${d}.wh..wh..opq`)) },
      { weight: 2, arbitrary: fc.record({ name: leaf, type: link, linkname: leaf }) },
      { weight: 2, arbitrary: fc.record({ name: leaf, type: symlink, linkname: leaf }) },
    )
    const layer = fc.array(member, { minLength: 1, maxLength: 5 })
    const layers = fc.array(layer, { maxLength: 3 })
    let compared = 0
    await fc.assert(
      fc.asyncProperty(layers, layers, layers, async (below, a, b) => {
        fc.pre(below.length + a.length > 0 && below.length + b.length > 0)
        const [slow, quick] = await bothWays([...below, ...a], [...below, ...b])
        // what is never read cannot be found to be invalid
        if (slow === 'invalid') return
        compared += 1
        expect(quick).toEqual(slow)
      }),
      { numRuns: 300 },
    )
    expect(compared).toBeGreaterThan(20)
  })
})

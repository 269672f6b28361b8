import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Member, tarOf } from './image-archive.test-data.ts'
import type { Layer } from './layer-entries.ts'
import { packLayer, unpackLayer } from './layer-index.ts'
import { LayerReader } from './layer-reader.ts'
import { Budget, type ReadOptions } from './read-options.ts'

const KINDS = ['sha256', 'md5', 'sha1', 'gitBlob'] as const

/** What may be asked of each of a few files: digests, the content, bytes of the beginning. */
interface Wanted {
  sha256: boolean
  md5: boolean
  sha1: boolean
  gitBlob: boolean
  keep: boolean
  head: number
}

/** @param often what is mostly asked of a file */
function wanted(often: boolean): fc.Arbitrary<Wanted> {
  const flag = fc.oneof(
    { weight: 9, arbitrary: fc.constant(often) },
    { weight: 1, arbitrary: fc.constant(!often) },
  )
  const head = fc.constantFrom(0, 3, 16, 20, 100)
  return fc.record({ sha256: flag, md5: flag, sha1: flag, gitBlob: flag, keep: fc.boolean(), head })
}

const MEMBERS: Member[] = [
  { name: 'a/', type: 'directory' },
  { name: 'a/long', content: 'x'.repeat(50) },
  { name: 'a/empty', content: '' },
  { name: 'a/short', content: 'ab' },
  { name: 'a/link', type: 'symlink', linkname: 'short' },
  { name: 'a/second', type: 'link', linkname: 'a/short' },
  { name: '.wh.gone' },
]
const FILES = ['a/long', 'a/empty', 'a/short', '.wh.gone']

function optionsOf(files: readonly Wanted[]): ReadOptions {
  const of = (path: string) => files[FILES.indexOf(path)] ?? expect.unreachable(path)
  return {
    ...Object.fromEntries(KINDS.map((kind) => [kind, (path: string) => of(path)[kind]])),
    keep: (path) => of(path).keep,
    head: (path) => of(path).head,
  }
}

function read(tar: Buffer, options: ReadOptions): Omit<Layer, 'digest'> {
  const reader = new LayerReader(options)
  reader.write(tar)
  reader.close()
  return { diffID: 'sha256:1', size: tar.length, entries: reader.entries }
}

/** Whether what was read of a file says all that is wanted of it. */
function isEnough(size: number, had: Wanted, asked: Wanted): boolean {
  if (KINDS.some((kind) => asked[kind] && !had[kind])) return false
  if (asked.keep) return had.keep
  return had.keep || Math.min(asked.head, size) <= Math.min(had.head, size)
}

test('a layer that was kept is what it would be if it were read, or nothing when too little was read', async () => {
  const tar = await tarOf(MEMBERS)
  const sizes = [50, 0, 2, 0]
  const ofAll = (often: boolean) => fc.array(wanted(often), { minLength: 4, maxLength: 4 })
  const counts = { enough: 0, tooLittle: 0 }
  const property = fc.property(ofAll(true), ofAll(false), (had, asked) => {
    const packed = Buffer.concat(packLayer(read(tar, optionsOf(had))))
    const unpacked = unpackLayer(packed, new Budget(optionsOf(asked)))
    const isAll = sizes.every((size, i) => isEnough(size, had[i] as Wanted, asked[i] as Wanted))
    expect(unpacked !== undefined).toBe(isAll)
    counts[isAll ? 'enough' : 'tooLittle'] += 1
    if (unpacked === undefined) return
    const { entries, ...rest } = read(tar, optionsOf(asked))
    expect(unpacked).toMatchObject(rest)
    expect([...unpacked.entries]).toEqual([...entries])
    expect(unpacked.entries.nameBytes).toBe(entries.nameBytes)
  })
  fc.assert(property, { numRuns: 500 })
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(20)
})

test('a layer of more members than fit into one piece of a column', async () => {
  const members = Array.from({ length: 700 }, (_, i): Member => ({ name: `d/${i}`, content: `${i}` }))
  const layer = read(await tarOf(members), {})
  const unpacked = unpackLayer(Buffer.concat(packLayer(layer)), new Budget())
  expect([...(unpacked?.entries ?? [])]).toEqual([...layer.entries])
})

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LayerEntries } from './layer-entries.ts'
import { type Inode, type LayerEntry, NO_XATTRS } from './layer-entry.ts'

/** Byte strings: one character a byte. */
const bytes = (constraints: fc.IntArrayConstraints) =>
  fc.uint8Array(constraints).map((all) => Buffer.from(all).toString('latin1'))
const name = bytes({ minLength: 1, maxLength: 255 }).map((text) => text.replaceAll(/[/\0]/g, '_'))
const path = fc.array(name, { maxLength: 8 }).map((names) => names.join('/'))
const digest = (algorithm: string) => fc.nat().map((n) => createHash(algorithm).update(`${n}`).digest('hex'))
const kept = (maxLength: number) =>
  fc.option(
    fc.uint8Array({ minLength: 1, maxLength }).map((all) => Buffer.from(all)),
    { nil: undefined },
  )
const id = fc.integer({ min: 0, max: 0xffff_fffe })

const inode: fc.Arbitrary<Inode> = fc
  .record({
    type: fc.constantFrom('file', 'directory', 'symlink', 'character', 'block', 'fifo'),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: id,
    gid: id,
    size: fc.maxSafeNat(),
    mtime: fc.integer({ min: 0, max: 9_223_372_036 }),
    target: fc.oneof(fc.constant(''), path),
    major: fc.integer({ min: 0, max: 0xfff }),
    minor: fc.integer({ min: 0, max: 0xf_ffff }),
    xattrs: fc
      .array(fc.tuple(bytes({ minLength: 1 }), bytes({})), { maxLength: 2 })
      .map((all) => (all.length === 0 ? NO_XATTRS : new Map(all))),
    sha256: fc.oneof(fc.constant(''), digest('sha256')),
    layer: fc.constant(0),
    md5: fc.option(digest('md5'), { nil: undefined }),
    sha1: fc.option(digest('sha1'), { nil: undefined }),
    gitBlob: fc.option(digest('sha1'), { nil: undefined }),
    head: kept(20),
    content: kept(40),
  })
  // what is undefined is not there
  .map(
    (all) =>
      Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as Inode,
  )

const entry: fc.Arbitrary<LayerEntry> = fc.record({
  path,
  inode: inode as fc.Arbitrary<Inode>,
  link: fc.option(path, { nil: undefined }),
})

describe('LayerEntries', () => {
  test('gives what it was given', () => {
    const property = fc.property(fc.array(entry), (entries) => {
      const packed = LayerEntries.from(entries)
      expect(packed.length).toBe(entries.length)
      expect([...packed]).toEqual(entries)
      for (const [index, { path, inode, link }] of entries.entries()) {
        expect(packed.inode(index)).toEqual(inode)
        expect(packed.type(index)).toBe(inode.type)
        expect(packed.xattrs(index)).toEqual(inode.xattrs)
        expect(packed.isKept(index)).toBe(inode.content !== undefined)
        expect(packed.name(index)).toBe(path.slice(path.lastIndexOf('/') + 1))
        expect(packed.link(index)).toBe(link)
      }
    })
    fc.assert(property)
  })

  test('of many members, whose names fill more than one piece', () => {
    const [plain] = fc.sample(inode, { numRuns: 1, seed: 1 }) as [Inode]
    const long = 'x'.repeat(255)
    const entries = Array.from({ length: 3000 }, (_, i): LayerEntry => {
      const directory = `opt/${long}/${i % 7 === 0 ? `${long}/${i}` : 'a'}`
      return { path: `${directory}/${'y'.repeat(i % 256)}`, inode: { ...plain, uid: i }, link: undefined }
    })
    const packed = LayerEntries.from(entries)
    expect([...packed]).toEqual(entries)
    expect(packed.name(2999)).toBe('y'.repeat(2999 % 256))
  })

  test('an inode of its own is given each time', () => {
    const [one] = fc.sample(entry, { numRuns: 1, seed: 1 }) as [LayerEntry]
    const packed = LayerEntries.from([one])
    packed.inode(0).uid = 4711
    expect(packed.inode(0)).toEqual(one.inode)
  })
})

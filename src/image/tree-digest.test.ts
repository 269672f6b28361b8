import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { type Compression, type Member, ociFiles, pieces, tarOf } from './image-archive.test-data.ts'
import { readImageArchive } from './read-archive.ts'

const part = fc.constantFrom('a', 'b', 'a.b', '.x', 'é', 'A b', 'c%')
const attributes = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4755),
  uid: fc.constantFrom(0, 1000),
  gid: fc.constantFrom(0, 70_000),
  mtime: fc.integer({ min: 0, max: 2 ** 31 }).map((seconds) => new Date(seconds * 1000)),
})
const body: fc.Arbitrary<Partial<Member>> = fc.oneof(
  fc.record({ type: fc.constant('file' as const), content: fc.string({ maxLength: 20 }) }),
  fc.record({
    type: fc.constant('file' as const),
    content: fc.string({ maxLength: 20 }),
    pax: fc.record({ 'SCHILY.xattr.user.k': fc.string() }),
  }),
  fc.record({ type: fc.constant('symlink' as const), linkname: part }),
  fc.record({ type: fc.constant('fifo' as const) }),
  fc.record({
    type: fc.constant('character-device' as const),
    devmajor: fc.constant(1),
    devminor: fc.nat(9),
  }),
  fc.record({ type: fc.constant('directory' as const) }),
)

/** A file tree: members by path, each with all its parents. Some files have a second name in the root. */
const tree: fc.Arbitrary<Member[]> = fc
  .array(fc.tuple(fc.array(part, { minLength: 1, maxLength: 3 }), attributes, body, fc.boolean()), {
    maxLength: 8,
  })
  .map((list) => {
    const found = new Map<string, Member>()
    for (const [parts, header, rest, linked] of list) {
      const path = parts.join('/')
      const parents = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'))
      if (
        found.has(path) ||
        parents.some((parent) => (found.get(parent)?.type ?? 'directory') !== 'directory')
      )
        continue
      for (const parent of parents) {
        if (!found.has(parent)) found.set(parent, { ...header, mode: 0o755, name: parent, type: 'directory' })
      }
      found.set(path, { ...header, ...rest, name: path })
      const second = `link-${found.size}`
      if (linked && 'content' in rest)
        found.set(second, { ...header, name: second, type: 'link', linkname: path })
    }
    return [...found.values()]
  })

const digestOf = async (layers: Member[][], compression: Compression = 'none') => {
  const tars = await Promise.all(layers.map((members) => tarOf(members)))
  return (await readImageArchive(pieces(await tarOf(ociFiles(tars, compression))))).tree
}

/** The tree in layers: each member in one of them with its parents, over what is overwritten or deleted above. */
function spread(members: Member[], count: number, random: () => number): Member[][] {
  const place = new Map(members.map((member) => [member.name, random() % count]))
  for (const { name, linkname, type } of members) {
    if (type === 'link') place.set(name, place.get(linkname as string) as number)
  }
  const byName = new Map(members.map((member) => [member.name, member]))
  const layers = Array.from({ length: count }, (_, i) => {
    const own = members.filter(({ name }) => place.get(name) === i)
    const parents = new Set(
      own.flatMap(({ name }) =>
        name
          .split('/')
          .slice(1)
          .map((_, j) =>
            name
              .split('/')
              .slice(0, j + 1)
              .join('/'),
          ),
      ),
    )
    return [
      ...own,
      ...[...parents].filter((name) => place.get(name) !== i).map((name) => byName.get(name) as Member),
    ]
  })
  const stale: Member[] = [
    { name: 'stale', type: 'directory' },
    { name: 'stale/file', content: 'old' },
  ]
  for (const { name, type } of members) {
    if (name.includes('/') || place.get(name) === 0 || layers[0]?.some((member) => member.name === name))
      continue
    if (type !== 'directory') stale.push({ name, type: 'directory' }, { name: `${name}/old`, content: 'old' })
    else if (!members.some((member) => member.name.startsWith(`${name}/`)))
      stale.push({ name, content: 'old' })
  }
  const below = layers.map((layer) => shuffle(layer, random))
  return [stale, [{ name: '.wh.stale' }], ...below].map((layer) => [...layer])
}

/** Links stay behind what they link to. */
function shuffle(members: Member[], random: () => number): Member[] {
  const ranked = members.map((member) => ({
    member,
    rank: (member.type === 'link' ? 2 ** 31 : 0) + (random() % 1000),
  }))
  return ranked.sort((a, b) => a.rank - b.rank).map(({ member }) => member)
}

describe('treeDigest()', () => {
  it('does not depend on layers, on order in the archive, nor on compression', async () => {
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(fc.nat()),
        fc.constantFrom<Compression>('none', 'gzip', 'zstd'),
        async (members, count, random, compression) => {
          const flat = await digestOf([members])
          expect(
            await digestOf(
              spread(members, count, () => random.next().value),
              compression,
            ),
          ).toBe(flat)
        },
      ),
      { numRuns: rounds(40, 1000) },
    )
  })

  it('changes with everything that is in a tree', async () => {
    const file: Member = { name: 'a', content: 'x', mode: 0o644, uid: 0, gid: 0, mtime: new Date(1000) }
    const variants: Member[][] = [
      [],
      [file],
      [{ ...file, name: 'b' }],
      [{ ...file, content: 'y' }],
      [{ ...file, mode: 0o4644 }],
      [{ ...file, uid: 1 }],
      [{ ...file, gid: 1 }],
      [{ ...file, mtime: new Date(2000) }],
      [{ ...file, pax: { 'SCHILY.xattr.user.x': '' } }],
      [{ ...file, pax: { 'SCHILY.xattr.user.x': '1' } }],
      [{ ...file, type: 'symlink', linkname: 'x' }],
      [{ ...file, type: 'symlink', linkname: 'y' }],
      [{ ...file, type: 'directory' }],
      [{ ...file, type: 'fifo' }],
      [{ ...file, type: 'character-device', devmajor: 1, devminor: 1 }],
      [{ ...file, type: 'block-device', devmajor: 1, devminor: 1 }],
      [{ ...file, type: 'block-device', devmajor: 1, devminor: 2 }],
      [file, { ...file, name: 'b' }],
      [file, { ...file, name: 'b', type: 'link', linkname: 'a' }],
      [{ name: './', type: 'directory', mode: 0o777 }, file],
    ]
    const digests = await Promise.all(variants.map((members) => digestOf([members])))
    expect(new Set(digests).size).toBe(variants.length)
  })

  it('does not depend on whether a layer gives the root', async () => {
    const file: Member = { name: 'a', content: 'x' }
    expect(
      await digestOf([[{ name: './', type: 'directory', mode: 0o755, mtime: new Date(5000) }, file]]),
    ).toBe(await digestOf([[file]]))
  })
})

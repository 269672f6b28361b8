import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Compression, type Member, ociFiles, pieces, tarOf } from './image-archive.test-data.ts'
import { AccountTooShort, packDigests, packLayer } from './layer-account.ts'
import { readImageTree } from './read-archive.ts'
import type { LayerAccounts, ReadOptions } from './read-options.ts'

/** Accounts in memory, and how many layers were taken from them. */
function accountsInMemory() {
  const packed = new Map<string, Buffer>()
  let taken = 0
  const accounts: LayerAccounts = {
    find: (digest) => {
      const bytes = packed.get(digest)
      if (bytes !== undefined) taken += 1
      return bytes
    },
    rely: () => {
      throw new Error('what streams by is hashed before it is taken')
    },
    add: (digest, layer) => void packed.set(digest, Buffer.concat([...packLayer(layer), packDigests(layer)])),
  }
  return { accounts, packed, taken: () => taken }
}

const archiveOf = async (layers: readonly (readonly Member[])[], compression: Compression = 'none') =>
  tarOf(ociFiles(await Promise.all(layers.map((members) => tarOf([...members]))), compression))

const file = (name: string, content = '', more: Partial<Member> = {}): Member => ({ name, content, ...more })

const LAYERS: Member[][] = [
  [
    { name: 'd/', type: 'directory', mode: 0o1777, uid: 7, gid: 8 },
    file('d/a', 'one', { pax: { 'SCHILY.xattr.security.capability': '\x01\x02' } }),
    file('d/caf\u00e9', 'two'),
    file('d/empty'),
    { name: 'd/link', type: 'link', linkname: 'd/a', mode: 0o644 },
    { name: 'd/to', type: 'symlink', linkname: '../x' },
    { name: 'tty', type: 'character-device', devmajor: 5, devminor: 1 },
  ],
  [file('d/.wh.a'), file('e/b', 'three\n\0\xff'), { name: 'd/again', type: 'link', linkname: 'd/link' }],
]

const EVERYTHING = { keep: true, md5: true, sha1: true, gitBlob: true } satisfies ReadOptions

describe('an image whose layers have accounts', () => {
  test.for(['none', 'gzip', 'zstd'] as const)('reads as without: %s', async (compression) => {
    const archive = await archiveOf(LAYERS, compression)
    for (const options of [{}, EVERYTHING, { head: () => 2, md5: (path: string) => path.endsWith('a') }]) {
      const plain = await readImageTree(pieces(archive), options)
      const { accounts, taken } = accountsInMemory()
      expect(await readImageTree(pieces(archive), { ...options, accounts })).toEqual(plain)
      expect(taken()).toBe(0)
      expect(await readImageTree(pieces(archive, 100), { ...options, accounts })).toEqual(plain)
      expect(taken()).toBe(2)
    }
  })

  test('says all that reading it would, or that it does not', async () => {
    const choice = fc.constantFrom(true, false, (path: string) => path.endsWith('a'))
    const options = fc.record(
      {
        keep: choice,
        md5: choice,
        sha1: choice,
        gitBlob: choice,
        head: fc.constantFrom(
          () => 0,
          () => 2,
        ),
      },
      { requiredKeys: [] },
    )
    const archive = await archiveOf(LAYERS)
    let [enough, tooShort] = [0, 0]
    await fc.assert(
      fc.asyncProperty(options, options, async (first, second) => {
        const { accounts, packed } = accountsInMemory()
        await readImageTree(pieces(archive), { ...first, accounts })
        const now = await readImageTree(pieces(archive), { ...second, accounts }).catch((error: unknown) => {
          if (error instanceof AccountTooShort) return undefined
          throw error
        })
        if (now === undefined) tooShort += 1
        else enough += 1
        if (now === undefined) return
        const plain = await readImageTree(pieces(archive), second)
        // what was read before and is not asked for now may be there, too
        expect(packed.size).toBe(2)
        for (const { path, inode } of plain.tree.files())
          expect(now.tree.findLink(path)?.inode).toMatchObject(inode)
        expect(now.tree.count()).toBe(plain.tree.count())
      }),
      // one of each, whatever else comes
      {
        examples: [
          [EVERYTHING, EVERYTHING],
          [{}, EVERYTHING],
        ],
      },
    )
    expect(Math.min(enough, tooShort)).toBeGreaterThan(0)
  })

  test('is refused when a blob is not what it is named', async () => {
    const { accounts } = accountsInMemory()
    await readImageTree(pieces(await archiveOf([[file('a', 'one')]])), { accounts })
    const files = ociFiles([await tarOf([file('a', 'one')])])
    const [path, bytes] = files[2] as [string, Buffer]
    const changed = Buffer.from(bytes)
    changed[512] = 0x58
    const archive = await tarOf(files.map((each) => (each[0] === path ? [path, changed] : each)))
    await expect(readImageTree(pieces(archive), { accounts })).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringContaining('has other content'),
    })
  })

  test('gives each its inodes', async () => {
    const { accounts, taken } = accountsInMemory()
    const archive = await archiveOf([[file('a', 'one')], [file('b')], [file('a', 'one')]])
    const read = () => readImageTree(pieces(archive), { accounts })
    const [first, second] = [await read(), await read()]
    expect(taken()).toBeGreaterThan(0)
    expect(second).toEqual(first)
    expect(second.tree.find('a')?.inode).not.toBe(first.tree.find('a')?.inode)
  })
})

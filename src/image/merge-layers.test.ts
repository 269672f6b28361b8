import { describe, expect, it } from 'vitest'
import { type Member, tarOf } from './image-archive.test-data.ts'
import { LayerReader } from './layer-reader.ts'
import { mergeLayers } from './merge-layers.ts'
import { treeRecords } from './tree-digest.ts'

async function merged(...layers: (string | Member)[][]): Promise<Record<string, string>> {
  const read = await Promise.all(
    layers.map(async (members) => {
      const reader = new LayerReader()
      reader.write(
        await tarOf(members.map((member) => (typeof member === 'string' ? parse(member) : member))),
      )
      reader.close()
      return reader.entries
    }),
  )
  const records = [...treeRecords(mergeLayers(read))]
  return Object.fromEntries(
    records
      .filter(({ path }) => path !== '')
      .map(({ path, type, target, hardlink, size, mode }) => [
        path,
        { file: `${size} bytes`, directory: `directory ${mode}`, symlink: `to ${target}` }[type as string] +
          (hardlink && ` = ${hardlink}`),
      ]),
  )
}

/** `a/` a directory, `a -> b` a symlink, `a = b` a hard link, `a 123` a file with content. */
function parse(text: string): Member {
  if (text.endsWith('/')) return { name: text, type: 'directory', mode: 0o700 }
  const [name = '', sign = '', target = ''] = text.split(' ')
  if (sign === '->') return { name, type: 'symlink', linkname: target }
  if (sign === '=') return { name, type: 'link', linkname: target }
  return { name, content: sign }
}

const invalid = (reason: string) =>
  expect.objectContaining({ code: 'IMAGE_INVALID', message: expect.stringContaining(reason) })

describe('mergeLayers()', () => {
  it.each<[string, string[][], Record<string, string>]>([
    ['lays files over files', [['a 1', 'b 1'], ['a 22']], { a: '2 bytes', b: '1 bytes' }],
    [
      'deletes what a whiteout names',
      [
        ['d/', 'd/a', 'd/b'],
        ['d/', 'd/.wh.a'],
      ],
      { d: 'directory 0700', 'd/b': '0 bytes' },
    ],
    ['deletes whole directories', [['d/', 'd/e/', 'd/e/f'], ['.wh.d']], {}],
    [
      'empties an opaque directory',
      [
        ['d/', 'd/a', 'd/e/', 'd/e/f'],
        ['d/', 'd/.wh..wh..opq', 'd/b'],
      ],
      { d: 'directory 0700', 'd/b': '0 bytes' },
    ],
    [
      'spares what comes after the marker',
      [
        ['d/', 'd/a'],
        ['d/', 'd/b', 'd/.wh..wh..opq'],
      ],
      { d: 'directory 0700', 'd/b': '0 bytes' },
    ],
    ['spares what its own layer adds', [['a 1'], ['a 22', '.wh.a']], { a: '2 bytes' }],
    [
      'deletes a directory and makes it again',
      [
        ['d/', 'd/a'],
        ['.wh.d', 'd/', 'd/b'],
      ],
      { d: 'directory 0700', 'd/b': '0 bytes' },
    ],
    ['takes whiteouts of nothing', [['a'], ['.wh.b']], { a: '0 bytes' }],
    ['puts a file for a directory', [['a/', 'a/b'], ['a 1']], { a: '1 bytes' }],
    ['puts a directory for a file', [['a 1'], ['a/', 'a/b']], { a: 'directory 0700', 'a/b': '0 bytes' }],
    [
      'puts a directory for a link',
      [
        ['b/', 'b/c', 'a -> b'],
        ['a/', 'a/d'],
      ],
      { a: 'directory 0700', 'a/d': '0 bytes', b: 'directory 0700', 'b/c': '0 bytes' },
    ],
    ['puts a link for a directory', [['a/', 'a/b'], ['a -> c']], { a: 'to c' }],
    [
      'implies directories',
      [['a/b/c']],
      { a: 'directory 0755', 'a/b': 'directory 0755', 'a/b/c': '0 bytes' },
    ],
    [
      'keeps what is known of an implied directory',
      [['a/'], ['a/b']],
      { a: 'directory 0700', 'a/b': '0 bytes' },
    ],
    ['takes a directory after what is in it', [['a/b', 'a/']], { a: 'directory 0700', 'a/b': '0 bytes' }],
    ['counts the later of two', [['a 1', 'a 22']], { a: '2 bytes' }],
    [
      'begins a directory again after a link took its place',
      [['d/', 'd/a', 'd -> x', 'd/', 'd/b']],
      { d: 'directory 0700', 'd/b': '0 bytes' },
    ],
    [
      'links within a layer',
      [['b 1', 'a = b', 'c = a']],
      { a: '1 bytes', b: '1 bytes = a', c: '1 bytes = a' },
    ],
    ['links to lower layers', [['b 1'], ['a = b']], { a: '1 bytes', b: '1 bytes = a' }],
    [
      'parts links when one is replaced',
      [['a 1', 'b = a', 'c = a'], ['a 22']],
      { a: '2 bytes', b: '1 bytes', c: '1 bytes = b' },
    ],
    ['links symlinks', [['a -> x', 'b = a']], { a: 'to x', b: 'to x = a' }],
    ['takes an empty layer', [[], ['a'], []], { a: '0 bytes' }],
    ['takes the same layer twice', [['a 1'], ['b = a'], ['a 1']], { a: '1 bytes', b: '1 bytes' }],
    ['orders by bytes', [['a/', 'a/b', 'a.b']], { a: 'directory 0700', 'a.b': '0 bytes', 'a/b': '0 bytes' }],
    [
      'takes names of objects',
      [['__proto__/', '__proto__/constructor']],
      JSON.parse('{"__proto__": "directory 0700", "__proto__/constructor": "0 bytes"}'),
    ],
  ])('%s', async (_, layers, expected) => {
    const tree = await merged(...layers)
    expect(tree).toEqual(expected)
    expect(Object.keys(tree)).toEqual(Object.keys(expected))
  })

  it.each<[string, string[][], string]>([
    ['a path with ..', [['a/../../b']], 'leads out'],
    ['an absolute path', [['/etc/passwd']], 'is not below'],
    ['a hard link out of the image', [['a', 'b = ../../etc/passwd']], 'leads out'],
    ['an absolute hard link', [['b = /etc/passwd']], 'is not below'],
    ['a member below a symlink of its layer', [['a -> /etc', 'a/b']], 'below "a", which is a symlink'],
    ['a member below a symlink of a lower layer', [['a -> /etc'], ['a/b']], 'below "a", which is a symlink'],
    ['a member below a file', [['a 1'], ['a/b']], 'below "a", which is a file'],
    ['a member of a directory that became a file', [['a/b/', 'a/b/c', 'a 1', 'a/b/d']], 'which is a file'],
    ['a whiteout below a symlink', [['a -> /etc'], ['a/.wh.passwd']], 'below "a", which is a symlink'],
    ['a hard link to nothing', [['a = b']], 'which is not there'],
    ['a hard link to itself', [['a'], ['a = a']], 'which is not there'],
    ['a cycle of hard links', [['a = b', 'b = a']], 'which is not there'],
    ['a hard link to what comes later', [['a = b', 'b']], 'which is not there'],
    ['a hard link through a symlink', [['d/', 'd/f', 'l -> d', 'a = l/f']], 'which is not there'],
    ['a hard link to what its layer deletes', [['a'], ['.wh.a', 'b = a']], 'which is not there'],
    ['a hard link to a directory', [['d/', 'a = d']], 'to the directory'],
    ['aufs remains', [['.wh..wh.plnk/', '.wh..wh.plnk/1']], 'not a whiteout'],
    ['a whiteout of ..', [['.wh...']], 'not a whiteout'],
    ['a whiteout without a name', [['.wh.']], 'not a whiteout'],
  ])('rejects %s', async (_, layers, reason) => {
    await expect(merged(...layers)).rejects.toThrow(invalid(reason))
  })

  it.each<[string, Member, string]>([
    [
      'a device that overlayfs takes for a whiteout',
      { name: 'a', type: 'character-device', devmajor: 0, devminor: 0 },
      'takes for a deletion',
    ],
    [
      'a mark of overlayfs',
      { name: 'a', type: 'directory', pax: { 'SCHILY.xattr.trusted.overlay.opaque': 'y' } },
      'overlayfs mark',
    ],
    ['a path longer than any', { name: 'a/'.repeat(3000) }, 'A path has'],
    ['a symlink to nothing', { name: 'a', type: 'symlink', linkname: '' }, 'symlink to nothing'],
  ])('rejects %s', async (_, member, reason) => {
    await expect(merged([member])).rejects.toThrow(invalid(reason))
  })

  it('rejects a hard link that changes attributes', async () => {
    const link: Member = { name: 'b', type: 'link', linkname: 'a', pax: { 'SCHILY.xattr.user.x': '1' } }
    await expect(merged(['a 1', link])).rejects.toThrow(invalid('another attribute "user.x"'))
  })

  it('takes paths as deep as Linux does', async () => {
    expect(Object.keys(await merged([{ name: 'd/'.repeat(2000), type: 'directory' }]))).toHaveLength(2000)
  })
})

import { describe, expect, it } from 'vitest'
import { FileTree } from './file-tree.ts'
import { type Member, tarOf } from './image-archive.test-data.ts'
import { LayerReader } from './layer-reader.ts'
import { mergeLayers } from './merge-layers.ts'
import { treeRecords } from './tree-digest.ts'

const entriesOf = (layers: readonly (string | Member)[][]) =>
  Promise.all(
    layers.map(async (members) => {
      const reader = new LayerReader()
      reader.write(
        await tarOf(members.map((member) => (typeof member === 'string' ? parse(member) : member))),
      )
      reader.close()
      return reader.entries
    }),
  )

async function merged(...layers: (string | Member)[][]): Promise<Record<string, string>> {
  const records = [...treeRecords(mergeLayers(await entriesOf(layers)))]
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
  it.each<[string, string[][], string[]]>([
    ['that no layer above gives', [['d/', 'd/a'], ['d/b']], ['d']],
    ['also two layers above', [['d/', 'd/e/'], ['d/e/b'], ['d/c']], ['d', 'd/e']],
    ['where only something is deleted', [['d/', 'd/a'], ['d/.wh.a']], ['d']],
    ['not where a layer gives it later', [['d/', 'd/a'], ['d/b'], ['d/']], []],
    [
      'not where it gives it after what is in it',
      [
        ['d/', 'd/a'],
        ['d/b', 'd/'],
      ],
      [],
    ],
    ["not where it is root's, 0755, anyway", [['d/a'], ['d/b']], []],
    [
      'not where it is replaced, or goes',
      [
        ['d/', 'e/', 'd/a', 'e/a'],
        ['d/b', 'e/b'],
        ['d 1', '.wh.e'],
      ],
      [],
    ],
  ])('says which directories engines differ about: %s', async (_, layers, expected) => {
    const tree = new FileTree(mergeLayers(await entriesOf(layers)))
    expect(tree.unclearDirectories()).toEqual(expected)
  })

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
    ['spares what its own layer adds', [['a 1'], ['.wh.a', 'a 22']], { a: '2 bytes' }],
    [
      'deletes a directory and makes it again in another layer',
      [['d/', 'd/a'], ['.wh.d'], ['d/', 'd/b']],
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
    ['takes slashes in front for nothing', [['/', '/a', './b']], { a: '0 bytes', b: '0 bytes' }],
    [
      'puts a directory that no member gives for a file, or for a link to a directory',
      [
        ['u/c', 'l -> u', 'a 1'],
        ['l/b', 'a/b'],
      ],
      {
        a: 'directory 0755',
        'a/b': '0 bytes',
        l: 'directory 0755',
        'l/b': '0 bytes',
        u: 'directory 0755',
        'u/c': '0 bytes',
      },
    ],
    [
      'hides the link that a whiteout lies below',
      [['u/c', 'l -> u'], ['l/.wh.a']],
      { l: 'directory 0755', u: 'directory 0755', 'u/c': '0 bytes' },
    ],
    [
      'links within a layer',
      [['b 1', 'a = b', 'c = a']],
      { a: '1 bytes', b: '1 bytes = a', c: '1 bytes = a' },
    ],
    [
      'parts links when one is replaced',
      [['a 1', 'b = a', 'c = a'], ['a 22']],
      { a: '2 bytes', b: '1 bytes', c: '1 bytes = b' },
    ],
    ['links symlinks', [['a -> x', 'b = a']], { a: 'to x', b: 'to x = a' }],
    ['takes an empty layer', [[], ['a'], []], { a: '0 bytes' }],
    [
      'takes the same layer twice',
      [['a 1', 'b = a'], ['.wh.a'], ['a 1', 'b = a']],
      { a: '1 bytes', b: '1 bytes = a' },
    ],
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
    ['a hard link out of the image', [['a', 'b = ../../etc/passwd']], 'leads out'],
    [
      'a member below a symlink of its layer',
      [['a -> /etc', 'a/b']],
      'below "a", where its layer has a symlink',
    ],
    [
      'a member below a symlink that leads nowhere',
      [['a -> a'], ['a/b']],
      'a lower layer has a symlink to "a"',
    ],
    [
      'a member below a symlink that leads to a private directory',
      [['u/', 'l -> u'], ['l/a']],
      'a symlink to "u", a directory that is not root\'s, 0755',
    ],
    [
      'the same, where the layer itself deletes that directory',
      [
        ['u/', 'l -> u'],
        ['.wh.u', 'l/a'],
      ],
      'a symlink to "u", a directory that is not root\'s, 0755',
    ],
    [
      'a member before its directory, where a lower layer deletes what that lies in',
      [['d/e/a'], ['.wh.d'], ['d/e/a', 'd/e/', 'd/']],
      'a lower layer has no directory at "d"',
    ],
    ['a member below a file of its layer', [['a 1', 'a/b']], 'below "a", where its layer has a file'],
    [
      'a member below a whiteout',
      [
        ['a/', 'a/b'],
        ['.wh.a', 'a/b'],
      ],
      'below "a", which its layer deletes',
    ],
    ['a member in a whiteout', [['.wh.a/b']], 'below the whiteout'],
    [
      'a directory after its whiteout',
      [
        ['d/', 'd/a'],
        ['.wh.d', 'd/'],
      ],
      'is a directory after its whiteout',
    ],
    ['a whiteout after its file', [['a 1'], ['a 22', '.wh.a']], 'comes after the member that it names'],
    ['a whiteout twice', [['a'], ['.wh.a', '.wh.a']], 'or another such whiteout'],
    ['a directory that becomes a file', [['a/b', 'a 1']], 'is a directory and something else'],
    ['a file that becomes a directory', [['a 1', 'a/']], 'is a directory and something else'],
    ['an opaque root', [['a'], ['.wh..wh..opq']], 'where overlayfs ignores it'],
    [
      'an opaque directory of the lowest layer, when files are in it',
      [['d/a', 'd/.wh..wh..opq']],
      'in the lowest layer',
    ],
    [
      'directories that no member gives where a lower layer has a file',
      [['d 1'], ['d/', 'd/a'], ['d/e/f']],
      'a lower layer has no directory at "d"',
    ],
    [
      'directories that no member gives where a lower layer has a whiteout',
      [['d/a'], ['.wh.d'], ['d/e/f']],
      'a lower layer has no directory at "d"',
    ],
    [
      'directories that no member gives where an opaque one hides a private one, also of long before',
      [['d/', 'd/e/', 'd/e/a'], ['d/.wh..wh..opq'], ['d/e/b']],
      'a layer hides a directory there',
    ],
    ['a hard link to nothing', [['a = b']], 'which is not there'],
    ['a hard link to a lower layer', [['b 1'], ['a = b']], 'which is not there'],
    ['a hard link to the name of a directory', [['l -> d', 'a = l/.']], "a directory's name"],
    ['a hard link to itself', [['a'], ['a = a']], 'which is not there'],
    ['a cycle of hard links', [['a = b', 'b = a']], 'which is not there'],
    ['a hard link to what comes later', [['a = b', 'b']], 'which is not there'],
    ['a hard link through a symlink', [['d/', 'd/f', 'l -> d', 'a = l/f']], 'which is not there'],
    ['a hard link to what its layer deletes', [['a'], ['.wh.a', 'b = a']], 'which is not there'],
    ['a hard link to a directory', [['d/', 'a = d']], 'a directory'],
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
      'mark of overlayfs',
    ],
    ['a path longer than any', { name: 'a/'.repeat(3000) }, 'A path has'],
    ['a name longer than any', { name: 'a'.repeat(256) }, 'has more than 255 bytes'],
    ['the owner that changes none', { name: 'a', pax: { uid: '4294967295' } }, 'has the owner 4294967295'],
    [
      'a device that Linux has not',
      { name: 'a', type: 'block-device', devmajor: 4096, devminor: 0 },
      'which Linux has not',
    ],
    [
      'an attribute that containerd leaves out',
      { name: 'a', pax: { 'SCHILY.xattr.trusted.x': '1' } },
      'do not agree on',
    ],
    ['an attribute without a namespace', { name: 'a', pax: { 'SCHILY.xattr.x': '1' } }, 'do not agree on'],
    [
      'an attribute that a symlink cannot have',
      { name: 'a', type: 'symlink', linkname: 'b', pax: { 'SCHILY.xattr.user.x': '1' } },
      'which a symlink cannot have',
    ],
    [
      'no capability',
      { name: 'a', pax: { 'SCHILY.xattr.security.capability': '1' } },
      'not as the kernel has it',
    ],
    [
      'no access control list',
      { name: 'a', pax: { 'SCHILY.xattr.system.posix_acl_access': '1' } },
      'not an access control list',
    ],
    ['a symlink to nothing', { name: 'a', type: 'symlink', linkname: '' }, 'symlink to nothing'],
  ])('rejects %s', async (_, member, reason) => {
    await expect(merged([member])).rejects.toThrow(invalid(reason))
  })

  it.each<[string, Partial<Member>]>([
    ['has not its attribute "user.x"', { pax: { 'SCHILY.xattr.user.x': '1' } }],
    ['with another uid: 5, not 0', { uid: 5 }],
    ['with another mode', { mode: 0o600 }],
    ['with another mtime: 7', { mtime: new Date(7000) }],
  ])('rejects a hard link %s', async (reason, attributes) => {
    const link: Member = { name: 'b', type: 'link', linkname: 'a', ...attributes }
    await expect(merged(['a 1', link])).rejects.toThrow(invalid(reason))
  })

  it('rejects a hard link that takes away a capability', async () => {
    const capability = { 'SCHILY.xattr.security.capability': `\x01\0\0\x02${'\0'.repeat(16)}` }
    const link: Member = { name: 'b', type: 'link', linkname: 'a' }
    const file: Member = { name: 'a', content: '1', pax: capability }
    await expect(merged([file, link])).rejects.toThrow(invalid('without its attribute "security.capability"'))
    expect(await merged([file, { ...link, pax: capability }])).toEqual({ a: '1 bytes', b: '1 bytes = a' })
  })

  it('gives a directory the attributes of each of its members', async () => {
    const d = (name: string): Member => ({
      name: 'd',
      type: 'directory',
      pax: { [`SCHILY.xattr.user.${name}`]: '1' },
    })
    const reader = new LayerReader()
    reader.write(await tarOf([d('a'), d('b')]))
    const [, record] = treeRecords(mergeLayers([reader.entries]))
    expect(record?.xattrs.map(([name]) => name)).toEqual(['user.a', 'user.b'])
  })

  it('gives a time that no file can have as engines do', async () => {
    const reader = new LayerReader()
    reader.write(
      await tarOf(['-5', '9223372037', '5.5'].map((mtime, i) => ({ name: `${i}`, pax: { mtime } }))),
    )
    const [, ...records] = treeRecords(mergeLayers([reader.entries]))
    expect(records.map(({ mtime }) => mtime)).toEqual([0, 0, 5])
  })

  it('takes paths as deep as Linux does', async () => {
    expect(Object.keys(await merged([{ name: 'd/'.repeat(1999), type: 'directory' }]))).toHaveLength(1999)
  })
})

import { octal } from '../../src/image/image-archive.test-data.ts'
import { type MemberFields, member, type Part, records, special, toPair } from './layer-pairs.ts'

const GNU = 'ustar  \0'
const file = (name: string, content = 'x', more: MemberFields = {}) => member({ name, content, ...more })
const directory = (name: string, more: MemberFields = {}) =>
  member({ name, flag: '5', mode: '0000755\0', ...more })
const symlink = (name: string, linkName: string) => member({ name, flag: '2', linkName, mode: '0000777\0' })
const link = (name: string, linkName: string, more: MemberFields = {}) =>
  member({ name, flag: '1', linkName, ...more })
const whiteout = (name: string) => member({ name: name.replace(/([^/]*)$/, '.wh.$1') })
const opaque = (name: string) => member({ name: `${name}/.wh..wh..opq` })
const global = (name = 'pax_global_header', pax: Record<string, string> = { comment: 'x' }) =>
  special('g', records(pax), name)
const CAPABILITY = { 'SCHILY.xattr.security.capability': `\x01\0\0\x02\0\x04${'\0'.repeat(14)}` }
const OWNER = '\x80\0\0\0\xff\xff\xff\xff'
const STAR = `${'d/e'.padEnd(131, '\0')}${octal(1)}${octal(2)}\0\0\0\0\0\0\0\0tar\0`

/** Layers that have misled readers: each is to be read as engines read it, or refused. */
const MISLEADING: Record<string, Part[][]> = {
  'a whiteout and a directory of one name': [
    [directory('usr'), directory('usr/x'), file('usr/x/hidden')],
    [directory('usr'), whiteout('usr/x'), directory('usr/x')],
  ],
  'a directory and its whiteout': [
    [directory('d'), file('d/a')],
    [directory('d'), whiteout('d')],
  ],
  'a whiteout and a file of one name': [[file('a')], [whiteout('a'), file('a', 'other')]],
  'a file and its whiteout': [[file('a')], [file('a', 'other'), whiteout('a')]],
  'a file and its whiteout in the lowest layer': [[file('a'), whiteout('a')]],
  'an opaque directory, marked last': [[file('d/a')], [directory('d'), file('d/b'), opaque('d')]],
  'an opaque directory, marked before it comes': [[file('d/a')], [opaque('d'), directory('d'), file('d/b')]],
  'an opaque directory that was a file in between': [[file('d/a')], [opaque('d'), file('d'), directory('d')]],
  'an opaque directory of the lowest layer, marked last': [[file('d/e/a'), opaque('d')]],
  'an opaque root': [[file('a')], [member({ name: '.wh..wh..opq' })]],
  'a directory that becomes a file': [[file('d/a')], [directory('d'), file('d/b'), file('d')]],
  'a file that becomes a directory': [[file('d/a')], [file('d'), directory('d')]],
  'a symlink that becomes a directory': [[file('d/a')], [symlink('d', 'e'), directory('d'), file('d/b')]],
  'a member below a symlink': [[directory('d'), symlink('l', 'd'), file('l/a')]],
  'a member below a symlink of a lower layer': [[directory('d'), symlink('l', 'd')], [file('l/a')]],
  'the same, of a symlink to a private directory': [
    [directory('d', { mode: '0001777\0' }), symlink('l', 'd')],
    [directory('d'), file('l/a'), directory('l')],
    [file('l/b')],
  ],
  'a member before its directory, where a lower layer deletes what that lies in': [
    [file('d/e/a')],
    [whiteout('d')],
    [file('d/e/a'), directory('d/e'), directory('d')],
  ],
  'a path before a global header': [[special('x', records({ path: 'safe' })), global(), file('hidden')]],
  'a long name before a global header': [[special('L', 'safe\0'), global(), file('hidden')]],
  'a long link name before a global header': [[special('K', 'safe\0'), global(), symlink('a', 'hidden')]],
  'a global header with the name of a file': [[file('a'), global('a')]],
  'a global header with the name of a whiteout': [[file('a')], [global('.wh.a')]],
  'a global header in a directory': [[global('tmp/GlobalHead.1')]],
  'a global header and a file of its name': [[file('pax_global_header'), global()]],
  'a prefix with GNU magic': [[file('a', 'x', { magic: GNU, prefix: 'opt/hidden' })]],
  'times with GNU magic': [[file('a', 'x', { magic: GNU, prefix: `${octal(5)}${octal(6)}` })]],
  "a prefix with star's trailer": [[file('a', 'x', { prefix: STAR })]],
  'a prefix without magic': [[file('a', 'x', { magic: '', prefix: 'opt/hidden' })]],
  'a device without magic': [
    [member({ name: 'a', flag: '3', magic: '', major: '0000001\0', minor: '0000003\0' })],
  ],
  'the owner 4294967295': [[file('a', 'x', { uid: OWNER, gid: OWNER })]],
  'the owner 4294967301': [[file('a', 'x', { pax: { uid: '4294967301' } })]],
  'a directory that no member gives, where an opaque one hides a private one': [
    [directory('d'), directory('d/e', { mode: '0001777\0', uid: '0000005\0' }), file('d/e/b')],
    [opaque('d'), file('d/e/a')],
  ],
  'directories that no member gives, over private ones': [
    [directory('d', { mode: '0000700\0', uid: '0000005\0' }), file('d/a')],
    [file('d/b')],
  ],
  'a hard link to a lower layer': [[file('a')], [link('b', 'a', { uid: '0000005\0' })]],
  'a hard link with another mode': [[file('a'), link('b', 'a', { mode: '0004755\0' })]],
  'a hard link that drops a capability': [[file('a', 'x', { pax: CAPABILITY }), link('b', 'a')]],
  'a hard link to a symlink': [[symlink('a', 'x'), link('b', 'a', { mode: '0000777\0' })]],
  'a hard link to itself': [[file('a'), link('a', 'a')]],
  'a hard link through a symlink': [[file('d/a'), symlink('l', 'd'), link('b', 'l/a')]],
  'a size beside the header': [[file('a', 'x', { pax: { size: '1' }, size: octal(0) }), file('b')]],
  'a time before 1970': [[file('a', 'x', { pax: { mtime: '-5.5' } })]],
  'a time that no file can have': [[file('a', 'x', { pax: { mtime: '99999999999' } })]],
  'a sparse file': [[file('a', 'x', { pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' } })]],
  'a contiguous file': [[member({ name: 'a', flag: '7', content: 'x' })]],
  'a path that leads out': [[file('../a')]],
  'a path that leads back': [[file('d/../a')]],
  'a file with the name of a directory': [[file('a/')]],
  'attributes that overlayfs keeps': [
    [file('d/a')],
    [directory('d', { pax: { 'SCHILY.xattr.trusted.overlay.opaque': 'y' } })],
  ],
  'attributes that one engine leaves out': [[file('a', 'x', { pax: { 'SCHILY.xattr.trusted.x': 'y' } })]],
  'attributes that a symlink cannot have': [
    [member({ name: 'a', flag: '2', linkName: 'b', pax: { 'SCHILY.xattr.user.x': 'y' } })],
  ],
  'a character device 0:0': [[file('a')], [member({ name: 'a', flag: '3' })]],
}

/** Layers as tools write them: each is to be read as engines read it. */
const MADE_BY_TOOLS: Record<string, Part[][]> = {
  'docker and BuildKit, with all directories': [
    [directory('etc/'), file('etc/a'), directory('opt/'), file('opt/b'), link('opt/c', 'opt/b')],
    [
      directory('etc/'),
      whiteout('etc/a'),
      directory('opt/'),
      opaque('opt'),
      file('opt/d'),
      file('opt/e', 'x', { pax: CAPABILITY }),
    ],
  ],
  'BuildKit, a directory for a file and a file for a directory': [
    [directory('a/'), file('a/b'), file('c')],
    [file('a'), directory('c/'), file('c/d')],
  ],
  'kaniko, with the root and absolute links': [
    [directory('/', { mode: '0000755\0' }), directory('usr/'), file('usr/a'), link('usr/b', '/usr/a')],
    [directory('/'), whiteout('usr/a')],
  ],
  'GNU tar, with long names and numbers': [
    [
      directory('./'),
      special('L', `./${'long/'.repeat(30)}name\0`),
      member({ name: './long', magic: GNU, uid: '\x80\0\0\0\0\x30\0\0', content: 'x' }),
      special('K', `${'target/'.repeat(20)}\0`),
      member({ name: './link', flag: '2', linkName: 'target', magic: GNU }),
    ],
  ],
  'bsdtar and Go, with extended headers': [
    [
      member({
        name: 'a',
        content: 'x',
        pax: {
          path: 'caf\xc3\xa9',
          mtime: '1700000000.123456789',
          atime: '1700000000',
          ctime: '1700000000.5',
          'LIBARCHIVE.creationtime': '1',
          'SCHILY.dev': '1',
          'SCHILY.xattr.user.x': 'y',
        },
      }),
    ],
  ],
  'apko, with checksums of apk': [
    [
      directory('bin'),
      file('bin/a', 'x', { pax: { 'APK-TOOLS.checksum.SHA1': 'ab' } }),
      symlink('bin/sh', '/bin/a'),
    ],
  ],
  'bazel, jib and ko, without directories': [
    [file('./app/a'), file('/app/b'), file('app/c')],
    [file('./app/d/e')],
  ],
  'bazel, below a link of the base': [
    [directory('usr'), directory('usr/lib'), symlink('lib', 'usr/lib')],
    [file('lib/a')],
  ],
  'nix, with directories that nobody writes to': [
    [
      directory('./'),
      directory('./nix', { mode: '0000555\0' }),
      directory('./nix/store', { mode: '0000555\0' }),
      file('./nix/store/a', 'x', { mode: '0000444\0' }),
    ],
  ],
  'git archive, with a global header': [
    [global('pax_global_header', { comment: 'a'.repeat(40) }), directory('a/'), file('a/b')],
  ],
  'tools of old, without magic': [
    [
      member({ name: 'd/', flag: '\0', magic: '', mode: '0000755\0' }),
      member({ name: 'd/a', flag: '\0', magic: '', content: 'x' }),
    ],
  ],
  'buildah and umoci, with whiteouts and attributes': [
    [
      directory('d'),
      file('d/a'),
      file('d/b', 'x', { pax: { 'SCHILY.xattr.user.x': 'a\0b', 'SCHILY.xattr.security.ima': '\x03' } }),
    ],
    [
      whiteout('d/a'),
      directory('e'),
      member({ name: 'e/null', flag: '3', major: '0000001\0', minor: '0000003\0' }),
      member({ name: 'e/fifo', flag: '6' }),
    ],
  ],
  'an archive that has a file twice': [
    [file('a'), file('a', 'the later'), directory('d'), directory('d', { mode: '0000700\0' })],
  ],
  'an empty layer': [[], [file('a')], []],
}

const named = (kinds: Record<string, Part[][]>) =>
  Object.entries(kinds).map(([name, layers]) => ({ ...toPair(layers), what: name }))

export const misleading = named(MISLEADING)
export const madeByTools = named(MADE_BY_TOOLS)

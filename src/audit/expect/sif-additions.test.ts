import { hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type SifFile, sifFiles } from '../../dockerfile/sif/sif-files.ts'
import { FileTree } from '../../image/file-tree.ts'
import type { Inode, LayerEntry } from '../../image/layer-entry.ts'
import { PLAIN_DIRECTORY } from '../../image/layer-entry.ts'
import { mergeLayers } from '../../image/merge-layers.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import { missingAdditions, sifAdditions } from './sif-additions.ts'

const TIME = 1_700_000_000
const OWN = sifFiles({
  env: { LANG: 'C.UTF-8' },
  workdir: '',
  entrypoint: null,
  cmd: ['hello'],
  labels: {},
  tasks: { train: { command: ['train'] } },
})
const IMAGE: LayerEntry[] = [
  entry({ path: 'etc', type: 'directory', mode: 0o755, content: Buffer.alloc(0) }),
  entry({ path: 'etc/hosts', type: 'file', mode: 0o644, content: Buffer.from('localhost') }),
]

function entry({ path, type, mode, content }: SifFile, changes: Partial<Inode> = {}): LayerEntry {
  const sha256 = type === 'file' ? hash('sha256', content) : ''
  const inode = { ...PLAIN_DIRECTORY, type, mode, mtime: TIME, size: content.length, sha256, ...changes }
  return { path, inode: { ...inode, xattrs: new Map(inode.xattrs) }, link: undefined }
}

/** The tree of a SIF as `export` makes it, with changes to what it adds. */
const tree = (changes: Record<string, Partial<Inode>> = {}, more: LayerEntry[] = []) =>
  mergeLayers([
    [
      ...IMAGE.map((each) => ({ ...each, inode: { ...each.inode } })),
      ...OWN.map((file) => entry(file, changes[file.path])),
      ...more,
    ],
  ])
const plain = () => mergeLayers([IMAGE.map((each) => ({ ...each, inode: { ...each.inode } }))])
const left = (root: ReturnType<typeof tree>) => [...new FileTree(root).files()].map(({ path }) => path)

describe('sifAdditions()', () => {
  test('takes out what export added: the rest is the image', () => {
    const { root, explained } = sifAdditions(tree(), OWN, TIME)
    expect(treeDigest(root)).toBe(treeDigest(plain()))
    expect([...explained.keys()].sort()).toEqual(OWN.map(({ path }) => path).sort())
    expect(missingAdditions(OWN, { root, explained })).toEqual([])
  })

  test.each<[string, Partial<Inode>]>([
    ['content', { sha256: 'f'.repeat(64) }],
    ['mode', { mode: 0o4755 }],
    ['owner', { uid: 1 }],
    ['group', { gid: 1 }],
    ['time', { mtime: TIME + 1 }],
    ['attributes', { xattrs: new Map([['user.a', 'b']]) }],
    ['type', { type: 'symlink', target: '/bin/sh', sha256: '' }],
  ])('leaves what differs in its %s, and the directories that it is in', (_, change) => {
    const found = sifAdditions(tree({ '.singularity.d/runscript': change }), OWN, TIME)
    expect(left(found.root)).toEqual(['.singularity.d', '.singularity.d/runscript', 'etc', 'etc/hosts'])
    expect(missingAdditions(OWN, found)).toMatchObject([
      { rule: 'sif-settings', subject: '/.singularity.d/runscript' },
    ])
  })

  test('leaves what is beside it', () => {
    const file: SifFile = { path: 'scif/apps/evil', type: 'file', mode: 0o755, content: Buffer.from('x') }
    const script = { ...file, path: '.singularity.d/env/99-evil.sh' }
    const found = sifAdditions(tree({}, [entry(file), entry(script)]), OWN, TIME)
    expect(left(found.root)).toEqual([
      ...['.singularity.d', '.singularity.d/env', '.singularity.d/env/99-evil.sh'],
      ...['etc', 'etc/hosts', 'scif', 'scif/apps', 'scif/apps/evil'],
    ])
  })

  test('takes nothing for an addition that the lock does not give', () => {
    expect(treeDigest(sifAdditions(tree(), [], undefined).root)).toBe(treeDigest(tree()))
  })
})

import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { type AddedFile, flatTar } from './flat-tar.ts'
import { type Member, tarOf } from './image-archive.test-data.ts'
import { LayerReader } from './layer-reader.ts'
import { mergeLayers } from './merge-layers.ts'
import { treeDigest } from './tree-digest.ts'

function entriesOf(tar: Buffer) {
  const reader = new LayerReader()
  reader.write(tar)
  reader.close()
  return reader.entries
}

async function flatten(layers: readonly (readonly Member[])[], added: readonly AddedFile[] = []) {
  const tars = await Promise.all(layers.map((members) => tarOf(members)))
  const root = mergeLayers(tars.map(entriesOf))
  const reads = tars.map(
    (tar) =>
      async function* () {
        for (let at = 0; at < tar.length; at += 1000) yield tar.subarray(at, at + 1000)
      },
  )
  const flat = await buffer(flatTar(reads, root, added))
  return { root, flat, entries: entriesOf(flat) }
}

const BASE: Member[] = [
  { name: 'etc/', type: 'directory', mode: 0o751 },
  { name: 'etc/hosts', content: 'localhost', uid: 3_000_000, gid: 7, mode: 0o4755 },
  { name: 'etc/second', type: 'link', linkname: 'etc/hosts', uid: 3_000_000, gid: 7, mode: 0o4755 },
  { name: 'etc/replaced', content: 'old' },
  { name: `usr/${'long/'.repeat(60)}name`, content: 'x'.repeat(700), pax: { 'SCHILY.xattr.user.a': 'v' } },
  { name: 'bin', type: 'symlink', linkname: `usr/${'long/'.repeat(60)}` },
  { name: 'null', type: 'character-device', devmajor: 1, devminor: 3 },
  { name: 'pipe', type: 'fifo' },
]
const ABOVE: Member[] = [
  { name: 'etc/replaced', content: 'and new' },
  { name: 'etc/.wh.gone', content: '' },
  { name: 'new', content: '' },
]

describe('flatTar()', () => {
  test('has the tree of the layers', async () => {
    const { root, entries } = await flatten([[...BASE, { name: 'etc/gone', content: 'x' }], ABOVE])
    expect(treeDigest(mergeLayers([entries]))).toBe(treeDigest(root))
  })

  test('has what is added, after all else', async () => {
    const added = { path: '.extra', type: 'file' as const, mode: 0o755, mtime: 5, content: Buffer.from('hi') }
    const { entries } = await flatten([BASE], [added])
    expect([...entries].at(-1)).toMatchObject({
      path: '.extra',
      inode: { mode: 0o755, uid: 0, mtime: 5, size: 2 },
    })
  })

  test('refuses to add what is there', async () => {
    const added = { path: 'bin', type: 'directory' as const, mode: 0o755, mtime: 5, content: Buffer.alloc(0) }
    await expect(flatten([BASE], [added])).rejects.toMatchObject({ code: 'IMAGE_INVALID' })
  })

  test('refuses layers of another image, and a file whose first name is gone', async () => {
    const [base, other] = [await tarOf(BASE), await tarOf([{ name: 'etc/hosts', content: 'another' }])]
    const read = async function* () {
      yield other
    }
    await expect(buffer(flatTar([read], mergeLayers([entriesOf(base)]), []))).rejects.toThrow('expected 9')
    await expect(flatten([BASE, [{ name: 'etc/.wh.hosts', content: '' }]])).rejects.toThrow('etc/second')
  })
})

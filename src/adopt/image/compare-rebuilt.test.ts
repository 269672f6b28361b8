import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Member } from '../../image/image-archive.test-data.ts'
import { dpkgStatus, imageOf, stanza } from './adopt-in-memory.test-data.ts'
import { compareRebuilt } from './compare-rebuilt.ts'

const md5 = (text: string) => createHash('md5').update(text).digest('hex')

/** A package of dpkg's with its files. */
function deb(name: string, version: string, files: Record<string, string>) {
  const paths = Object.keys(files)
  return {
    stanza: stanza(name, { Version: version }),
    members: [
      [`var/lib/dpkg/info/${name}.list`, paths.map((path) => `/${path}\n`).join('')],
      [
        `var/lib/dpkg/info/${name}.md5sums`,
        paths.map((path) => `${md5(files[path] ?? '')}  ${path}\n`).join(''),
      ],
      ...Object.entries(files),
    ] as [string, string][],
  }
}

async function image(debs: ReturnType<typeof deb>[], more: (Member | [string, string])[] = []) {
  const changed = new Set(more.map((each) => (Array.isArray(each) ? each[0] : each.name)))
  const members = debs.flatMap((each) => each.members.filter(([path]) => !changed.has(path)))
  return imageOf([dpkgStatus(...debs.map((each) => each.stanza)), ...members, ...more])
}

const options = (found: string[] = []) => ({
  isFound: (path: string) => found.includes(path),
  clones: ['opt/clone'],
})
const TOOL = {
  'usr/bin/tool': 'program',
  'etc/tool.conf': 'as packaged',
  'usr/share/doc/tool/README': 'text',
}

describe('compareRebuilt()', () => {
  it('tells what is equal, explained, and to be carried, each with its reason', async () => {
    const original = await image(
      [deb('tool', '1', TOOL), deb('lib', '1', { 'usr/lib/lib.so': 'old' })],
      [
        ['etc/tool.conf', 'edited'],
        ['data/results', 'mine'],
        ['data/key', 'secret'],
        ['var/log/x.log', 'a log'],
        ['dev/console', ''],
        ['opt/clone/.git/config', 'remote'],
        ['usr/lib/m.py', 'source'],
        ['usr/lib/__pycache__/m.cpython-311.pyc', 'code'],
        { name: 'data/link', linkname: 'results', type: 'symlink' },
      ],
    )
    const built = await image(
      [deb('tool', '1', TOOL), deb('lib', '2', { 'usr/lib/lib.so': 'newer' })],
      [['usr/lib/m.py', 'source']],
    )
    const withheld = new Map([['data/key', 'a key']])
    const found = ['/etc/tool.conf', '/data/results', '/data/key', '/data/link']
    const { comparison, repairs } = compareRebuilt(original, built, { ...options(found), withheld })
    expect(repairs.carry.map(({ path }) => path)).toEqual([
      ...['data', 'data/link', 'data/results', 'etc/tool.conf', 'opt', 'opt/clone', 'var/log'],
    ])
    expect(comparison.unknown).toEqual([
      { path: '/data/results', size: 4, reason: 'of no package' },
      { path: '/etc/tool.conf', size: 6, reason: 'changed, of deb/tool' },
    ])
    expect(comparison.withheld).toEqual([{ path: '/data/key', size: 6, reason: 'a key' }])
    expect(comparison.explained).toContainEqual({
      reason: 'deb/lib is 2 in the lock, 1 in the image',
      files: 1,
      bytes: 3,
    })
    expect(comparison.dropped.map(({ reason }) => reason)).toEqual([
      'histories of clones',
      'logs',
      'byte code of Python',
      'what every machine makes for itself',
    ])
    expect(comparison.shares.equal.files).toBeGreaterThan(3)
    expect(Object.values(comparison.shares).reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
  })

  it('has copies made of large files that steps bring, with their attributes, and carries small ones', async () => {
    const program = 'program'.repeat(1000)
    const tool = deb('tool', '1', { 'usr/bin/tool': program, 'usr/share/small': 'text' })
    const copies: Member[] = [
      { name: 'usr/local/bin/mine', content: program, mode: 0o755 },
      { name: 'opt/small', content: 'text' },
      { name: 'opt/two\nlines', content: program },
    ]
    const original = await image([tool], copies)
    const { repairs } = compareRebuilt(original, await image([tool]), options())
    expect(repairs.copy).toMatchObject([{ path: 'usr/local/bin/mine', from: 'usr/bin/tool' }])
    expect(repairs.attributes).toMatchObject([{ path: 'usr/local/bin/mine', inode: { mode: 0o755 } }])
    const files = repairs.carry.filter(({ inode }) => inode.type === 'file')
    expect(files.map(({ path }) => path)).toEqual(['opt/small', 'opt/two\nlines'])
  })

  it('takes no edit for another version of a package, or for the work of its programs', async () => {
    const files = { 'etc/tool.conf': 'as packaged', 'etc/unsummed': 'as packaged' }
    const tool = (version: string) => {
      const made = deb('tool', version, files)
      const members = made.members.map(([path, text]): [string, string] =>
        path.endsWith('.md5sums') ? [path, text.replace(/^.*unsummed\n/m, '')] : [path, text],
      )
      return { ...made, members }
    }
    const edits: [string, string][] = [
      ['etc/tool.conf', 'edited'],
      ['etc/unsummed', 'edited'],
    ]
    const original = await image([tool('1')], edits)
    const carried = async (version: string) => {
      const { repairs } = compareRebuilt(original, await image([tool(version)]), options(['/etc/tool.conf']))
      return repairs.carry.map(({ path }) => path)
    }
    expect(await carried('1')).toEqual(['etc/tool.conf', 'etc/unsummed'])
    expect(await carried('2')).toEqual(['etc/tool.conf'])
  })

  it('knows what was taken away from packages, and what has other permissions', async () => {
    const original = await image(
      [deb('tool', '1', TOOL)],
      [{ name: 'usr/bin/tool', content: 'program', mode: 0o4755 }],
    )
    const without = await image([
      deb('tool', '1', { 'usr/bin/tool': 'program', 'etc/tool.conf': 'as packaged' }),
    ])
    const listed = await image(
      [deb('tool', '1', TOOL)],
      [{ name: 'usr/bin/tool', content: 'program', mode: 0o644 }],
    )
    expect(compareRebuilt(original, listed, options()).repairs.attributes.map(({ path }) => path)).toEqual([
      'usr/bin/tool',
    ])
    expect(compareRebuilt(original, without, options()).repairs.carry.map(({ path }) => path)).toContain(
      'usr/share/doc/tool/README',
    )
    const { tree } = without
    const stripped = { tree, inventory: original.inventory }
    expect(compareRebuilt(stripped, listed, options()).repairs.remove).toEqual(['usr/share/doc/tool/README'])
  })

  it('takes away what is in the way of something of another kind', async () => {
    const original = await imageOf([
      { name: 'opt/tool', linkname: 'tool-2', type: 'symlink' },
      ['opt/x/y', ''],
    ])
    const built = await imageOf([
      ['opt/tool/bin/run', 'program'],
      ['opt/x', 'file'],
    ])
    const { carry, remove } = compareRebuilt(original, built, options(['/opt/tool'])).repairs
    expect(carry.map(({ path }) => path)).toEqual(['opt/tool', 'opt/x', 'opt/x/y'])
    expect(remove).toEqual(['opt/x', 'opt/tool/bin/run', 'opt/tool/bin/', 'opt/tool/'])
  })

  it('carries an alternative that was chosen, with what dpkg notes of it', async () => {
    const side = (target: string) =>
      imageOf([
        { name: 'etc/alternatives/editor', linkname: target, type: 'symlink' },
        ['var/lib/dpkg/alternatives/editor', `manual\n/usr/bin/editor\n\n${target}\n`],
        dpkgStatus(stanza('vim')),
      ])
    const { repairs } = compareRebuilt(await side('/usr/bin/vim'), await side('/usr/bin/nano'), options())
    expect(repairs.carry.map(({ path }) => path)).toEqual([
      'etc/alternatives/editor',
      'var/lib/dpkg/alternatives/editor',
    ])
  })

  it('finds what lies in /usr in one image, and not in the other', async () => {
    const original = await imageOf([['bin/sh', 'shell']])
    const built = await imageOf([
      ['usr/bin/sh', 'shell'],
      { name: 'bin', linkname: 'usr/bin', type: 'symlink' },
    ])
    const { comparison, repairs } = compareRebuilt(original, built, options())
    expect(comparison.shares.equal.files).toBe(1)
    expect(repairs).toEqual({ carry: [], copy: [], remove: [], attributes: [] })
  })

  it('counts what came from the archive beside the recipe as carried', async () => {
    const original = await image([], [['data/results', 'mine']])
    const { comparison } = compareRebuilt(original, original, {
      ...options(),
      carried: new Set(['data/results']),
    })
    expect(comparison.carried).toEqual([{ path: '/data/results', size: 4, reason: 'of no package' }])
    expect(comparison.shares.unknown.bytes).toBe(0)
  })
})

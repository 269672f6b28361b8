import { describe, expect, it } from 'vitest'
import type { FileTree } from '../image/file-tree.ts'
import type { Member } from '../image/image-archive.test-data.ts'
import { readInventory } from './read-inventory.ts'
import { treeOf } from './tree.test-data.ts'
import { Work } from './work.ts'

type Members = (Member | [string, string])[]

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
const METADATA = 'Name: a\nVersion: 1\n'

/** Every environment names every directory of the others, and each of these has a distribution with many files. */
const environments = (count: number): Members => [
  ...numbers(count).flatMap(
    (i): Members => [
      [
        `e${i}/site-packages/a.pth`,
        numbers(count)
          .map((j) => `/d${j}\n`)
          .join(''),
      ],
      [`d${i}/a.dist-info/METADATA`, METADATA],
      [
        `d${i}/a.dist-info/RECORD`,
        numbers(count * 50)
          .map((j) => `a/${j}.py,,\n`)
          .join(''),
      ],
    ],
  ),
]

/** Many names of one file. */
const names = (count: number): Members => [
  { name: 's/site-packages/a0.dist-info/METADATA', content: METADATA },
  {
    name: 's/site-packages/a0.dist-info/RECORD',
    content: numbers(count * 50)
      .map((j) => `a/${j}.py,,\n`)
      .join(''),
  },
  ...numbers(count).flatMap((i): Member[] =>
    ['METADATA', 'RECORD'].map((name) => ({
      name: `s/site-packages/a${i + 1}.dist-info/${name}`,
      type: 'link',
      linkname: `s/site-packages/a0.dist-info/${name}`,
    })),
  ),
]

/** Every package has the list of the same one. */
const packages = (count: number): Members => [
  [
    'var/lib/dpkg/status',
    numbers(count)
      .map(() => 'Package: a\nStatus: install ok installed\nVersion: 1\n\n')
      .join(''),
  ],
  [
    'var/lib/dpkg/info/a.list',
    numbers(count * 50)
      .map((j) => `/${j}\n`)
      .join(''),
  ],
]

/** Every work tree has the same repository, with references and no commit. */
const workTrees = (count: number): Members => [
  ['r/.git/HEAD', 'ref: refs/heads/missing\n'],
  [
    'r/.git/packed-refs',
    numbers(count * 10)
      .map((j) => `${'a'.repeat(40)} refs/heads/${j}\n`)
      .join(''),
  ],
  ...numbers(count).map((i): [string, string] => [`w${i}/.git`, 'gitdir: /r/.git\n']),
]

function bytesOf(tree: FileTree): number {
  let bytes = 0
  for (const { inode } of tree.files()) bytes += inode.size + 512
  return bytes
}

describe('readInventory()', () => {
  it.each([
    ['environments that name each other', environments, 100],
    ['many names of one file', names, 400],
    ['packages with one list', packages, 600],
    ['work trees of one repository', workTrees, 800],
  ])('takes no more than the image has, of %s', async (_, members, count) => {
    for (const part of [count / 4, count]) {
      const tree = await treeOf(members(part))
      const work = new Work(tree)
      const { problems } = await readInventory(tree, work)
      // what is free, and a multiple of the image's own bytes; the last step may go beyond
      expect(work.used).toBeLessThan(64 * 1024 ** 2 + 20 * bytesOf(tree) + 8 * 1024 ** 2)
      if (part === count)
        expect(problems).toContainEqual(
          expect.objectContaining({
            reason: expect.stringContaining('reading was ended: there is more to read'),
          }),
        )
    }
  })

  it('takes a small part of that for what package managers leave', async () => {
    const tree = await treeOf([
      [
        'var/lib/dpkg/status',
        numbers(500)
          .map((i) => `Package: a${i}\nStatus: install ok installed\nVersion: 1\n\n`)
          .join(''),
      ],
      ...numbers(500).map((i): [string, string] => [
        `var/lib/dpkg/info/a${i}.list`,
        numbers(100)
          .map((j) => `/usr/share/a${i}/some/file/${j}\n`)
          .join(''),
      ]),
      ['v/site-packages/a.dist-info/METADATA', METADATA],
      [
        'v/site-packages/a.dist-info/RECORD',
        numbers(5000)
          .map((j) => `a/some/module/${j}.py,sha256=${'a'.repeat(43)},1\n`)
          .join(''),
      ],
    ])
    const work = new Work(tree)
    const { packages: found, problems } = await readInventory(tree, work)
    expect([found.length, problems]).toEqual([501, []])
    // without what is free
    expect(work.used).toBeLessThan((work.limit - 64 * 1024 ** 2) * 0.7)
  })
})

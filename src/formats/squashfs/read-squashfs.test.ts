import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rounds } from '../../../test/support/nightly.ts'
import { StillroomError } from '../../error.ts'
import { FileTree } from '../../image/file-tree.ts'
import { treeDigest } from '../../image/tree-digest.ts'
import { RECORDED, recorded, squashfsTree } from './squashfs.test-data.ts'

const TREE = 'sha256:76c9d2f62218ca3955b2404779ba2aeed3669cdcfc13cc79720a7f6ba75af75d'

const read = async (bytes: Buffer) => new FileTree(await squashfsTree(bytes))
const refusal = (bytes: Buffer) =>
  squashfsTree(bytes).then(
    () => 'it was read',
    (error: unknown) => {
      if (error instanceof StillroomError && error.code === 'IMAGE_INVALID') return error.message
      throw error
    },
  )
const changed = async (name: string, change: (bytes: Buffer) => void) => {
  const bytes = await recorded(name)
  change(bytes)
  return bytes
}

describe('readSquashfs()', () => {
  test.each(RECORDED)('reads what mksquashfs and tar2sqfs wrote: %s', async (name) => {
    const tree = await read(await recorded(name))
    expect(treeDigest(tree.root)).toBe(TREE)
    const at = (path: string) => tree.findLink(path)?.inode
    expect(at('etc/small')).toMatchObject({ mode: 0o4750, size: 6, mtime: 1_000_000_000, isShared: true })
    expect(at('a/link')).toBe(at('etc/small'))
    expect(at('etc/empty')).toMatchObject({ type: 'file', uid: 1000, gid: 1001, size: 0 })
    expect(at('a/symlink')).toMatchObject({ type: 'symlink', target: '../etc/small' })
    expect(at('a/dev')).toMatchObject({ type: 'character', major: 5, minor: 300 })
    expect(at('a/block')).toMatchObject({ type: 'block', major: 8, minor: 1 })
    expect(at('a/fifo')).toMatchObject({ type: 'fifo' })
    expect(at('a/b/large')).toMatchObject({ size: 10_000, xattrs: new Map([['user.note', 'hello']]) })
    expect(at('a')?.xattrs).toEqual(new Map([['user.dir', 'x'.repeat(300)]]))
    expect(tree.read('a/b/zeros')).toEqual(Buffer.alloc(9000))
    expect(tree.read('a/b/f11')?.toString()).toBe('11\n'.repeat(11))
  })

  test.each([
    [2, 'lzma'],
    [3, 'lzo'],
    [5, 'lz4'],
    [9, 'an unknown method (9)'],
  ])('names a compression that is not read: %i', async (number, name) => {
    const bytes = await changed('gzip', (data) => data.writeUInt16LE(number, 20))
    expect(await refusal(bytes)).toBe(
      `The squashfs is compressed by ${name}, which is not read: expected gzip, xz or zstd`,
    )
  })

  test.each<[string, (bytes: Buffer) => void, RegExp]>([
    ['another version', (data) => data.writeUInt16LE(3, 28), /version 3\.0: expected 4\.0/],
    ['no squashfs', (data) => data.write('sqsh'), /no squashfs/],
    ['blocks too large', (data) => data.writeUInt32LE(2 ** 21, 12), /blocks of 2097152 bytes/],
    ['a size beyond the end', (data) => data.writeBigUInt64LE(1n << 40n, 40), /cut short/],
    ['tables beyond the end', (data) => data.writeBigUInt64LE(1n << 30n, 64), /table .* at byte 1073741824/],
    [
      'more fragments than bytes',
      (data) => data.writeUInt32LE(0xffff_fff0, 16),
      /more than there is room for/,
    ],
    ['another root', (data) => data.writeBigUInt64LE(0n, 32), /root of the squashfs is a|inode/],
  ])('refuses %s', async (_, change, message) => {
    expect(await refusal(await changed('gzip', change))).toMatch(message)
  })

  test('refuses what is cut short anywhere', async () => {
    const bytes = await recorded('gzip')
    const size = Number(bytes.readBigUInt64LE(40))
    for (const length of [0, 50, 95, 96, 1000, size - 1])
      expect(await refusal(bytes.subarray(0, length))).toMatch(/cut short/)
    // padding is not part of it
    expect(treeDigest((await read(bytes.subarray(0, size))).root)).toBe(TREE)
  })

  test('refuses names that Linux would not find, or that lead elsewhere, and whiteouts', async () => {
    const renamed = (from: string, to: string) =>
      changed('plain', (data) => {
        const directories = Number(data.readBigUInt64LE(72))
        data.write(to, data.indexOf(from, directories, 'latin1'), 'latin1')
      })
    expect(await refusal(await renamed('f11', 'a/b'))).toMatch(/has the name "a\/b"/)
    expect(await refusal(await renamed('f11', 'f99'))).toMatch(/has "f12" after "f99"/)
    expect(await refusal(await renamed('small', '.wh.x'))).toMatch(/whiteout|after/)
    expect(await refusal(await renamed('f11', 'f1\0'))).toMatch(/has the name/)
  })

  test('refuses a directory that lies in itself', async () => {
    const bytes = await changed('plain', (data) => {
      const directories = Number(data.readBigUInt64LE(72))
      // the entry of `b` in `a` comes to have the place of `a`
      const place = (name: string) =>
        data.indexOf(Buffer.from(`\x01\0\0\0${name}`, 'latin1'), directories) - 4
      const [a, b] = ['a', 'b'].map(place) as [number, number]
      if (a < 0 || b < 0) throw new Error('the fixture has other entries')
      data.copy(data, b, a, a + 2)
    })
    expect(await refusal(bytes)).toMatch(/inode number|another by its directory/)
  })

  const RUNS = Number(process.env.STILLROOM_FUZZ_RUNS ?? rounds(300, 20_000))
  test(
    `reads or refuses ${RUNS} damaged ones, and ends`,
    async () => {
      const images = await Promise.all(RECORDED.map(recorded))
      let wasRead = 0
      const flips = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
        minLength: 1,
        maxLength: 8,
      })
      const damage = fc.tuple(fc.constantFrom(...images), flips, fc.boolean())
      await fc.assert(
        fc.asyncProperty(damage, async ([image, places, inTables]) => {
          const bytes = Buffer.from(image)
          const size = Number(bytes.readBigUInt64LE(40))
          const from = inTables ? Number(bytes.readBigUInt64LE(64)) : 0
          for (const [where, value] of places) bytes[from + Math.floor(where * (size - from - 1))] = value
          let steps = 0
          const step = () => {
            steps += 1
            if (steps > 16 * size) throw new Error(`more than ${16 * size} reads of ${size} bytes`)
          }
          await squashfsTree(bytes, step).then(
            () => {
              wasRead += 1
            },
            (error: unknown) => {
              if (!(error instanceof StillroomError)) throw error
              expect(error).toMatchObject({ code: 'IMAGE_INVALID' })
              expect(error.message).not.toMatch(/[^\P{C}\n]/u)
            },
          )
        }),
        { numRuns: RUNS, seed: 20_261_129 },
      )
      expect(wasRead).toBeGreaterThan(RUNS / 100)
    },
    60_000 + RUNS * 100,
  )
})

const tools = await execa('mksquashfs', ['-version'], { reject: false })
if (tools.exitCode !== 0) console.warn('skipped: trees as mksquashfs packs them, which is not installed')

describe.skipIf(tools.exitCode !== 0)('mksquashfs and unsquashfs', () => {
  test('make a bomb, which is not unpacked', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stillroom-squashfs-'))
    try {
      await mkdir(join(directory, 'tree'))
      await writeFile(join(directory, 'tree', 'zeros'), '')
      await truncate(join(directory, 'tree', 'zeros'), 1.5 * 1024 ** 3)
      const packed = join(directory, 'bomb.sqfs')
      await execa('mksquashfs', [join(directory, 'tree'), packed, '-b', '1048576', '-noappend', '-quiet'])
      expect(await refusal(await readFile(packed))).toMatch(/unpacks to more than 1032 times its size/)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }, 60_000)

  test('give the contents that are read', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stillroom-squashfs-'))
    const arbitrary = fc.dictionary(
      fc.stringMatching(/^[a-z][a-zA-Z0-9 é-]{0,40}$/),
      fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(400), fc.constantFrom('gzip', 'xz', 'zstd')),
      { minKeys: 1, maxKeys: 30 },
    )
    try {
      await fc.assert(
        fc.asyncProperty(arbitrary, async (files) => {
          const source = await mkdtemp(join(directory, 'tree-'))
          const wanted = Object.entries(files).map(([name, [bytes, times]]) => {
            return [name, Buffer.concat(Array.from({ length: times }, () => bytes))] as const
          })
          for (const [name, content] of wanted) await writeFile(join(source, name), content)
          const [, , compression] = Object.values(files)[0] as [unknown, unknown, string]
          const packed = `${source}.sqfs`
          await execa('mksquashfs', [
            source,
            packed,
            '-comp',
            compression,
            '-b',
            '8192',
            '-noappend',
            '-quiet',
          ])
          const tree = await read(await readFile(packed))
          expect(tree.count()).toBe(wanted.length + 1)
          for (const [name, content] of wanted)
            expect(tree.read(Buffer.from(name).toString('latin1')), name).toEqual(content)
          const { stdout } = await execa('unsquashfs', ['-lls', '-dest', '', packed])
          expect(stdout.split('\n').filter((line) => line.startsWith('-'))).toHaveLength(wanted.length)
        }),
        { numRuns: rounds(5, 100) },
      )
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }, 120_000)
})

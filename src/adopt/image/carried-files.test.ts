import { lstat, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { Inode } from '../../image/layer-entry.ts'
import { imageOf } from './adopt-in-memory.test-data.ts'
import { type CarriedFile, carriedFiles } from './carried-files.ts'
import { UNPACK } from './draft-image.ts'

/** Files of an image as they are carried. */
async function carriedOf(members: Parameters<typeof imageOf>[0]): Promise<CarriedFile[]> {
  const { tree } = await imageOf(members)
  return [...tree.files()].map(({ path, inode }) => ({
    path,
    inode,
    ...(inode.content && { content: inode.content }),
  }))
}

test('what is carried is put where it belongs, and what is to go goes, whatever the names are', async () => {
  const root = await mkdtemp(join(tmpdir(), 'stillroom-carried-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const long = `data/${'long/'.repeat(40)}name`
  const carried = await carriedOf([
    ['data/a b\\c $(x)', 'text'],
    ['data/-rf', 'text'],
    ['data/new\nline', 'text'],
    [long, 'text'],
    { name: 'data/program', content: '#!/bin/sh\n', mode: 0o4755 },
    { name: 'data/link', linkname: '../elsewhere', type: 'symlink' },
    { name: 'data/empty', type: 'directory', mode: 0o700 },
  ])
  const remove = ['doc/-f', 'doc/a  b ', 'doc/\\x', 'doc/', 'not/there']
  const copy = [{ path: 'data/copied/-c $(x)', from: 'doc/-f', inode: (carried[0] as CarriedFile).inode }]
  const files = carriedFiles(carried, { copy, remove, attributes: [] })
  for (const [path, content] of files) {
    await mkdir(dirname(join(root, 'opt', path)), { recursive: true })
    await writeFile(join(root, 'opt', path), content)
  }
  await mkdir(join(root, 'doc'))
  for (const path of remove.slice(0, 3)) await writeFile(join(root, path), 'of a package')
  // the script itself works on the root
  const script = UNPACK.replace('cd /\n', '')
    .replace(/^files=.*$/m, 'files=opt/files')
    .replaceAll('"/$path"', '"./$path"')
    .replace('"/$from"', '"./$from"')
    .replace('--same-owner', '--no-same-owner')
  await execa('sh', ['-eu', '-c', script], { cwd: root })
  expect(await readFile(join(root, 'data/a b\\c $(x)'), 'utf8')).toBe('text')
  expect(await readFile(join(root, 'data/copied/-c $(x)'), 'utf8')).toBe('of a package')
  expect(await readFile(join(root, 'data/-rf'), 'utf8')).toBe('text')
  expect(await readFile(join(root, 'data/new\nline'), 'utf8')).toBe('text')
  expect(await readFile(join(root, long), 'utf8')).toBe('text')
  expect((await lstat(join(root, 'data/program'))).mode & 0o7777).toBe(0o4755)
  expect((await lstat(join(root, 'data/empty'))).mode & 0o7777).toBe(0o700)
  expect(await readlink(join(root, 'data/link'))).toBe('../elsewhere')
  await expect(lstat(join(root, 'doc'))).rejects.toThrow()
  await expect(lstat(join(root, 'opt/files'))).rejects.toThrow()
})

test('the archive has owners, and is the same for the same files', async () => {
  const [file] = await carriedOf([['mine', 'text']])
  if (file === undefined) throw new Error('no file')
  const inode: Inode = { ...file.inode, uid: 1700, gid: 3_000_000, mtime: 1_700_000_000 }
  const none = { copy: [], remove: [] }
  const owned = { ...file, inode }
  const files = carriedFiles([owned], { ...none, attributes: [owned, { ...owned, path: 'two\nlines' }] })
  expect(files).toEqual(carriedFiles([owned], { ...none, attributes: [owned] }))
  expect(files.get('files/attributes.txt')?.toString()).toBe('0644 1700:3000000 mine\n')
  const { stdout } = await execa('tar', ['--list', '--verbose', '--numeric-owner', '--utc'], {
    input: files.get('files/carried.tar') ?? '',
  })
  expect(stdout.replaceAll(/\s+/g, ' ')).toBe('-rw-r--r-- 1700/3000000 4 2023-11-14 22:13 mine')
})

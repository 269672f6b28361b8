import { expect, test } from 'vitest'
import { FileTree } from '../image/file-tree.ts'
import type { MutableNode } from '../image/mutable-tree.test-data.ts'
import { parseTree } from '../image/parse-tree.ts'
import { treeText } from '../image/tree-digest.ts'
import { imageBase } from '../lock/small-lock.test-data.ts'
import { type ImageFile, ownFiles } from './own-files.ts'
import { audit, smallImage, withStep } from './small-image.test-data.ts'

const sum = (files: readonly { size: number }[]) => files.reduce((total, { size }) => total + size, 0)

test('every regular file is somebody’s, once, and the sizes are those that the audit counts', async () => {
  const small = await smallImage()
  const files = ownFiles(small.image, small.lock)
  const { account } = (await audit(small)).files
  expect(sum(files)).toBe(Object.values(account).reduce((total, { bytes }) => total + bytes, 0))
  expect(files).toHaveLength(Object.values(account).reduce((total, each) => total + each.files, 0))
  expect(new Set(files.map(({ path }) => path)).size).toBe(files.length)
  expect(files.filter(({ step }) => step === undefined)).toEqual([])
})

test('says package and step of a file, and of what is made why', async () => {
  const { image, lock } = await smallImage()
  const found = new Map(ownFiles(image, lock).map(({ path, size: _, ...file }) => [path, file]))
  expect(found.get('usr/bin/dpkg')).toEqual({ owner: 'deb/dpkg', step: 'base' })
  expect(found.get('usr/bin/python3.11')).toEqual({ owner: 'deb/python3', step: 'apt-1' })
  expect(found.get('usr/local/lib/python3.11/dist-packages/six.py')).toEqual({
    owner: 'pypi/six',
    step: 'pip-2',
  })
  expect(found.get('opt/tool/tool/run')).toEqual({ owner: 'git-3', step: 'git-3' })
  expect(found.get('opt/mesh/mesh/a.xml')).toEqual({ owner: 'file-4', step: 'file-4' })
  expect(found.get('opt/solver/main.py')).toEqual({ owner: 'project-5', step: 'project-5' })
  const pyc = '__pycache__/six.cpython-311.pyc'
  expect(found.get(`usr/local/lib/python3.11/dist-packages/${pyc}`)).toEqual({
    owner: 'pypi/six',
    step: 'pip-2',
    made: 'byte code',
  })
  // commands are the recipe's own: what they make is the step's
  expect(found.get('opt/result.txt')).toEqual({ owner: 'run-6', step: 'run-6' })
  expect(found.get('etc/shells')).toMatchObject({ step: 'base', made: 'login shells of the packages' })
})

test('a file with several names counts once', async () => {
  const small = await smallImage()
  const shared = { content: 'twice', isShared: true }
  const { image, lock } = await withStep(small, 6, { 'opt/a': shared })
  const opt = (image.tree.root as MutableNode).children?.get('opt')?.children
  const node = opt?.get('a')
  if (node === undefined) throw new Error('not made')
  opt?.set('b', node)
  const paths = ownFiles(image, lock).flatMap(({ path, size }) =>
    /^opt\/[ab]$/.test(path) ? [[path, size]] : [],
  )
  expect(paths).toEqual([['opt/a', 5]])
})

test('the locked tree alone has the same files, packages and byte code, but not what steps made', async () => {
  const { image, lock } = await smallImage()
  const tree = new FileTree(parseTree(treeText(image.tree.root)))
  const files = ownFiles(
    { ...image, tree, layers: [], inventory: { packages: [], problems: [] } },
    { ...lock, layers: 0 },
  )
  const whole = ownFiles(image, lock)
  expect(files.map(({ path, size }) => [path, size])).toEqual(whole.map(({ path, size }) => [path, size]))
  const found = new Map(files.map((file) => [file.path, file]))
  expect(found.get('usr/bin/dpkg')).toMatchObject({ owner: 'deb/dpkg', step: 'base' })
  expect(found.get('opt/result.txt')).toEqual({ path: 'opt/result.txt', size: 3 })
  const made = (each: ImageFile[]) => each.filter((file) => file.made === 'byte code').map(({ path }) => path)
  expect(made(files)).toEqual(made(whole))
})

test('of a base that was an image, packages own what they list', async () => {
  const { image, lock } = await smallImage()
  const inventory = [{ kind: 'deb', name: 'dpkg', version: '1.21.22' }]
  const base = { ...imageBase, inventory }
  const files = ownFiles(image, { ...lock, locked: { ...lock.locked, base } })
  const found = new Map(files.map((file) => [file.path, file]))
  expect(found.get('usr/bin/dpkg')).toMatchObject({ owner: 'deb/dpkg', step: 'base' })
  expect(found.get('etc/machine-id')).toMatchObject({ owner: 'base', step: 'base' })
})

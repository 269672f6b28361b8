import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Locate } from '../../sources/locate.ts'
import { openStore } from '../../store/store.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { findKept } from './find-kept.ts'

const FILE = 'cowsay-6.1-py3-none-any.whl'

test('findKept() finds what all indexes that have the file say it is, and nothing less certain', async () => {
  const store = await openStore(await temporaryDirectory())
  const { sha256, size } = await store.put(Buffer.from('a wheel'))
  const other = (await store.put(Buffer.from('another wheel'))).sha256
  const find = (...sums: (string | undefined)[]) => {
    const locate: Locate = async ({ origin }) => {
      expect(origin).toEqual({ kind: 'pypi', name: 'cowsay', file: FILE })
      return sums.map((sum) => ({
        ...{ url: `https://pypi.example.org/${FILE}`, label: 'index' },
        ...(sum ? { sha256: sum } : {}),
      }))
    }
    return findKept({ store }, locate)('cowsay', FILE)
  }
  expect(await find(sha256)).toEqual({ file: FILE, size, sha256 })
  expect(await find(sha256, sha256)).toEqual({ file: FILE, size, sha256 })
  expect(await find()).toBeUndefined()
  expect(await find(undefined)).toBeUndefined()
  expect(await find(sha256, undefined)).toBeUndefined()
  expect(await find(sha256, other)).toBeUndefined()
  expect(await find('0'.repeat(64))).toBeUndefined()
  const unreachable: Locate = () => Promise.reject(new Error('no network'))
  expect(await findKept({ store }, unreachable)('cowsay', FILE)).toBeUndefined()
  await store.discard(sha256)
  await writeFile(store.path(sha256), 'a whee1')
  expect(await find(sha256)).toBeUndefined()
})

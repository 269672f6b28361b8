import { readlink, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { builderPath } from './builder-path.ts'

test('builds one after the other come by one path, builds at the same time by another', async () => {
  const cache = await temporaryDirectory()
  const first = await builderPath({ cache }, '/contexts/a', 'hello')
  const meanwhile = await builderPath({ cache }, '/contexts/b', 'hello')
  const other = await builderPath({ cache }, '/contexts/c', 'fenics-tf')
  expect(new Set([first.path, meanwhile.path, other.path]).size).toBe(3)
  expect(await readlink(first.path)).toBe('/contexts/a')
  expect(await readlink(meanwhile.path)).toBe('/contexts/b')
  await first[Symbol.asyncDispose]()
  const next = await builderPath({ cache }, '/contexts/d', 'hello')
  expect(next.path).toBe(first.path)
  expect(await readlink(next.path)).toBe('/contexts/d')
  // who gave it back does not give back the next one's
  await first[Symbol.asyncDispose]()
  expect((await builderPath({ cache }, '/contexts/e', 'hello')).path).not.toBe(first.path)
})

test('a path of a process that was killed is nobody else’s', async () => {
  const cache = await temporaryDirectory()
  const { path, ...given } = await builderPath({ cache }, '/contexts/a', 'hello')
  await given[Symbol.asyncDispose]()
  await symlink('gone', `${path}.claim`)
  expect((await builderPath({ cache }, '/contexts/b', 'hello')).path).toBe(
    join(cache, 'builder-paths/hello-1'),
  )
})

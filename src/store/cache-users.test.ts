import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { emptyCache, useCache } from './cache-users.ts'

const MODULE = JSON.stringify(new URL('cache-users.ts', import.meta.url).href)
const signal = new AbortController().signal

async function makeCache(): Promise<string> {
  const cache = await mkdtemp(join(tmpdir(), 'stillroom-users-'))
  onTestFinished(() => rm(cache, { recursive: true, force: true }))
  return cache
}

/** Another process that uses the cache, as long as it is told to by its standard input. */
async function otherUser(cache: string) {
  const code = `const { useCache } = await import(${MODULE}); await useCache(${JSON.stringify(cache)}, new AbortController().signal, () => console.log('waits')); console.log('uses'); process.stdin.resume()`
  const child = execFile(process.execPath, ['--input-type=module', '--eval', code])
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const said = (word: string) =>
    new Promise<void>((resolve) => {
      const look = () => lines.includes(word) && resolve()
      child.stdout?.on('data', (data) => {
        lines.push(...String(data).trim().split('\n'))
        look()
      })
      look()
    })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  return { child, said, ended }
}

test('who empties is told of other processes that use the cache, until they end, also when killed', async () => {
  const cache = await makeCache()
  const [one, two] = [await otherUser(cache), await otherUser(cache)]
  await Promise.all([one.said('uses'), two.said('uses')])
  const during = await emptyCache(cache)
  expect(during.users.sort()).toEqual([one.child.pid, two.child.pid].sort())
  one.child.stdin?.end()
  two.child.kill('SIGKILL')
  await Promise.all([one.ended, two.ended])
  await using after = await emptyCache(cache)
  expect(after.users).toEqual([])
  expect(await readdir(join(cache, 'users'))).toHaveLength(1)
})

test('who comes while the cache is emptied waits until the end', async () => {
  const cache = await makeCache()
  const emptying = await emptyCache(cache)
  const user = await otherUser(cache)
  await user.said('waits')
  await emptying[Symbol.asyncDispose]()
  await user.said('uses')
})

test('who found users keeps nobody waiting', async () => {
  const cache = await makeCache()
  const user = await otherUser(cache)
  await user.said('uses')
  await emptyCache(cache)
  await useCache(cache, signal, () => expect.fail('waits'))
})

test('a process may count for none that uses the cache: others wait although it lives', async () => {
  const cache = await makeCache()
  const parent = await otherUser(cache)
  await parent.said('uses')
  const emptying = await emptyCache(cache, parent.child.pid)
  expect(emptying.users).toEqual([])
  const user = await otherUser(cache)
  await user.said('waits')
  await emptying[Symbol.asyncDispose]()
  await user.said('uses')
})

test('names of nobody count for nothing', async () => {
  const cache = await makeCache()
  await mkdir(join(cache, 'users'))
  await writeFile(join(cache, 'users', 'README.uses'), '')
  await using emptying = await emptyCache(cache)
  expect(emptying.users).toEqual([])
})

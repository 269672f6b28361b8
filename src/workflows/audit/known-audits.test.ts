import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { digestCode, knownClean, rememberClean } from './known-audits.ts'

test('a note of a clean audit is found for the same image and lock alone', async () => {
  const ports = { cache: await temporaryDirectory() }
  const pair = { id: `sha256:${'1'.repeat(64)}`, lock: '{}' }
  expect(await knownClean(ports, pair)).toBeUndefined()
  await rememberClean(ports, pair, {
    verdict: 'clean',
    trust: null,
    explainedShare: 1,
    findings: [],
    isKnown: false,
  })
  expect(await knownClean(ports, pair)).toMatchObject({ verdict: 'clean', explainedShare: 1, isKnown: true })
  expect(await knownClean(ports, { ...pair, lock: '{} ' })).toBeUndefined()
  expect(await knownClean(ports, { ...pair, id: `sha256:${'2'.repeat(64)}` })).toBeUndefined()
})

test('digestCode() is another when a module, its name or a version of what it uses is', async () => {
  const directory = await temporaryDirectory()
  const root = pathToFileURL(`${join(directory, 'dist')}/`)
  await mkdir(join(directory, 'dist/audit'), { recursive: true })
  await writeFile(join(directory, 'package.json'), '{"version": "1.0.0"}')
  await writeFile(join(directory, 'dist/audit/judge.js'), 'judge()')
  const digests = [await digestCode(root)]
  const changed = async (change: Promise<unknown>) => {
    await change
    digests.push(await digestCode(root))
  }
  await changed(appendFile(join(directory, 'dist/audit/judge.js'), ' '))
  await changed(rename(join(directory, 'dist/audit/judge.js'), join(directory, 'dist/audit/jury.js')))
  await changed(writeFile(join(directory, 'dist/more.js'), ''))
  await changed(appendFile(join(directory, 'package.json'), ' '))
  expect(new Set(digests).size).toBe(5)
  await appendFile(join(directory, 'dist/notes.txt'), 'x')
  expect(await digestCode(root)).toBe(digests.at(-1))
})

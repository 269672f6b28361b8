import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { claimEngine } from './support/claim-engine.ts'

test('of two runs of the tests, never both have an engine; that of a run that is gone is free', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-claims-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const script = `import { claimEngine } from ${JSON.stringify(new URL('support/claim-engine.ts', import.meta.url).href)}
    console.log((await claimEngine(process.argv[1])).isAlone)
    process.stdin.resume()`
  const other = spawn(process.execPath, ['--input-type=module', '--eval', script, directory])
  onTestFinished(() => void other.kill('SIGKILL'))
  const [said] = await once(other.stdout, 'data')
  expect(String(said)).toBe('true\n')

  const second = await claimEngine(directory)
  expect(second.isAlone).toBe(false)
  await second.release()
  other.kill('SIGKILL')
  await once(other, 'exit')
  const third = await claimEngine(directory)
  expect(third.isAlone).toBe(true)
  await third.release()
  expect(await readdir(directory)).toEqual([])
})

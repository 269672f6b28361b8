import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { connectEngine } from '../src/engine/connect.ts'
import { withContainer } from '../src/engine/container.ts'
import { readDebControl } from '../src/formats/deb/deb-control.ts'
import { parseControl } from '../src/formats/deb/deb822.ts'
import { parseLock } from '../src/lock/parse-lock.ts'
import type { LockedApt, LockedPlatform } from '../src/lock/schema.ts'
import type { AptStep } from '../src/recipe/schema.ts'
import { composeState } from '../src/resolve/apt/compose-state.ts'
import { openIndexes, resolveApt } from '../src/resolve/apt/resolve-apt.ts'
import type { FetchedIndex } from '../src/resolve/debian/fetch-indexes.ts'
import { defaultCacheDirectory } from '../src/store/cache-directory.ts'
import { openStore } from '../src/store/store.ts'
import { NIGHTLY, rounds } from './support/nightly.ts'
import { copyProject } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'

/** By name in the order of the file, without what no plan depends on: which files of a package are its settings. */
const read = (text: string) =>
  [...parseControl(text)].map((stanza) => {
    const { conffiles: _, ...fields } = Object.fromEntries(stanza)
    return fields
  })

test('what is composed for apt is what dpkg and apt-mark leave in an image', async () => {
  const directory = await copyProject('hello')
  const { exitCode, stderr } = await stillroom(directory, ['build', 'recipe', 'hello'])
  expect(exitCode, stderr).toBe(0)
  const cat = async (path: string) =>
    (await execa('docker', ['run', '--rm', '--entrypoint', 'cat', 'stillroom/hello', path])).stdout
  const image = {
    status: await cat('/var/lib/dpkg/status'),
    marks: await cat('/var/lib/apt/extended_states'),
  }

  const path = join(directory, 'recipes/hello/lock.json')
  const lock = parseLock(await readFile(path, 'utf8'), path)
  const { steps } = lock.platforms['linux/amd64'] as LockedPlatform
  const step = steps[0] as LockedApt
  const installed = new Set(step.packages.map(({ name }) => name))
  const base = image.status
    .split('\n\n')
    .filter((stanza) => !installed.has(/^Package: (.*)/.exec(stanza)?.[1] ?? ''))
    .join('\n\n')
  const store = await openStore(join(defaultCacheDirectory(process.env), 'store'))
  const controls = await Promise.all(
    step.packages.map(async ({ sha256, size, name }) => {
      await using file = await open(store.path(sha256))
      const read = async (offset: number, length: number) =>
        (await file.read(Buffer.alloc(length), 0, length, offset)).buffer
      return (await readDebControl(read, size, name)).control
    }),
  )
  const composed = composeState({ status: base, marks: '' }, [
    { controls, requested: ['python3', 'python3-pip'] },
  ])
  expect(controls.length).toBeGreaterThan(10)
  expect(read(composed.status)).toEqual(read(image.status))
  const byName = (text: string) => read(text).toSorted((a, b) => (`${a.package}` < `${b.package}` ? -1 : 1))
  expect(byName(composed.marks)).toEqual(byName(image.marks))
})

test('apt plans with the parts of indexes that it can come to as it does with all of them', async () => {
  const directory = await copyProject('hello')
  const path = join(directory, 'recipes/hello/lock.json')
  // locked anew, so that today's indexes are in the store
  await rm(path)
  for (const command of ['lock', 'build']) {
    const { exitCode, stderr } = await stillroom(directory, [command, 'recipe', 'hello'])
    expect(exitCode, stderr).toBe(0)
  }
  const { base } = parseLock(await readFile(path, 'utf8'), path).platforms['linux/amd64'] as LockedPlatform
  const store = await openStore(join(defaultCacheDirectory(process.env), 'store'))
  const read = (sha256: string) => readFile(store.path(sha256))
  const indexes = base.indexes.map(async (index): Promise<FetchedIndex> => {
    return { index, inRelease: await read(index.release), packages: await read(index.packages) }
  })
  const opened = openIndexes(await Promise.all(indexes))
  const { signal } = new AbortController()
  const container = { image: 'stillroom/hello', network: 'none' as const, user: '0', signal }

  await withContainer(await connectEngine(), container, async (sandbox) => {
    const installed = (await sandbox.run(['cat', '/var/lib/dpkg/status'])).stdout
    const asked = vi.spyOn(sandbox, 'run')
    const plan = async (step: AptStep, options: { installed?: string }) => {
      asked.mockClear()
      const locked = await resolveApt(step, opened, sandbox, options).catch((error: Error) => error.message)
      return { locked, asked: asked.mock.calls.length }
    }

    const steps = fc.record({
      kind: fc.constant('apt' as const),
      packages: fc.uniqueArray(fc.constantFrom(...opened.packages.keys()), { minLength: 1, maxLength: 8 }),
      recommends: fc.boolean(),
    })
    const law = fc.asyncProperty(steps, async (step) => {
      const parts = await plan(step, { installed })
      const all = await plan(step, {})
      expect(parts.locked).toEqual(all.locked)
    })
    await fc.assert(law, { numRuns: rounds(5, 60), endOnFailure: true, ...(NIGHTLY ? {} : { seed: 1 }) })

    const small: AptStep = { kind: 'apt', packages: ['jq'], recommends: false }
    expect(await plan(small, { installed })).toMatchObject({ asked: 1, locked: { kind: 'apt' } })
    // what apt does about something that is broken depends on all packages, so it is asked again, as it may have to be above
    const step: AptStep = { kind: 'apt', packages: ['systemd-sysv', 'sysvinit-core'], recommends: false }
    const parts = await plan(step, { installed })
    expect(parts).toEqual({ locked: (await plan(step, {})).locked, asked: 2 })
    expect(parts.locked).toMatch(/systemd-sysv : Conflicts: sysvinit-core/)
  })
})

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { machineLacks } from '../src/engine/private/private-engine.ts'
import { fetchRootPackages } from '../src/engine/private/root-packages.ts'
import { NIGHTLY } from './support/nightly.ts'
import { stillroom } from './support/stillroom.ts'

/** Not below /tmp, which may be in memory. */
async function directoryOnDisk(): Promise<string> {
  const directory = await mkdtemp('/var/tmp/stillroom-root-')
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test("an engine's root file system is made of packages as they are, of all that they need, Debian's own first", async () => {
  const directory = await directoryOnDisk()
  await fetchRootPackages(directory, ['git'], new AbortController().signal)
  const lines = (await readFile(join(directory, 'list'), 'utf8')).trim().split('\n')
  const listed = lines.map((line) => line.split(' ') as [string, string, string])
  const kinds = new Map(listed.map(([kind, name]) => [name, kind]))
  expect(Object.fromEntries(kinds)).toMatchObject({ dpkg: 'base', apt: 'base', mount: 'base', git: 'more' })
  expect(kinds.size).toBe(lines.length)
  const names = await Promise.all(
    listed.map(async ([, , path]) => (await execa('dpkg-deb', ['--field', path, 'Package'])).stdout),
  )
  expect(names).toEqual(listed.map(([, name]) => name))
  expect(await readFile(join(directory, 'mirror'), 'utf8')).toMatch(/^(https?|file):.*\n$/)
})

const lacks = await machineLacks(process.env)
if (!NIGHTLY) console.warn("skipped: engines' root file systems made by debootstrap, at night")
else if (lacks.length > 0) console.warn(`skipped: private engines: this machine lacks ${lacks.join(', ')}`)

test.skipIf(!NIGHTLY || lacks.length > 0)(
  'where its packages cannot be had, debootstrap makes the same one',
  async () => {
    const cache = await directoryOnDisk()
    const root = join(import.meta.dirname, '..')
    const own = { ...process.env, STILLROOM_CACHE: cache, STILLROOM_ENGINE: 'private' }
    const installed = async () => {
      const [name] = (await readdir(join(cache, 'engine'))).filter((each) => each.startsWith('root.'))
      const status = await readFile(join(cache, 'engine', name as string, 'var/lib/dpkg/status'), 'utf8')
      return [...status.matchAll(/^Package: (.*)\nStatus: install ok installed$/gm)].map(([, found]) => found)
    }
    const up = async (env: Record<string, string | undefined>) => {
      await rm(join(cache, 'engine'), { recursive: true, force: true })
      const outcome = await stillroom(root, ['engine', 'up'], { env })
      expect(outcome.exitCode, outcome.stderr).toBe(0)
      const packages = await installed()
      const down = await stillroom(root, ['engine', 'down', '--purge'], { env })
      expect(down.exitCode, down.stderr).toBe(0)
      return { said: outcome.stderr, packages }
    }
    const first = await up(own)
    expect(first.said).not.toContain('debootstrap')
    const second = await up({ ...own, STILLROOM_DEBIAN: 'http://127.0.0.1:9/debian' })
    expect(second.said).toContain('debootstrap is asked instead')
    expect(second.packages.toSorted()).toEqual(first.packages.toSorted())
    expect(first.packages).toContain('docker.io')
  },
)

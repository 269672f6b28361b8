import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connectEngine } from '../src/engine/connect.ts'
import { withContainer } from '../src/engine/container.ts'
import { parseLock } from '../src/lock/parse-lock.ts'
import { constraintsOf } from '../src/lock/plan-lock.ts'
import type { LockedApt } from '../src/lock/schema.ts'
import { createGet } from '../src/net/http-get.ts'
import { openIndexes, resolveApt } from '../src/resolve/apt/resolve-apt.ts'
import { fetchIndexes } from '../src/resolve/debian/fetch-indexes.ts'
import { relaxConstraints } from '../src/resolve/relax-constraints.ts'
import { copyProject } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'
import { startAptArchive } from './world/apt-archive.ts'
import { makeDeb } from './world/make-deb.ts'

describe('lock recipe --upgrade PACKAGE', () => {
  test('moves a Python package and what must move with it, and nothing else', async () => {
    const directory = await copyProject('hello')
    const recipe = join(directory, 'recipes/hello/recipe.ts')
    const written = await readFile(recipe, 'utf8')
    const ask = (requirements: string[]) =>
      writeFile(recipe, written.replace(/pip\(\[.*?\]\)/, `pip(${JSON.stringify(requirements)})`))
    const versions = async () => {
      const path = join(directory, 'recipes/hello/lock.json')
      const steps = parseLock(await readFile(path, 'utf8'), path).platforms['linux/amd64']?.steps ?? []
      const files = steps.flatMap((step) => (step.kind === 'pip' ? step.files : []))
      return Object.fromEntries(files.map(({ name, version }) => [name, version]))
    }
    const lock = async (...args: string[]) => {
      const outcome = await stillroom(directory, ['lock', 'recipe', 'hello', ...args])
      expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 })
      return outcome
    }
    await ask(['jsonschema==4.17.3', 'attrs==17.4.0', 'idna==3.4'])
    await lock()
    const old = await versions()
    expect(old).toMatchObject({ jsonschema: '4.17.3', attrs: '17.4.0', idna: '3.4' })

    // the recipe is loosened: nothing has to move, so nothing does
    await ask(['jsonschema', 'attrs', 'idna'])
    await lock()
    expect(await versions()).toEqual(old)

    // a new jsonschema needs a new attrs
    const { stderr } = await lock('--upgrade', 'pip:jsonschema')
    const { jsonschema, attrs, idna, pyrsistent, referencing } = await versions()
    expect(jsonschema).not.toBe('4.17.3')
    expect(attrs).not.toBe('17.4.0')
    expect(idna).toBe('3.4')
    expect([pyrsistent, typeof referencing]).toEqual([undefined, 'string'])
    expect(stderr).toMatch(/these packages must change version: .*attrs/)
  })

  test('names what no step has, and writes nothing', async () => {
    const directory = await copyProject('hello')
    const path = join(directory, 'recipes/hello/lock.json')
    const before = await readFile(path, 'utf8')
    const args = ['lock', 'recipe', 'hello', '--upgrade', 'nobody', 'apt:dash']
    const { exitCode, stderr } = await stillroom(directory, args)
    expect(exitCode).toBe(2)
    expect(stderr).toContain('nobody, apt:dash')
    expect(stderr).toContain('apt:dash belongs to the base, which moves as a whole')
    expect(await readFile(path, 'utf8')).toBe(before)
  })
})

test('an apt package moves with what it needs; the others stay, though newer ones are there', async () => {
  const old = [
    await makeDeb({ name: 'still-a', version: '1', depends: 'still-b' }),
    await makeDeb({ name: 'still-b', version: '1' }),
    await makeDeb({ name: 'still-c', version: '1' }),
  ]
  const fresh = [
    await makeDeb({ name: 'still-a', version: '2', depends: 'still-b (>= 2)' }),
    await makeDeb({ name: 'still-b', version: '2' }),
    await makeDeb({ name: 'still-c', version: '2' }),
  ]
  const suites = (debs: typeof old) => ({
    'debian bookworm': debs,
    'debian bookworm-updates': [],
    'debian-security bookworm-security': [],
  })
  const archive = await startAptArchive([
    { date: new Date('2026-02-01T00:00:00Z'), suites: suites(old) },
    { date: new Date('2026-03-01T00:00:00Z'), suites: suites(fresh) },
  ])
  onTestFinished(() => archive.close())
  const sources = { debian: [`${archive.url}/debian`], 'debian-security': [`${archive.url}/debian-security`] }
  const options = {
    get: createGet({ signal: new AbortController().signal }),
    sources,
    keys: [archive.key],
    now: new Date('2026-03-02T00:00:00Z'),
  }
  const first = await fetchIndexes(
    { suite: 'bookworm' },
    { ...options, now: new Date('2026-02-02T00:00:00Z') },
  )
  archive.show(1)
  const both = [...first, ...(await fetchIndexes({ suite: 'bookworm' }, options))]

  const directory = await copyProject('hello')
  expect((await stillroom(directory, ['build', 'recipe', 'hello'])).exitCode).toBe(0)
  const engine = await connectEngine()
  const { signal } = new AbortController()
  const step = { kind: 'apt' as const, packages: ['still-a', 'still-c'], recommends: false }
  const container = { image: 'stillroom/hello', network: 'none' as const, user: '0', signal }
  const resolve = (indexes: typeof both, kept: readonly { name: string; version: string }[]) =>
    withContainer(engine, container, (sandbox) =>
      resolveApt(step, openIndexes(indexes), sandbox, { stay: kept }),
    )
  const versions = ({ packages }: LockedApt) =>
    Object.fromEntries(packages.map(({ name, version }) => [name, version]))

  const locked = await resolve(first, [])
  expect(versions(locked)).toEqual({ 'still-a': '1', 'still-b': '1', 'still-c': '1' })
  const released: string[] = []
  const moved = await relaxConstraints(
    constraintsOf(locked, new Set(['still-a'])).stay,
    (kept) => resolve(both, kept),
    (names) => released.push(...names),
  )
  expect(versions(moved)).toEqual({ 'still-a': '2', 'still-b': '2', 'still-c': '1' })
  expect(released).toEqual(['still-b'])
  // and by itself, nothing moves
  expect(versions(await resolve(both, constraintsOf(locked, undefined).stay))).toEqual(versions(locked))
})

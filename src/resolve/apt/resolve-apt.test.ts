import { describe, expect, test } from 'vitest'
import type { FetchedIndex } from '../debian/fetch-indexes.ts'
import { readRecorded, replay, SUITES } from '../recorded-sandbox.fixture.ts'
import { openIndexes, resolveApt } from './resolve-apt.ts'

const VERSIONS = { bullseye: '1.6-2.1+deb11u', bookworm: '1.6-2.1+deb12u', trixie: '1.7.1-6+deb13u' }

describe.each(SUITES)('resolveApt() by the apt of %s', async (suite) => {
  const recorded = await readRecorded('apt', suite)
  const fetched = recorded.indexes.map(({ index, packages }): FetchedIndex => {
    return { index, inRelease: Buffer.from(`signed ${index.suite}`), packages: Buffer.from(packages) }
  })
  const indexes = openIndexes(fetched)
  const step = (...packages: string[]) => ({ kind: 'apt' as const, packages, recommends: false })
  const sandbox = (scenario: string) => replay(recorded.scenarios[scenario])

  test('locks what apt plans, as the verified indexes have it, in the order of its work', async () => {
    const container = sandbox('one package with what it needs')
    const locked = await resolveApt(step('jq'), indexes, container)
    expect(locked.packages.map(({ name }) => name)).toEqual(['libonig5', 'libjq1', 'jq'])
    expect(locked.order).toEqual(['unpack libonig5 libjq1 jq', 'configure libonig5 libjq1 jq'])
    const jq = locked.packages[2]
    expect(jq?.version).toContain(VERSIONS[suite])
    const entry = recorded.indexes.flatMap(({ packages }) => packages.split('\n\n'))
    const stanza = entry.find((text) => text.includes(`Package: jq\nVersion: ${jq?.version}\n`))
    expect(stanza).toContain(`Filename: ${jq?.path}\nSize: ${jq?.size}\nSHA256: ${jq?.sha256}`)
    expect(container.left()).toBe(0)
  })

  test('gives apt the verified indexes as its lists, and the versions that stay', async () => {
    const container = sandbox('one package with what it needs')
    await resolveApt(step('jq'), indexes, container, { stay: [{ name: 'libonig5', version: '1' }] })
    const { written, environments } = container
    expect(written.get('/stillroom/preferences')).toBe(
      'Package: libonig5\nPin: version 1\nPin-Priority: 1001\n',
    )
    const lists = [...written].filter(
      ([path]) => path.startsWith('/stillroom/lists/') && !path.endsWith('.keep'),
    )
    expect(lists.map(([, content]) => content)).toEqual(
      recorded.indexes.flatMap(({ index, packages }) => [`signed ${index.suite}`, packages]),
    )
    const sources = written.get('/stillroom/sources.list')?.trim().split('\n')
    expect(sources).toHaveLength(recorded.indexes.length)
    expect(environments).toEqual([{ LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }])
  })

  test("reports a conflict in apt's words, and the packages to blame", async () => {
    const container = sandbox('packages that conflict')
    const wanted = step('systemd-sysv', 'sysvinit-core')
    await expect(resolveApt(wanted, indexes, container)).rejects.toMatchObject({
      code: 'APT_UNRESOLVABLE',
      message: expect.stringMatching(/unmet dependencies[\s\S]*systemd-sysv : Conflicts: sysvinit-core/),
      details: { blamed: expect.arrayContaining(['sysvinit-core']) },
    })
  })

  test('refuses a version that no verified index has', async () => {
    const others = fetched.map((index) => {
      return {
        ...index,
        packages: Buffer.from(index.packages.toString().replace(/^Version: .*$/gm, 'Version: 0')),
      }
    })
    const container = sandbox('one package with what it needs')
    await expect(resolveApt(step('jq'), openIndexes(others), container)).rejects.toMatchObject({
      code: 'INDEX_INVALID',
    })
  })
})

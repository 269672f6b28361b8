import { readFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { readPylock } from './pylock.ts'
import { parseRequirement, withoutHashes } from './requirement.ts'
import { readUvLock } from './uv-lock.ts'

/** Made by uv 0.13 of a project with an extra and a group, for Linux and Windows; the index is called otherwise. */
const recorded = (name: string) =>
  parse(readFileSync(new URL(`recorded/${name}`, import.meta.url), 'utf8')) as Record<string, unknown>
const bare = (texts: readonly string[]) => texts.map(withoutHashes)
const HASH = 'ab'.repeat(32)
const MAIN = { registry: 'https://index.example.org/simple' }
const CPU = { registry: 'https://index.example.org/whl/cpu' }
const file = { hash: `sha256:${HASH}` }
const uv = (dependencies: object[], ...packages: object[]) => ({
  version: 1,
  package: [
    { name: 'solver', version: '0.1', source: { editable: '.' }, dependencies },
    ...['x', 'y', 'z'].map((name) => ({ name, version: '1', source: MAIN, wheels: [file] })),
    ...packages,
  ],
})

describe('readUvLock()', () => {
  test('asks for what the project depends on, and holds every version with its hashes', () => {
    const { requirements, constraints, indexes, problems } = readUvLock(recorded('uv.lock'))
    expect(problems).toEqual([])
    expect(indexes).toEqual({})
    expect(requirements).toEqual([
      "colorama ; sys_platform == 'win32'",
      'httpx[socks]',
      "iniconfig==2.1.0 ; python_full_version < '3.10'",
      "iniconfig==2.3.1 ; python_full_version >= '3.10'",
      "tomli ; python_full_version < '3.11'",
    ])
    expect(bare(constraints)).toContain('h11==0.16.0')
    expect(bare(constraints).filter((text) => text.startsWith('anyio'))).toEqual([
      expect.stringMatching(/^anyio==4\.12\.1 ; \(python_full_version < '3\.10' and .*\) or \(.*\)$/),
      expect.stringMatching(/^anyio==4\.16\.0 ; \(python_full_version >= '3\.10' and /),
    ])
    for (const text of constraints) expect(parseRequirement(text)?.hashes.length, text).toBeGreaterThan(0)
  })

  test('takes extras and groups that are asked for, and names those that are not there', () => {
    const { requirements } = readUvLock(recorded('uv.lock'), { extras: ['plot'], groups: ['dev'] })
    expect(requirements).toEqual(
      expect.arrayContaining(['cycler', "pluggy==1.7.0 ; python_full_version >= '3.10'"]),
    )
    expect(readUvLock(recorded('uv.lock'), { extras: ['all'], groups: ['plot'] }).problems).toEqual([
      '"solver" has no extra "all"',
      '"solver" has no group "plot"',
    ])
  })

  test('names the index of what comes from another one, also further down', () => {
    const torch = {
      name: 'torch',
      version: '2.4.1+cpu',
      source: CPU,
      wheels: [file],
      dependencies: [{ name: 'triton' }],
    }
    const triton = { name: 'triton', version: '3.0', source: CPU, wheels: [file] }
    const unused = { name: 'unused', version: '3.0', source: CPU, wheels: [file] }
    const lock = readUvLock(uv([{ name: 'torch' }], torch, triton, unused))
    expect(lock).toMatchObject({
      requirements: ['torch==2.4.1+cpu', 'triton==3.0'],
      indexes: { torch: CPU.registry, triton: CPU.registry },
      problems: [],
    })
    expect(lock.indexes).not.toHaveProperty('unused')
  })

  test('takes an address as it is', () => {
    const tool = {
      name: 'tool',
      version: '1',
      source: { url: 'https://example.org/tool-1.zip' },
      sdist: file,
    }
    expect(readUvLock(uv([{ name: 'tool' }], tool))).toMatchObject({
      requirements: ['tool @ https://example.org/tool-1.zip'],
      constraints: expect.arrayContaining([`tool --hash=sha256:${HASH}`]),
    })
  })

  test.each([
    [
      'a repository',
      uv([{ name: 'a' }], { name: 'a', version: '1', source: { git: 'https://example.org/a?rev=1#0' } }),
      /place it by a step/,
    ],
    [
      'a directory',
      uv([{ name: 'a' }], { name: 'a', version: '1', source: { editable: 'libs/a' } }),
      /libs\/a/,
    ],
    [
      'extras in conflict',
      uv([{ name: 'x', marker: "extra == 'extra-6-solver-cpu'" }]),
      /conflicting extras/,
    ],
    ['what is not listed', uv([{ name: 'nobody' }]), /not among the packages/],
    ['another version', { version: 2, package: [] }, /version 1: version/],
    ['no project', { version: 1, package: [] }, /found 0/],
  ])('refuses %s', (_, lock, reason) => {
    expect(readUvLock(lock).problems).toEqual([expect.stringMatching(reason)])
  })
})

describe('readPylock()', () => {
  test('asks for every package in its version, as one of its files', () => {
    const { requirements, constraints, problems } = readPylock(recorded('pylock.toml'))
    expect([constraints, problems]).toEqual([[], []])
    expect(bare(requirements)).toContain("colorama==0.4.6 ; sys_platform == 'win32'")
    for (const text of requirements) expect(parseRequirement(text)?.hashes.length, text).toBeGreaterThan(0)
  })

  const pylock = (...packages: object[]) => ({
    'lock-version': '1.0',
    extras: ['plot'],
    'dependency-groups': ['dev'],
    'default-groups': ['main'],
    packages: packages.map((each) => ({ version: '1', wheels: [{ hashes: { sha256: HASH } }], ...each })),
  })

  test.each([
    [
      { extras: ['plot'] },
      'python_version >= \'2\' and os_name == "posix"',
      "python_version < '2'",
      "python_version >= '2'",
    ],
    [
      { groups: ['dev'] },
      'python_version < \'2\' and os_name == "posix"',
      "python_version >= '2'",
      "python_version < '2'",
    ],
  ])('decides which extras and groups hold: %j', (selection, a, b, c) => {
    const lock = pylock(
      { name: 'a', marker: '\'plot\' in extras and os_name == "posix"' },
      { name: 'b', marker: "'dev' in dependency_groups" },
      { name: 'c', marker: '"main" in dependency_groups' },
    )
    expect(bare(readPylock(lock, selection).requirements)).toEqual([
      `a==1 ; ${a}`,
      `b==1 ; ${b}`,
      `c==1 ; ${c}`,
    ])
  })

  test('takes addresses, and indexes that few packages come from', () => {
    const archive = { url: 'https://example.org/d.zip', hashes: { sha256: HASH } }
    const [main, index] = ['https://index.example.org/simple', 'https://index.example.org/cpu']
    const lock = pylock(
      { name: 'a', index: main },
      { name: 'b', index: main },
      { name: 'C', index },
      { name: 'd', archive, wheels: undefined },
    )
    const read = readPylock(lock)
    expect(bare(read.requirements)).toEqual(['a==1', 'b==1', 'C==1', 'd @ https://example.org/d.zip'])
    expect(read).toMatchObject({ indexes: { c: index }, problems: [] })
  })

  test.each([
    ['a repository', pylock({ name: 'a', vcs: { url: 'https://example.org/a' } }), /place it by a step/],
    ['a directory', pylock({ name: 'a', directory: { path: 'a' } }), /place it by a step/],
    ['no sha256', pylock({ name: 'a', wheels: [{ hashes: { md5: '00' } }] }), /no sha256/],
    ['another version', { 'lock-version': '2.0', packages: [] }, /lock-version: expected "1.0"/],
  ])('refuses %s', (_, lock, reason) => {
    expect(readPylock(lock).problems).toEqual([expect.stringMatching(reason)])
  })
})

import { parse } from 'smol-toml'
import { expect, test } from 'vitest'
import { readPylock } from '../formats/python/pylock.ts'
import { smallLock } from '../lock/small-lock.test-data.ts'
import { renderPylock } from './pylock.ts'

const locked = structuredClone(smallLock.platforms['linux/amd64'] ?? expect.unreachable())
const HASH = 'cd'.repeat(32)
const file = (name: string, rest: object) => ({ name, version: '1!2.0+x', size: 3, sha256: HASH, ...rest })
locked.steps.push({
  kind: 'pip',
  pip: '23.0.1',
  files: [
    { ...file('tool', { url: 'https://example.org/tool.zip' }), file: 'tool-2.0.zip' },
    { ...file('torch', { index: 'https://index.example.org/cpu' }), file: 'torch-2.0-py3-none-any.whl' },
    // a later step's version is the one that is there
    { ...file('six', {}), file: 'six-2.0-py3-none-any.whl' },
  ],
  build: {},
  provided: [],
  local: [],
} as never)

test('renderPylock() writes what readPylock() reads back: each project once, as the last step leaves it', () => {
  const text = renderPylock(locked, new Map([[HASH, 'https://example.org/a"b.whl']]), 'small')
  const toml = parse(text) as { packages: object[] }
  expect(toml).toMatchObject({ 'lock-version': '1.0', 'created-by': 'stillroom' })
  expect(toml.packages).toContainEqual({
    name: 'torch',
    version: '1!2.0+x',
    index: 'https://index.example.org/cpu',
    wheels: [
      {
        name: 'torch-2.0-py3-none-any.whl',
        url: 'https://example.org/a"b.whl',
        size: 3,
        hashes: { sha256: HASH },
      },
    ],
  })
  const { requirements, indexes, problems } = readPylock(toml)
  expect(problems).toEqual([])
  expect(indexes).toEqual({})
  expect(requirements).toEqual([
    expect.stringMatching(/^docopt==\S+ --hash=sha256:[0-9a-f]{64}$/),
    `six==1!2.0+x --hash=sha256:${HASH}`,
    `tool @ https://example.org/a"b.whl --hash=sha256:${HASH}`,
    `torch==1!2.0+x --hash=sha256:${HASH}`,
  ])
  expect(text).toContain('# Not among it, as it is installed from directories: ')
})

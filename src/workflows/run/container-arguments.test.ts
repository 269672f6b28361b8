import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  awaitedPorts,
  environment,
  gpusOf,
  instanceName,
  mounts,
  publishedPorts,
} from './container-arguments.ts'

const USAGE = expect.objectContaining({ code: 'USAGE' })

test('mounts() counts from the working directory, and takes absolute places alone', () => {
  expect(mounts(['data:/data:ro', '/a b/c:/d', 'C:/x:/y/'], '/home/ann')).toEqual([
    { source: '/home/ann/data', target: '/data', readOnly: true },
    { source: '/a b/c', target: '/d', readOnly: false },
    { source: '/home/ann/C:/x', target: '/y', readOnly: false },
  ])
})

test.each([
  ['data'],
  ['data:'],
  [':/data'],
  ['data:data'],
  ['data:/'],
  ['data:/a/../b'],
  ['data:/data:rx'],
  ['data:/run/stillroom'],
  ['a:/data', 'b:/data'],
])('mounts(%j) is wrong usage', (...texts) =>
  expect(() => mounts(texts, '/home/ann')).toThrow(expect.objectContaining({ code: 'USAGE' })),
)

test('gpusOf(), instanceName(), awaitedPorts() and publishedPorts() refuse what they do not know', () => {
  expect([gpusOf(undefined), gpusOf('all'), gpusOf('2'), gpusOf('device=0,GPU-1f')]).toEqual([
    undefined,
    'all',
    '2',
    'device=0,GPU-1f',
  ])
  for (const text of ['0', 'some', 'device=', '-1']) expect(() => gpusOf(text)).toThrow(USAGE)
  expect(instanceName('b-2')).toBe('b-2')
  for (const text of ['', 'B', 'a--b', '-a', 'a/b', 'a'.repeat(33)])
    expect(() => instanceName(text)).toThrow(USAGE)
  expect(awaitedPorts(['80', 'db:5432'])).toEqual([
    { host: 'localhost', port: 80 },
    { host: 'db', port: 5432 },
  ])
  for (const text of ['0', '65536', 'db', 'a b:1']) expect(() => awaitedPorts([text])).toThrow(USAGE)
  expect(() => publishedPorts(['80', 'eighty'])).toThrow(USAGE)
})

async function envFile(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-env-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'env'), text)
  return join(directory, 'env')
}

test('environment() reads files as docker does, and what is given by itself wins', async () => {
  const file = await envFile(
    '\uFEFF# comment\n\nA=1\r\n  B = two words \nQUOTED="x" # y\nHERE\nGONE\nEMPTY=\nA.B=c=d\n'.replace(
      'B =',
      'B=',
    ),
  )
  const found = await environment(['A=2', 'TERM', 'NONE'], [file], { HERE: 'here', TERM: 'vt' })
  expect(found).toEqual({
    A: '2',
    B: ' two words ',
    QUOTED: '"x" # y',
    HERE: 'here',
    EMPTY: '',
    'A.B': 'c=d',
    TERM: 'vt',
  })
})

test('environment() names the line that is wrong, and no value', async () => {
  const file = await envFile('A=1\nexport SECRET=swordfish\n')
  const error = await environment([], [file], {}).catch((thrown: Error) => thrown)
  expect(error).toMatchObject({ code: 'USAGE', message: expect.stringContaining(`${file}:2: `) })
  expect(JSON.stringify(error)).not.toContain('swordfish')
  await expect(environment(['=x'], [], {})).rejects.toThrow(USAGE)
  await expect(environment([], [`${file}.none`], {})).rejects.toThrow(/ENOENT/)
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

test('a build with the repository as its context takes sources, recipes and build contexts, and nothing else', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-context-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const tar = join(directory, 'context.tar')
  const output = `type=tar,dest=${tar}`
  await execa('docker', ['buildx', 'build', '--file', '-', '--output', output, ROOT], {
    input: 'FROM scratch\nCOPY . /\n',
  })
  const paths = (await execa('tar', ['-tf', tar])).stdout.split('\n')
  const top = new Set(paths.map((path) => path.split('/')[0]))
  expect([...top].sort()).toEqual(
    [
      ...['.npmrc', 'bin', 'generated', 'package-lock.json', 'package.json', 'recipes', 'scripts', 'src'],
      ...['tsconfig.build.json', 'tsconfig.json'],
    ].sort(),
  )
  expect(paths).toContain('recipes/hello/lock.json')
  expect(paths).toContain('generated/hello/Dockerfile')
  expect(paths.filter((path) => path.includes('/artifacts/'))).toEqual([])
})

import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { privateEngine } from '../src/engine/private/private-engine.ts'
import { smallLock, smallRecipe } from '../src/lock/small-lock.test-data.ts'
import { citationFile } from '../src/report/deposit/citation.ts'
import { sourceIds } from '../src/report/deposit/deposit-facts.ts'
import { roCrate } from '../src/report/deposit/ro-crate.ts'
import { defaultCacheDirectory } from '../src/store/cache-directory.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import type { DepositResult } from '../src/workflows/deposit/deposit-recipe.ts'
import { getCrateValidator } from './support/crate-validator.ts'
import { canHaveEngines } from './support/engine.ts'
import { NIGHTLY } from './support/nightly.ts'
import { copyProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { canHaveValidators } from './support/validators.ts'

/** What a page has to be typed, in order. */
const typed = (page: string) => [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text)

async function deposited(...args: string[]): Promise<{ directory: string; result: DepositResult }> {
  const project = await copyProject('hello')
  await stillroomJson(project, ['build', 'recipe', 'hello'])
  const words = ['deposit', 'recipe', 'hello', 'deposit', ...args]
  const result = await stillroomJson<DepositResult>(project, words)
  expect(result).toMatchObject({ recipe: 'hello', directory: 'deposit' })
  return { directory: join(project, 'deposit'), result }
}

test('a stranger who follows the README of a deposit gets the image, and builds it again', async () => {
  const { directory, result } = await deposited('--no-sif')
  onTestFinished(async () => {
    await execa('docker', ['image', 'rm', '--force', 'rebuilt/hello'])
  })
  const stranger = await mkdtemp(join(tmpdir(), 'stillroom-stranger-'))
  onTestFinished(() => rm(stranger, { recursive: true, force: true }))
  await execa('cp', ['-r', directory, stranger])
  const script = typed(await readFile(join(directory, 'README.md'), 'utf8'))
    .join('\n')
    // nobody types into it
    .replace('docker run --rm -it', 'docker run --rm')
  await writeFile(join(stranger, 'typed.sh'), script)
  const stdout = await typedElsewhere(stranger)
  expect(stdout).toContain('lock.json: OK')
  expect(stdout).toContain('The same bytes, years later')
  expect(stdout.trim().split('\n').at(-1)).toBe(result.image)
})

/**
 * What typed.sh prints in a root file system that has docker, git and a shell, and neither stillroom nor a network: that of the
 * machine's engines, with the socket of the engine. Where there can be none it is typed on this machine.
 */
async function typedElsewhere(directory: string): Promise<string> {
  const { root } = privateEngine(defaultCacheDirectory(process.env))
  const socket = /^unix:(?:\/\/)?(\/.*)$/.exec(process.env.DOCKER_HOST ?? '')?.[1]
  if (!existsSync(root) || socket === undefined || (await canHaveEngines()) !== true) {
    console.warn('typed on this machine: it has no root file system of a private engine')
    return (await execa('sh', ['-eu', '../typed.sh'], { cwd: join(directory, 'deposit') })).stdout
  }
  const words = ['--mount', '--net', '--propagation', 'private', 'sh', '-euc', ENTER, 'sh']
  return (await execa('unshare', [...words, root, directory, socket], { stdin: 'ignore' })).stdout
}

const ENTER = `
mount --rbind "$1" "$1"
cd "$1"
mount -o remount,bind,ro .
mount -t proc proc proc
mount --bind /dev dev
mount -t tmpfs tmpfs tmp
mkdir tmp/stranger
mount --bind "$2" tmp/stranger
touch tmp/docker.sock
mount --bind "$3" tmp/docker.sock
exec chroot . env -i HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin DOCKER_HOST=unix:///tmp/docker.sock \\
  sh -euc 'git --version; ! command -v node; cd /tmp/stranger/deposit; exec sh -eu ../typed.sh'
`

test('a directory that has something in it is left as it is', async () => {
  const project = await copyProject('hello')
  await writeFile(join(project, 'file'), 'mine')
  const { exitCode, stderr } = await stillroom(project, ['deposit', 'recipe', 'hello', '.'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('there is something in . already')
  expect(await readFile(join(project, 'file'), 'utf8')).toBe('mine')
})

const able = NIGHTLY ? await canHaveValidators() : 'it is left to the nightly tests'
if (able !== true) console.warn(`skipped: deposits against validators of others, since ${able}`)

/** All that a validator recommends to say. */
const SAID = {
  authors: [
    {
      ...{ name: 'Lovelace, Ada', orcid: '0000-0002-1825-0097', email: 'ada@example.org' },
      affiliation: 'Analytical Engines',
    },
  ],
  publisher: { name: 'Analytical Engines', url: 'https://ror.org/03f0f6041', email: 'ask@example.org' },
  license: 'MIT',
  doi: '10.5281/zenodo.1234567',
}

test.skipIf(able !== true)('a deposit is the same each time, and sound to validators of others', async () => {
  const [one, other] = [await deposited(), await deposited()]
  expect(one.result.files).toEqual(other.result.files)
  expect(await readdir(one.directory)).toContain('hello.sif')
  const validator = await getCrateValidator()
  expect(await validator.crate(one.directory)).toEqual([
    // hello has neither authors nor a licence
    expect.stringContaining('SHOULD have a `publisher`'),
    expect.stringContaining('A License entity SHOULD'),
  ])
  await validator.citation(join(one.directory, 'CITATION.cff'))
})

test.skipIf(able !== true)(
  'documents that say all of a recipe with sources are sound to them, too',
  async () => {
    const directory = await temporaryDirectory()
    const locked = smallLock.platforms['linux/amd64'] ?? expect.unreachable()
    const recipe = { ...smallRecipe, ...SAID }
    const [size, about, mediaType] = [4, 'the image', 'application/x-tar']
    const files = [
      { name: 'small.tar', sha256: '1'.repeat(64), size, about, mediaType, image: 'docker' as const },
    ]
    const sources = sourceIds({ recipe, locked })
    expect(sources.length).toBeGreaterThan(1)
    const facts = { name: 'small', recipe, locked, image: `sha256:${'a'.repeat(64)}`, files, sources }
    for (const name of ['README.md', 'small.tar']) await writeFile(join(directory, name), 'text')
    await writeFile(
      join(directory, 'ro-crate-metadata.json'),
      roCrate(facts, { size, sha256: '2'.repeat(64) }),
    )
    await writeFile(join(directory, 'CITATION.cff'), citationFile(facts))
    const validator = await getCrateValidator()
    expect(await validator.crate(directory)).toEqual([])
    await validator.citation(join(directory, 'CITATION.cff'))
  },
)

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { normalizeName } from '../../src/formats/python/distribution-name.ts'
import type { Contest } from './contest.ts'

const ROOT = join(import.meta.dirname, '../..')

/** The other side of a build. */
export interface ByHand {
  /** What it is called. */
  image: string
  /** Both sides built once, with what they stand on. */
  prepare: () => Promise<unknown>
  /** Without cache; its downloads come from a mirror on this machine. */
  build: () => Promise<unknown>
  /** Empties that mirror: it fetches all again. */
  forgetDownloads: () => Promise<unknown>
}

/**
 * A recipe built without cache against a Dockerfile written by hand: with all downloads on this machine, without and with a first
 * audit, and with all downloads fetched anew.
 *
 * @param forget removes directories of the cache, and what the last builds left
 */
export function buildContests(
  recipe: string,
  scratch: string,
  byHand: ByHand,
  forget: (...names: string[]) => Promise<unknown>,
): Contest[] {
  // a cache without anything in it
  const cold = join(scratch, 'cold')
  const build = (args: string[], env: Record<string, string> = {}) =>
    execa(join(ROOT, 'bin/stillroom'), ['build', 'recipe', recipe, '--no-cache', ...args], { cwd: ROOT, env })
  const prepare = async () => {
    await byHand.prepare()
    await requireSamePackages(`stillroom/${recipe}`, byHand.image)
  }
  const before = async () => {
    // what an audit learned of layers and artifacts
    await forget('audits', 'layers', 'contents')
    await rm(cold, { recursive: true, force: true })
  }
  const dockerfile =
    'docker buildx build --no-cache of a Dockerfile written by hand, on a Debian that is there already'
  const shared = { part: 'build', rounds: 5, prepare, before }
  const near = `${dockerfile}, with a mirror on this machine`
  return [
    {
      ...shared,
      ours: `build recipe ${recipe} --no-cache, from a warm store, with checks`,
      theirs: near,
      atMost: 0.5,
      run: { ours: () => build(['--no-audit']), theirs: byHand.build },
    },
    {
      ...shared,
      ours: `build recipe ${recipe} --no-cache, from a warm store, with checks and a first audit`,
      theirs: near,
      atMost: 0.7,
      run: { ours: () => build([]), theirs: byHand.build },
    },
    {
      ...shared,
      part: 'build-cold',
      ours: `build recipe ${recipe} --no-cache, with an empty cache directory, with checks`,
      theirs: `${dockerfile}, with a mirror on this machine that has nothing yet`,
      atMost: 0.5,
      before: async () => {
        await before()
        await byHand.forgetDownloads()
      },
      run: { ours: () => build(['--no-audit'], { STILLROOM_CACHE: cold }), theirs: byHand.build },
    },
  ]
}

/** Versions may differ: by hand they are the newest. */
async function requireSamePackages(ours: string, theirs: string): Promise<void> {
  const [a, b] = [await packagesOf(ours), await packagesOf(theirs)]
  const differing = [...[...a].filter((name) => !b.has(name)), ...[...b].filter((name) => !a.has(name))]
  if (differing.length > 0)
    throw new Error(`${ours} and ${theirs} do not have the same packages: ${differing.join(' ')}`)
}

/** Names of the Debian packages and Python distributions of an image. */
async function packagesOf(image: string): Promise<Set<string>> {
  const run = async (...command: string[]) =>
    (await execa('docker', ['run', '--rm', '--network', 'none', image, ...command])).stdout
  const debian = await run('dpkg-query', '--show', '--showformat', '${Package}\n')
  const python = JSON.parse(await run('python3', '-m', 'pip', 'list', '--format=json')) as { name: string }[]
  return new Set([
    ...debian.trim().split('\n'),
    ...python.map(({ name }) => `python: ${normalizeName(name)}`),
  ])
}

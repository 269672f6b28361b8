import { existsSync } from 'node:fs'
import { link, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { privateEngine } from '../../src/engine/private/private-engine.ts'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'
import { openStore } from '../../src/store/store.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A cache directory and an engine of its own, as of a machine that has nothing but stillroom. */
export interface OwnMachine extends AsyncDisposable {
  cache: string
  env: Record<string, string>
  stillroom: (...args: string[]) => Promise<string>
  /** Bytes of the disk by what lies there, hard links counted once; the engine's programs are left out. */
  usage: () => Promise<Record<string, number>>
}

/** @param digests artifacts that its store has already, where this machine's has them: links, as on one file system */
export async function ownMachine(digests: readonly string[] = []): Promise<OwnMachine> {
  const cache = await mkdtemp(join(tmpdir(), 'stillroom-own-'))
  const present = privateEngine(defaultCacheDirectory(process.env))
  const own = privateEngine(cache)
  await mkdir(own.base)
  for (const [from, to] of [
    [present.root, own.root],
    [present.clients, own.clients],
  ] as const)
    if (existsSync(from)) await symlink(from, to)
  const [theirs, ours] = [
    await openStore(join(defaultCacheDirectory(process.env), 'store')),
    await openStore(join(cache, 'store')),
  ]
  for (const digest of digests) {
    const path = ours.path(digest)
    await mkdir(dirname(path), { recursive: true })
    // what is not there is fetched
    await link(theirs.path(digest), path).catch(() => {})
  }
  const { DOCKER_HOST: _, DOCKER_CONFIG: __, ...rest } = process.env
  const env = { ...(rest as Record<string, string>), STILLROOM_CACHE: cache, STILLROOM_ENGINE: 'private' }
  const stillroom = async (...args: string[]) =>
    (await execa(join(ROOT, 'bin/stillroom'), args, { env, extendEnv: false, maxBuffer: 2 ** 28 })).stdout
  const usage = async () => {
    const data = join(own.directory, 'data')
    const places = [
      ...(await readdir(cache)).filter((name) => name !== 'engine').map((name) => [name, join(cache, name)]),
      ...(await readdir(data)).map((name) => [`engine ${name}`, join(data, name)]),
    ] as [string, string][]
    // counts a file of several names once, in the first of the places
    const { stdout } = await execa(
      'du',
      ['--summarize', '--block-size=1', ...places.map(([, path]) => path)],
      {
        reject: false,
      },
    )
    const sizes = new Map(stdout.split('\n').map((line) => line.split('\t').reverse() as [string, string]))
    return Object.fromEntries(
      places
        .map(([name, path]) => [name, Number(sizes.get(path) ?? 0)] as const)
        .filter(([, bytes]) => bytes >= 1e6)
        .sort(([, x], [, y]) => y - x),
    )
  }
  return {
    cache,
    env,
    stillroom,
    usage,
    [Symbol.asyncDispose]: async () => {
      await stillroom('engine', 'down', '--purge')
      await rm(cache, { recursive: true, force: true })
    },
  }
}

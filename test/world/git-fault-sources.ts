import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GitOptions, refetchGit, resolveGit } from '../../src/resolve/git/resolve-git.ts'
import type { Sources } from '../../src/sources/find-sources.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { EXPERIMENT } from './contents.ts'
import type { FaultSource } from './fault-sources.ts'
import type { World } from './world.ts'

/** As long as the other sources wait, in seconds. */
const PATIENCE = { GIT_HTTP_LOW_SPEED_LIMIT: '1', GIT_HTTP_LOW_SPEED_TIME: '2' }

/** A repository: while a lock asks where its branch is, and while a build fetches the locked commit. */
export async function gitSources(world: World, found: Sources): Promise<FaultSource[]> {
  const branch = await world.startFront(world.git)
  const commit = await world.startFront(world.git)
  const step = (front: { url: string }) => ({
    ...{ kind: 'git' as const, url: `${front.url}/${EXPERIMENT}.git`, ref: 'main', to: '/opt/experiment' },
    ...{ submodules: false, lfs: false },
  })
  const locked = await withStore(async (store) =>
    resolveGit(step(commit), await optionsFor(world, found, commit, store)),
  )
  return [
    {
      name: 'git branch',
      file: locked,
      front: branch,
      path: /\.git\//,
      asksFirst: true,
      fetch: async (store) => {
        await resolveGit(step(branch), await optionsFor(world, found, branch, store))
        return 0
      },
    },
    {
      name: 'git commit',
      file: locked,
      front: commit,
      path: /git-upload-pack$/,
      asksFirst: true,
      fetch: async (store) => {
        await refetchGit(locked, await optionsFor(world, found, commit, store))
        return 0
      },
    },
  ]
}

/** The login comes by a token of stillroom's own. */
async function optionsFor(
  world: World,
  { git: mirrors, ca }: Sources,
  { host }: { host: string },
  store: Store,
): Promise<GitOptions> {
  const { user, password } = world.logins.git
  await mkdir(store.temporary, { recursive: true })
  return {
    env: {
      ...process.env,
      ...world.env,
      ...PATIENCE,
      STILLROOM_GIT_TOKENS: `https://${host}/=${user}:${password}`,
    },
    mirrors,
    ca,
    temporary: store.temporary,
    signal: new AbortController().signal,
    keep: (content, expected) => store.put(content, expected),
    fetchLarge: () => Promise.reject(new Error('the repository has no large files')),
    backoff: 10,
  }
}

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-git-'))
  try {
    return await work(await openStore(directory))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

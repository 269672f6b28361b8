import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'

/** The environment with a cache that has all of the present one but locked trees, so that the rules alone decide. */
export async function withoutTrees(): Promise<{ STILLROOM_CACHE: string }> {
  const cache = await mkdtemp(join(tmpdir(), 'stillroom-no-trees-'))
  onTestFinished(() => rm(cache, { recursive: true, force: true }))
  const present = defaultCacheDirectory(process.env)
  await mkdir(join(cache, 'store'))
  for (const name of await readdir(present))
    if (name !== 'store') await symlink(join(present, name), join(cache, name))
  for (const name of ['sha256', 'uses'])
    await symlink(join(present, 'store', name), join(cache, 'store', name))
  return { STILLROOM_CACHE: cache }
}

import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'

/**
 * Gives the tests of a file a cache of their own, which has nothing of the user's but the store: what the user's cache
 * says of layers and images that were audited before would hide that they are read wrong.
 */
export function useScratchCache(): void {
  let cache: string
  beforeAll(async () => {
    const store = join(defaultCacheDirectory(process.env), 'store')
    await mkdir(store, { recursive: true })
    cache = await mkdtemp(join(tmpdir(), 'stillroom-cache-'))
    await symlink(store, join(cache, 'store'))
    process.env.STILLROOM_CACHE = cache
  })
  afterAll(() => rm(cache, { recursive: true, force: true }))
}

import { join } from 'node:path'
import type { Sources } from '../sources/find-sources.ts'
import { defaultCacheDirectory, requireOwnCache } from '../store/cache-directory.ts'
import { openStore } from '../store/store.ts'
import type { Artifacts, Cache, Cancellation, Environment, Project, Reporting, Upstreams } from './ports.ts'
import { readConfig } from './project/read-config.ts'

export type SessionOptions = Project & Environment & Cancellation & Reporting

/** What the workflows of one run share: all ports. */
export type Session = SessionOptions & Cache & Artifacts & Upstreams

/** @throws {StillroomError} CACHE_UNSAFE when others may write to the cache directory, NOT_WRITABLE when it is no directory */
export async function openSession(options: SessionOptions): Promise<Session> {
  const cache = defaultCacheDirectory(options.env)
  await requireOwnCache(cache)
  const store = await openStore(join(cache, 'store'))
  let sources: Promise<Sources> | undefined
  return {
    ...options,
    cache,
    store,
    sources: () => {
      sources ??= findMachineSources(options)
      return sources
    },
  }
}

async function findMachineSources({ directory, env }: Project & Environment): Promise<Sources> {
  const { findSources } = await import('../sources/find-sources.ts')
  const { archiveServices } = await import('../resolve/debian/archive-services.ts')
  const config = await readConfig(directory)
  const settings = config.sources ? { config: config.sources } : {}
  return findSources({ env, ...settings, standard: archiveServices })
}

import { join } from 'node:path'
import type { Sources } from '../sources/find-sources.ts'
import { defaultCacheDirectory } from '../store/cache-directory.ts'
import { openStore, type Store } from '../store/store.ts'
import { readConfig } from './project/read-config.ts'

/** What a workflow tells while it works; everything of it goes to stderr. */
export type Progress = (event: ProgressEvent) => void
export type ProgressEvent =
  /** A stage of the work begins; the one before is over. */
  | { kind: 'stage'; title: string }
  /** Where the stage stands: replaces what was said before. */
  | { kind: 'status'; text: string }
  /** Something to be read even when all goes well. */
  | { kind: 'note'; text: string }

export interface SessionOptions {
  /** The project: what holds `recipes` and `generated`. */
  directory: string
  env: Readonly<Record<string, string | undefined>>
  signal: AbortSignal
  progress: Progress
}

/** What the workflows of one run share. */
export interface Session extends SessionOptions {
  cache: string
  store: Store
  /** Found when first asked for: an unchanged build needs none. */
  sources(): Promise<Sources>
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const cache = defaultCacheDirectory(options.env)
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

async function findMachineSources({ directory, env }: SessionOptions): Promise<Sources> {
  const { findSources } = await import('../sources/find-sources.ts')
  const config = await readConfig(directory)
  return findSources({ env, ...(config.sources ? { config: config.sources } : {}) })
}

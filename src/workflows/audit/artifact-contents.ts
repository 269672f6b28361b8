import { hash } from 'node:crypto'
import { join } from 'node:path'
import type { ArtifactContents } from '../../audit/expect/locked-contents.ts'
import { FileCache } from '../../store/file-cache.ts'
import type { Cache } from '../ports.ts'

/** Raised whenever what is kept would be read in another way. */
const FORMAT = 3
/** An image of 440 artifacts takes about 20 MB. */
const LIMIT = 512 * 1024 ** 2
const UNUSED_AFTER = 30 * 24 * 3600 * 1000

/** What artifacts and project trees hold, in the cache directory. */
export function contentsFiles({ cache }: Cache): FileCache {
  return new FileCache(join(cache, 'contents'), FORMAT, LIMIT)
}

/**
 * What an artifact holds, as it was kept when it was read; undefined when it was not, or is damaged.
 *
 * @param key names the artifact's content, and all else that reading it depends on
 */
export async function keptContents(ports: Cache, key: string): Promise<ArtifactContents | undefined> {
  const kept = await contentsFiles(ports).get(nameOf(key))
  return kept && (JSON.parse(kept.toString()) as ArtifactContents)
}

/** Whether something is kept for {@link keptContents}. */
export async function hasContents(ports: Cache, key: string): Promise<boolean> {
  return contentsFiles(ports).has(nameOf(key))
}

/** Keeps what an artifact holds for {@link keptContents}. */
export async function keepContents(
  ports: Cache,
  key: string,
  contents: ArtifactContents,
): Promise<ArtifactContents> {
  await contentsFiles(ports).put(nameOf(key), Buffer.from(JSON.stringify(contents)))
  return contents
}

/** Forgets what was not used for a month, and the oldest beyond the limit. */
export async function trimContents(ports: Cache): Promise<void> {
  await contentsFiles(ports).clean(new Date(Date.now() - UNUSED_AFTER))
}

const nameOf = (key: string): string => hash('sha256', key, 'hex')

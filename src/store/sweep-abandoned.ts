import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const ABANDONED_AFTER = 7 * 24 * 3600 * 1000

/** Removes what interrupted runs left in a store's temporary directory and no run has touched for a week. */
export async function sweepAbandoned(directory: string, now: number = Date.now()): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    const file = join(directory, name)
    const entry = await stat(file).catch(() => undefined)
    if (entry?.isFile() && now - entry.mtimeMs > ABANDONED_AFTER)
      await rm(file, { force: true }).catch(() => {})
  }
}
